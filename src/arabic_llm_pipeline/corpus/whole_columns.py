"""Documents of parquet and Arrow whose columns go over as they are, many at a time: no row becomes an object of Python.

What `mapping.document_row` does to a row is said here of columns. A batch with anything odd in it (a row to be refused,
a column of another type) is not taken here but goes the way of all other sources, row by row.
"""

from typing import Any

import polars as pl
import pyarrow as pa

from arabic_llm_pipeline.corpus.records import DIALECTS, DOCUMENT, DOCUMENTS, SPLITS
from arabic_llm_pipeline.corpus.streams import UNREADABLE
from arabic_llm_pipeline.parameters.sources import SourceSettings

FORMATS = ("parquet", "arrow")
TRIMMED, AS_WRITTEN = ("id", "dialect", "split", "lang"), ("title", "url")
TEXT = (pa.string(), pa.large_string())
# What Python's str.strip takes away; polars knows four of them less.
WHITESPACE = "".join(char for char in map(chr, range(0x3001)) if char.isspace())


def fits(source: SourceSettings) -> bool:
    """Whether a source is documents whose columns are named, and all of whose rows are taken."""
    named = all(isinstance(column, str) for column in source.columns.values()) and "text" in source.columns
    plain = source.record == "document" and source.articles == "prose" and not (source.languages or source.template)
    return source.format in FORMATS and named and plain and source.limit is None


def documents(batch: Any, source: SourceSettings, max_bytes: int) -> pl.DataFrame | None:
    """The documents of a batch, but for what all rows of their source have in common; None where a row is odd.

    Args:
        batch: a record batch of Arrow.
        source: one that `fits`.
        max_bytes: longer records are rejected.
    """
    columns = _columns(batch, source)
    if columns is None or not _sound(columns, max_bytes):
        return None
    frame = pl.DataFrame(columns).select(_fields(source, columns))
    known = frame.select(
        (pl.col("dialect").is_in(DIALECTS) | pl.col("dialect").is_null()).all()
        & (pl.col("split").is_in(SPLITS) | pl.col("split").is_null()).all()
        & pl.col("text").str.strip_chars(WHITESPACE).ne("").fill_null(False).all()
    )
    if not known.item():
        return None
    said = pl.struct(role=pl.lit(DOCUMENT), content=pl.col("text"))
    return frame.with_columns(kind=pl.lit("prose"), messages=pl.concat_list(said)).drop("text")


def completed(frame: pl.DataFrame, source: SourceSettings, name: str, label: str, start: int) -> pl.DataFrame:
    """Rows of the table of documents, with what all rows of their source have in common.

    Args:
        frame: as `documents` gives it.
        source: what the configuration says of it.
        name: of the source.
        label: what the ids of rows that bring none begin with, before their ordinal.
        start: the ordinal of the first row.
    """
    ordinal = pl.int_range(start, start + pl.len()).cast(pl.String)
    dialect = pl.coalesce("dialect", pl.lit(source.dialect, pl.String))
    frame = frame.with_columns(
        id=pl.concat_str(pl.lit(f"{name}/"), pl.coalesce("id", pl.concat_str(pl.lit(label), ordinal))),
        source=pl.lit(name),
        licence=pl.lit(source.licence),
        dialect=dialect,
        split=pl.coalesce("split", pl.lit(source.split, pl.String)),
        dialect_score=pl.when(dialect.is_not_null()).then(pl.lit(1.0, pl.Float32)),
    )
    absent = (pl.lit(None, dtype).alias(column) for column, dtype in DOCUMENTS.items() if column not in frame.columns)
    return frame.with_columns(absent).select(DOCUMENTS.names())


def _columns(batch: Any, source: SourceSettings) -> dict[str, pl.Series] | None:
    """The columns of a batch; None where one is no text or number, or is looked into by a path."""
    names = batch.schema.names
    if len({*names}) < len(names) or not {source.columns["text"]} <= {*names} <= {*source.columns.values()}:
        return None
    found = {}
    for name, column in zip(names, batch.columns, strict=True):
        is_text = column.type in TEXT
        if not is_text and (name == source.columns["text"] or not pa.types.is_integer(column.type)):
            return None
        try:
            column.validate(full=True)
        except pa.ArrowInvalid:  # bytes that are no UTF-8
            return None
        found[name] = pl.Series(name, pl.from_arrow(column)).cast(pl.String)
    return found


def _sound(columns: dict[str, pl.Series], max_bytes: int) -> bool:
    """Whether no record is too long or was damaged before it came here."""
    sizes = pl.DataFrame([column.str.len_bytes().fill_null(0) for column in columns.values()]).sum_horizontal()
    if (sizes > max_bytes).any():
        return False
    return not any(column.str.contains(UNREADABLE, literal=True).any() for column in columns.values())


def _fields(source: SourceSettings, columns: dict[str, pl.Series]) -> list[pl.Expr]:
    """What a document has, each by its column or constant; nothing is null, as in `mapping.optional`."""
    found = [pl.col(str(source.columns["text"])).alias("text")]
    for name in (*TRIMMED, *AS_WRITTEN):
        column = source.columns.get(name)
        given = pl.col(str(column)) if column in columns else pl.lit(None, pl.String)
        if column is None:
            given = pl.lit(source.constants.get(name), pl.String)
        bare = given.str.strip_chars(WHITESPACE)
        if name in TRIMMED:
            given = pl.when(bare != "").then(bare)
        elif column is not None:
            given = pl.when(bare != "").then(given)
        if name == "dialect":
            given = given.replace(source.dialects) if source.dialects else given
        found.append(given.alias(name))
    return found
