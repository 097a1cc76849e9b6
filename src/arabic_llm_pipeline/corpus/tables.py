"""Sources whose columns the configuration names: JSON, JSON lines, CSV, TSV, parquet, and plain text, to any record."""

from collections.abc import Iterator
from typing import Any

import polars as pl

from arabic_llm_pipeline.common.files import File
from arabic_llm_pipeline.corpus import tasks, whole_columns
from arabic_llm_pipeline.corpus.labels import chosen, good, texts
from arabic_llm_pipeline.corpus.mapping import (
    PLACE,
    about,
    answer,
    belonging,
    conversation_row,
    converted,
    document_row,
    instruction_row,
    optional,
    prompt,
)
from arabic_llm_pipeline.corpus.records import Record, RefusedError, Reject
from arabic_llm_pipeline.corpus.rows import (
    COMMA,
    TAB,
    Row,
    Rows,
    arrow_rows,
    batch_rows,
    columnar,
    json_rows,
    jsonl_rows,
    nested,
    parquet_rows,
    table_rows,
    text_rows,
)
from arabic_llm_pipeline.parameters.shapes import ITEM_KINDS, SHORT_ANSWER, TASKS
from arabic_llm_pipeline.parameters.sources import SourceSettings

TEXT_COLUMN = {"text": 0}


def read(path: File, source: SourceSettings, max_bytes: int) -> Iterator[Record | Reject]:
    """The records of one file."""
    return _records(rows_of(path, source, max_bytes), source)


def read_columns(path: File, source: SourceSettings, max_bytes: int) -> Iterator[pl.DataFrame | Record | Reject]:
    """The records of one file of a source that `whole_columns` fits, the plain ones many at a time."""

    def read_batch(batch: Any, place: int) -> Iterator[pl.DataFrame | Record | Reject]:
        frame = whole_columns.documents(batch, source, max_bytes)
        return _records(batch_rows(batch, place, max_bytes), source) if frame is None else iter([frame])

    return columnar(path, source.format, _used(source), read_batch)


def _records(rows: Rows, source: SourceSettings) -> Iterator[Record | Reject]:
    if source.format == "text":
        source = source.model_copy(update={"columns": TEXT_COLUMN})

    def make(row: Row) -> Iterator[Record]:
        if source.record in TASKS:
            return tasks.records(row.value, source)
        table, make_row = MAKERS[source.record]
        return iter([Record(table, make_row(row.value, source))])

    return converted(rows, make, source.languages)


def rows_of(path: File, source: SourceSettings, max_bytes: int) -> Rows:
    """The rows of one file in the source's format."""
    match source.format:
        case "json":
            return json_rows(path, max_bytes, _path(source), source.encoding)
        case "parquet":
            return parquet_rows(path, max_bytes, _used(source))
        case "arrow":
            return arrow_rows(path, max_bytes, _used(source))
        case "csv" | "tsv":
            dialect = TAB if source.format == "tsv" else COMMA
            if source.delimiter:
                dialect = {**dialect, "delimiter": source.delimiter}
            return table_rows(path, max_bytes, dialect, source.header, source.encoding)
        case "text":
            lines = text_rows(path, max_bytes, source.encoding)
            return (row._replace(value=[row.value]) if isinstance(row, Row) else row for row in lines)
        case _:
            return nested(jsonl_rows(path, max_bytes, source.encoding), _path(source))


def _path(source: SourceSettings) -> list[str]:
    return source.each.split(".") if source.each else []


def _used(source: SourceSettings) -> set[str]:
    """Names of parquet columns that the map can mean: a path begins with its column's name."""
    columns = [one for c in source.columns.values() for one in (c if isinstance(c, list) else [c])]
    names = [*map(str, columns), *PLACE.findall(source.template or "")]
    return {*names, *(name.partition(".")[0] for name in names)}


def pair_row(value: Any, source: SourceSettings) -> dict[str, Any]:
    """A prompt with a better and a worse answer, given as such, or as two texts and a label that tells."""
    names = ("first", "second") if source.chosen else ("chosen", "rejected")
    both = [answer(value, source, name) for name in names]
    (before, chosen), (besides, rejected) = both[::-1] if _second_is_better(value, source) else both
    if before != besides:
        raise RefusedError("unequal_prompts")
    row = about(value, source) | {"prompt": before or prompt(value, source), "margin": _margin(value, source)}
    return row | {"chosen": chosen, "rejected": rejected}


def _second_is_better(value: Any, source: SourceSettings) -> bool:
    """What the label says, where there is one."""
    better = source.chosen.get((optional(value, source, "label") or "").strip())
    if source.chosen and better is None:
        raise RefusedError("unknown_label")
    return better == "second"


def _margin(value: Any, source: SourceSettings) -> float | None:
    """By how much the better one is better: a number, or the difference of two."""
    columns = source.columns.get("margin")
    if not isinstance(columns, list):
        return _number(value, source, "margin")
    one, other = (_number(value, source.model_copy(update={"columns": {"margin": name}}), "margin") for name in columns)
    return None if one is None or other is None else one - other


def _number(value: Any, source: SourceSettings, name: str) -> float | None:
    text = optional(value, source, name)
    try:
        return None if text is None else float(text)
    except ValueError:
        raise RefusedError("wrong_type") from None


def item_row(value: Any, source: SourceSettings) -> dict[str, Any]:
    """A question with its accepted answers, or with choices of which one is right."""
    (choices, right), answers = chosen(value, source), [text for text in texts(value, source, "answers") if text]
    if not answers and right is not None:
        answers = [choices[right]]
    if not answers:
        raise RefusedError("empty_text")
    kind = optional(value, source, "kind") or (SHORT_ANSWER if right is None or len(choices) < 2 else "multiple_choice")
    if kind not in ITEM_KINDS:
        raise RefusedError("unknown_kind")
    row = about(value, source) | belonging(value, source, kind)
    row |= {name: optional(value, source, name) for name in ("question", "passage")}
    return row | {"prompt": prompt(value, source), "choices": choices, "answers": answers, "label": right}


def feedback_row(value: Any, source: SourceSettings) -> dict[str, Any]:
    """A prompt with one answer, and whether people found it good."""
    before, said = answer(value, source, "completion")
    row = about(value, source) | {"prompt": before or prompt(value, source), "completion": said}
    return row | {"label": good(value, source)}


MAKERS = {
    "document": ("documents", document_row),
    "instruction": ("documents", instruction_row),
    "conversation": ("documents", conversation_row),
    "pair": ("pairs", pair_row),
    "feedback": ("feedback", feedback_row),
    "item": ("items", item_row),
}
