"""Bactrian-X: one JSON array, or JSON lines, of id, instruction, input, output; the input may be empty or null."""

import re
from collections.abc import Iterator

from arabic_llm_pipeline.common.files import File
from arabic_llm_pipeline.corpus.mapping import converted, instruction_row
from arabic_llm_pipeline.corpus.records import Record, Reject
from arabic_llm_pipeline.corpus.rows import Row, json_rows, jsonl_rows
from arabic_llm_pipeline.corpus.streams import first_byte
from arabic_llm_pipeline.parameters.sources import SourceSettings

LANGUAGE = re.compile("[a-z]{2}(?=[._-])")  # what the upstream files are named after: ar.json.gz
FIELDS = {"id": "id", "instruction": "instruction", "input": "input", "output": "output"}


def read(path: File, source: SourceSettings, max_bytes: int) -> Iterator[Record | Reject]:
    """The instructions of one file."""
    rows = json_rows if first_byte(path) in (b"[", b"") else jsonl_rows
    mapped = source.model_copy(update={"record": "instruction", "columns": FIELDS})
    named = LANGUAGE.match(path.name)

    def make(row: Row) -> Iterator[Record]:
        yield Record("documents", instruction_row(row.value, mapped) | {"lang": named[0] if named else None})

    return converted(rows(path, max_bytes), make, source.languages)
