"""Training records that hold a prompt of the evaluation, as a whole or within a longer text."""

from collections.abc import Sequence
from functools import partial

import polars as pl

from arabic_llm_pipeline.corpus.keys import ANSWERS, hashed, with_keys
from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.corpus.splits import HELD, held, split_expr
from arabic_llm_pipeline.parameters.duplicates import SplitsSettings

IN_EVALUATION = "in_evaluation"


def prompts(items: ShardSet, splits: SplitsSettings, min_words: int) -> tuple[str, ...]:
    """The matching keys of all evaluation prompts of at least so many words: shorter ones stand in texts by chance."""
    frame = with_keys(items.scan().filter(pl.col("reason").is_null()), "items")
    frame = frame.with_columns(_hash=hashed(pl.col("_group"), str(splits.seed)))
    measured = pl.coalesce("split", split_expr(pl.col("_hash"), splits)).is_in(HELD)
    kept = frame.filter(measured).select(text="_asked")
    long = kept.filter(pl.col("text").str.count_matches(" ", literal=True) >= min_words - 1)
    return tuple(sorted(set(long.collect()["text"])))


def holds(text: pl.Expr, wanted: Sequence[str]) -> pl.Expr:
    """Whether a matching key has any of the wanted ones in it, as whole words."""
    if not wanted:
        return pl.lit(False)
    patterns = [f" {one} " for one in wanted]
    # Not said to be element-wise: it gets a whole shard at once, because every call builds its automaton anew.
    return text.map_batches(partial(_holds, patterns=patterns), return_dtype=pl.Boolean)


def _holds(texts: pl.Series, patterns: list[str]) -> pl.Series:
    padded = (" " + texts.str.replace_all("\n", " ", literal=True) + " ").to_frame("text")
    return padded.select(pl.col("text").str.contains_any(pl.lit(pl.Series(patterns)).implode()))["text"].alias(
        texts.name
    )


def find(keys: pl.DataFrame) -> pl.DataFrame:
    """Training records that ask what held-out items or documents ask, answer as held-out pairs do, or hold a prompt.

    Args:
        keys: of all records (`duplicates.Keys`), with their splits.
    """
    measured = keys.filter(held("split"))
    training = keys.filter((pl.col("split") == "train") & (pl.col("records") != "items"))
    questions = measured.filter(~pl.col("records").is_in(list(ANSWERS)))["asked"].unique().implode()
    groups = measured["group"].unique().implode()
    found = training.filter(pl.col("asked").is_in(questions) | pl.col("group").is_in(groups) | pl.col("holds"))
    return found.select("records", "shard", "row", reason=pl.lit(IN_EVALUATION))
