"""Texts of a corpus, seen in several ways, and drawn so that the same ones come every time."""

from collections.abc import Iterator

import polars as pl

from arabic_llm_pipeline.arabic.alphabet import ARABIC_MARKS
from arabic_llm_pipeline.arabic.clean import NORMALIZED, clean_expr
from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.progress import progress
from arabic_llm_pipeline.corpus.keys import hashed
from arabic_llm_pipeline.corpus.shards import ShardSet

MARK_RUN = f"[{ARABIC_MARKS}]+"
TEXT, BARE, UNIFIED = "text", "without diacritics", "text_normalized"
VIEWS = {
    TEXT: pl.col("text"),
    BARE: pl.col("text").str.replace_all(MARK_RUN, ""),
    UNIFIED: clean_expr(pl.col("text"), NORMALIZED),
}
DRAWS = 1 << 64


def draw(salt: str) -> pl.Expr:
    """A number below `DRAWS` for each document: the same in every run, another with every salt."""
    return hashed(pl.col("id"), salt).bin.slice(0, 8).bin.reinterpret(dtype=pl.UInt64)


def drawn_in(kept: pl.LazyFrame, characters: int, seed: int) -> pl.Expr:
    """Which of some documents are drawn, so that they have about so many characters: evenly, the same ones every time.

    Raises:
        UserError: they have none.
    """
    size = pl.col("messages").list.eval(pl.element().struct.field("content").str.len_chars()).list.sum()
    total = kept.select(size.sum()).collect().item() or 0
    if not total:
        raise UserError("No document of the corpus is kept in the split that is asked for: there is nothing to read.")
    return draw(f"sample {seed}") <= min(DRAWS - 1, DRAWS * characters // total)


def sampled(documents: ShardSet, view: str, characters: int, seed: int, split: str = "train") -> Iterator[str]:
    """Messages of kept documents, about so many characters of them, from everywhere in the corpus, a shard at a time.

    Args:
        documents: of the corpus.
        view: one of `VIEWS`.
        characters: how many are wanted; all, where there are fewer.
        seed: of the draw; a larger sample holds the smaller one.
        split: of the documents.

    Raises:
        UserError: there are none.
    """
    kept = pl.col("reason").is_null() & (pl.col("split") == split)
    drawn = drawn_in(documents.scan().filter(kept), characters, seed)
    contents = pl.col("messages").list.eval(pl.element().struct.field("content")).explode().alias("text")
    with progress("Characters to read", characters) as advance:
        for path in documents.paths:
            rows = pl.scan_parquet(path).filter(kept).filter(drawn).select(contents).drop_nulls()
            texts = rows.select(text=VIEWS[view]).collect().to_series()
            yield from texts
            advance(int(texts.str.len_chars().sum()))
