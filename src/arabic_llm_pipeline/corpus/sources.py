"""A file of a source to rows: one loader for each format, and what all rows of the source have in common."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from arabic_llm_pipeline.common.files import File
from arabic_llm_pipeline.corpus import bactrian, oasst, tables, whole_columns, wikipedia
from arabic_llm_pipeline.corpus.records import Record, Reject
from arabic_llm_pipeline.parameters.sources import SourceSettings

LOADERS = {
    "bactrian_x": bactrian.read,
    "oasst": oasst.read,
    "mediawiki": wikipedia.read_dump,
    "wikipedia": wikipedia.read_rows,
}


@dataclass(frozen=True)
class FoundFiles:
    """The files of every source, and the folder that they are named from."""

    root: Path
    files: dict[str, list[File]]


@dataclass(frozen=True)
class SourceFile:
    """One file of a source, as a task of its own.

    Attributes:
        name: of the source.
        source: what the configuration says of it.
        path: the file.
        shown: the file as people know it, from the root of the data, or its URL.
        several: the source has more files, so that ordinals alone do not tell their records apart.
        label: what the ids of its records begin with then; its name, if not given.
    """

    name: str
    source: SourceSettings
    path: File
    shown: str
    several: bool
    label: str = ""


def known_as(path: File, root: Path) -> str:
    """A file as people know it: from the root of the data, by its name, or by its URL."""
    if not isinstance(path, Path):
        return str(path)
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def read_file(file: SourceFile, max_bytes: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows of one file with the table each belongs to: documents, pairs, items or rejects.

    Args:
        file: what to read.
        max_bytes: longer lines and records are rejected.
    """
    load = LOADERS.get(file.source.format, tables.read)
    limit = file.source.limit if file.source.seed is None else None  # a sample is drawn of all of it
    taken: dict[str, int] = {}
    for found in load(file.path, file.source, max_bytes):
        if isinstance(found, Reject):
            yield _rejected(found, file)
        elif limit is None or taken.get(found.table, 0) < limit:
            yield found.table, _completed(found, file, taken.get(found.table, 0))
            taken[found.table] = taken.get(found.table, 0) + 1
        elif len(taken) == 1 + file.source.pairs and min(taken.values()) >= limit:
            return  # nothing that comes would be taken


def read_columns(file: SourceFile, max_bytes: int) -> Iterator[tuple[str, dict[str, Any] | pl.DataFrame]]:
    """The same, but that documents may come many at a time, as rows of their table."""
    if not whole_columns.fits(file.source):
        yield from read_file(file, max_bytes)
        return
    taken = 0
    for found in tables.read_columns(file.path, file.source, max_bytes):
        if isinstance(found, Reject):
            yield _rejected(found, file)
        elif isinstance(found, Record):
            yield found.table, _completed(found, file, taken)
            taken += 1
        elif len(found):
            yield "documents", whole_columns.completed(found, file.source, file.name, _begin(file), taken)
            taken += len(found)


def _rejected(found: Reject, file: SourceFile) -> tuple[str, dict[str, Any]]:
    return "rejects", {"source": file.name, "file": file.shown, **found._asdict()}


def _begin(file: SourceFile) -> str:
    """What stands before the ordinal in the ids of a file's records, where they bring none."""
    return f"{file.label or file.path.name.partition('.')[0]}/" if file.several else ""


def _completed(record: Record, file: SourceFile, ordinal: int) -> dict[str, Any]:
    """A row with what all rows of its source have in common; what the row says itself wins."""
    row, source = record.row, file.source
    upstream = row.get("id") or f"{_begin(file)}{ordinal}"
    dialect = row.get("dialect") or source.dialect
    common = {"source": file.name, "licence": source.licence, "dialect": dialect}
    common |= {"split": row.get("split") or source.split, "dialect_score": 1.0 if dialect else None}
    return {**row, **common, "id": f"{file.name}/{upstream}"}
