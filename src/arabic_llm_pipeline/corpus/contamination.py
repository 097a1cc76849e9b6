"""Training records that hold a prompt of the evaluation, as a whole or within a longer text."""

from collections.abc import Sequence
from functools import partial

import polars as pl

from arabic_llm_pipeline.corpus.keys import ANSWERS, hashed, with_keys
from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.corpus.splits import HELD, held, split_expr
from arabic_llm_pipeline.parameters.duplicates import SplitsSettings

IN_EVALUATION = "in_evaluation"
PROMPTS = pl.Schema({"text": pl.String, "source": pl.String, "words": pl.Int32})


def prompts(items: ShardSet, splits: SplitsSettings, min_words: int) -> pl.DataFrame:
    """Evaluation prompts of at least so many words, as shorter ones stand in texts by chance.

    Returns:
        Columns of `PROMPTS`, ordered by text: the matching key, the first source that asks so, and how many words.
    """
    frame = with_keys(items.scan().filter(pl.col("reason").is_null()), "items")
    frame = frame.with_columns(_hash=hashed(pl.col("_group"), str(splits.seed)))
    measured = pl.coalesce("split", split_expr(pl.col("_hash"), splits)).is_in(HELD)
    kept = frame.filter(measured).select(text="_asked", source="source", words=words(pl.col("_asked")))
    long = kept.filter(pl.col("words") >= min_words)
    return long.collect().unique("text", keep="first", maintain_order=True).sort("text")


def words(key: pl.Expr) -> pl.Expr:
    """How many words a matching key of one line has (Int32)."""
    return key.str.count_matches(" ", literal=True).cast(pl.Int32) + 1


def holds(text: pl.Expr, wanted: Sequence[str]) -> pl.Expr:
    """The first of the wanted matching keys that stands in one, as whole words; null where none does."""
    if not wanted:
        return pl.lit(None, pl.String)
    patterns = [f" {one} " for one in wanted]
    # Not said to be element-wise: it gets a whole shard at once, because every call builds its automaton anew.
    return text.map_batches(partial(_holds, patterns=patterns), return_dtype=pl.String)


def _holds(texts: pl.Series, patterns: list[str]) -> pl.Series:
    """Nearly every text holds none: only those that do are asked which."""
    padded = (" " + texts.str.replace_all("\n", " ", literal=True) + " ").to_frame("text")
    any_of, text = pl.lit(pl.Series(patterns)).implode(), pl.col("text")
    rows = padded.select(text.str.contains_any(any_of).fill_null(False))["text"].arg_true()
    which = padded[rows].select(text.str.extract_many(any_of).list.first().str.strip_chars(" "))["text"]
    return pl.repeat(None, len(texts), dtype=pl.String, eager=True).scatter(rows, which).alias(texts.name)


def find(keys: pl.DataFrame, asked: pl.DataFrame) -> pl.DataFrame:
    """Training records that ask what held-out items or documents ask, answer as held-out pairs do, or hold a prompt.

    Args:
        keys: of all records (`duplicates.Keys`), with their splits.
        asked: the prompts, as `prompts` gives them.

    Returns:
        Columns of `duplicates.VERDICTS`: the value is how many words the prompt has, `stays_source` who asks it.
    """
    measured = keys.filter(held("split"))
    training = keys.filter((pl.col("split") == "train") & (pl.col("records") != "items"))
    questions = measured.filter(~pl.col("records").is_in(list(ANSWERS)))
    for by, name in ((questions, "asked"), (measured, "group")):
        first = by.select(name, pl.col("source").alias(f"_{name}")).unique(name, keep="first", maintain_order=True)
        training = training.join(first, on=name, how="left", maintain_order="left")
    whole = pl.coalesce("_asked", "_group")
    held_prompts = asked.select(holds="text", _holds="source", _words="words")
    found = training.join(held_prompts, on="holds", how="left", maintain_order="left").with_columns(
        stays_source=pl.coalesce(whole, "_holds"),
        value=pl.when(whole.is_null()).then("_words").otherwise("words").cast(pl.Float32),
        reason=pl.lit(IN_EVALUATION),
    )
    found = found.filter(pl.col("stays_source").is_not_null())
    return found.select("records", "shard", "row", "source", "stays_source", "value", "reason")
