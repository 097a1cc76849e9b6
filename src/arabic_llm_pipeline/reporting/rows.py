"""The few rows of the corpus that the report shows."""

import polars as pl

from arabic_llm_pipeline.reporting.changes import change, chosen
from arabic_llm_pipeline.reporting.inputs import Inputs
from arabic_llm_pipeline.reporting.view import Block

SCANNED = 5_000  # documents among which changes are looked for: the first ones
TEXT = pl.col("messages").list.first().struct.field("content")
SHOWN = (
    "Documents as they were read and as they are taught, from shortly before the first change; they were chosen from "
    "the first of the corpus to show many kinds of change. Struck through: removed or replaced; underlined: put in."
)
CUT = pl.lit("\u2026")  # HORIZONTAL ELLIPSIS


def blocks(inputs: Inputs) -> list[Block]:
    """One part: documents as they were and as they became."""
    report = inputs.report
    texts = changed_texts(inputs["ingested_documents"].scan(), inputs["documents"].scan(), report.changes)
    if not texts:
        return [Block(text=["No document to show: cleaning changed none of the first ones, or none were asked for."])]
    return [Block(text=[SHOWN], cards=[change(*row, report.excerpt) for row in texts])]


def dropped_rows(documents: pl.LazyFrame, each: int, excerpt: int) -> pl.DataFrame:
    """Some dropped rows of each reason, of as many sources as there are: reason, source, id, excerpt."""
    short = pl.when(TEXT.str.len_chars() > excerpt).then(TEXT.str.head(excerpt - 1) + CUT).otherwise(TEXT)
    rows = documents.filter(pl.col("reason").is_not_null()).select("reason", "source", "id", excerpt=short)
    rows = rows.with_columns(rank=_rank("reason", "source")).filter(pl.col("rank") < each)
    rows = rows.sort("reason", "rank", "source", maintain_order=True)
    return rows.filter(_rank("reason") < each).drop("rank").collect()


def rejected_rows(rejects: pl.LazyFrame, each: int) -> pl.DataFrame:
    """Some rejects of each reason, in the order in which they were met."""
    return rejects.filter(_rank("reason") < each).sort("reason", maintain_order=True).collect()


def changed_texts(before: pl.LazyFrame, after: pl.LazyFrame, most: int) -> list[tuple[str, str, str]]:
    """Documents that cleaning changed and kept: id, text before, text after; they show many kinds of change.

    Only the first documents are looked at: a sample has to be cheap, however large the corpus.
    """
    old = before.head(SCANNED).select("id", TEXT.alias("before"))
    new = after.head(SCANNED).filter(pl.col("reason").is_null()).select("id", TEXT.alias("after"))
    pairs = old.join(new, on="id", maintain_order="left").filter(pl.col("before") != pl.col("after"))
    return chosen(((id_, a, b) for id_, a, b in pairs.collect().iter_rows() if a and b), most)


def _rank(*keys: str) -> pl.Expr:
    """Place of a row among those of its kind, from 0."""
    return pl.int_range(pl.len()).over(*keys)
