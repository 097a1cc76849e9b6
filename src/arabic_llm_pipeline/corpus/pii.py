"""Personal data in records by policy: kept, masked by a word in brackets, or the record dropped."""

import polars as pl

from arabic_llm_pipeline.arabic import personal
from arabic_llm_pipeline.corpus.quality import Rule
from arabic_llm_pipeline.parameters.audit import PiiSettings


def with_counts(frame: pl.LazyFrame, settings: PiiSettings) -> pl.LazyFrame:
    """With the columns that `rules` reads; `_text` is the whole record."""
    return frame.with_columns(
        personal.count_expr(pl.col("_text"), kind).alias(f"_{kind}") for kind in _kinds(settings, "drop")
    )


def rules(settings: PiiSettings) -> list[Rule]:
    """A rule for each kind whose records go: pii_phone and so on; the value is how many there are."""
    return [Rule(f"pii_{kind}", pl.col(f"_{kind}") > 0, pl.col(f"_{kind}")) for kind in _kinds(settings, "drop")]


def masked(text: pl.Expr, settings: PiiSettings) -> pl.Expr:
    """A text with all that is to be masked."""
    return personal.mask_expr(text, *kinds) if (kinds := _kinds(settings, "mask")) else text


def masked_messages(column: str, settings: PiiSettings) -> pl.Expr:
    """A column of messages with all that is to be masked in their contents."""
    if not _kinds(settings, "mask"):
        return pl.col(column)
    content = masked(pl.element().struct.field("content"), settings)
    return pl.col(column).list.eval(pl.element().struct.with_fields(content.alias("content")))


def _kinds(settings: PiiSettings, policy: str) -> list[str]:
    return [kind for kind in personal.KINDS if getattr(settings, kind) == policy]
