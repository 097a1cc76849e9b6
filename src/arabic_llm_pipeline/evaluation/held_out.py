"""What the candidates are asked: held-out rows, the same for all, drawn by the seed where there are too many."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.parameters.evaluate import EvaluateSettings

FIRST = pl.col("messages").list.first().struct.field("content")
GIVEN = (pl.col("dialect_score") == 1).fill_null(False)  # the dialect, by the source; a tag of ours says less
TAGGED = "{} (tagged)"  # what a dialect is called that the tagger gave
ANSWERABLE = pl.col("answers").list.len() > 0
_COUNT = pl.col("choices").list.len()
_BLANK = pl.col("choices").list.eval(pl.element().str.strip_chars() == "").list.any()
CHOOSABLE = (_COUNT >= 2) & pl.col("label").is_between(0, _COUNT, closed="left") & ~_BLANK
"""Items that can be answered by a choice: the label is one of two or more choices, none of them blank."""
Part = Literal["choices", "writing", "exact_match"]
PARTS: dict[str, Part] = {  # how an item is measured, by its kind
    "multiple_choice": "choices",
    "classification": "choices",
    "question_answering": "writing",
    "translation": "writing",
    "free_answers": "writing",
}


@dataclass(frozen=True)
class HeldOut:
    """Rows of the test split, and the development items that choose a prompt format and give its examples.

    Attributes:
        items: columns of items that are measured by exact match and have an answer.
        dev: the same of the development split.
        pairs: id, prompt, chosen, rejected.
        unanswerable: test items left out because no accepted answer is known.
    """

    items: pl.DataFrame
    dev: pl.DataFrame
    pairs: pl.DataFrame
    unanswerable: int = 0


def held_out(pairs: ShardSet, items: ShardSet, settings: EvaluateSettings, seed: int) -> HeldOut:
    """Read what is asked; dropped rows and other splits stay out."""
    asked = {split: of_part(kept(items, split), "exact_match") for split in ("dev", "test")}
    return HeldOut(
        drawn(asked["test"].filter(ANSWERABLE), "family", settings.items, seed),
        drawn(asked["dev"].filter(ANSWERABLE), "family", 0, seed),
        held_out_pairs(pairs, settings, seed),
        asked["test"].filter(~ANSWERABLE).select(pl.len()).collect().item(),
    )


def held_out_prose(documents: ShardSet, limit: int, seed: int) -> pl.DataFrame:
    """Documents of the test split: id, source, dialect, text; at most `limit` of each dialect (0: all).

    A dialect that the source did not say but our tagger is told apart: "MSA (tagged)".
    """
    label = pl.when(GIVEN).then("dialect").otherwise(pl.format(TAGGED, "dialect"))
    rows = kept(documents, "test").filter(pl.col("kind") == "prose")
    prose = rows.with_columns(FIRST.alias("text"), label.alias("dialect"))
    return drawn(prose, "dialect", limit, seed).select("id", "source", "dialect", "text")


def held_out_pairs(pairs: ShardSet, settings: EvaluateSettings, seed: int) -> pl.DataFrame:
    """Pairs of the test split."""
    everything = pl.lit("pairs").alias("all")
    return drawn(kept(pairs, "test").with_columns(everything), "all", settings.pairs, seed).drop("all")


def of_part(items: pl.LazyFrame, part: Part) -> pl.LazyFrame:
    """Items that are measured in one way: by likelihood of choices, by what is written, or by exact match."""
    by = pl.col("kind").replace_strict(PARTS, default="exact_match", return_dtype=pl.String)
    return items.filter(by == part)


def kept(shards: ShardSet, split: str) -> pl.LazyFrame:
    """Rows of one split that preprocessing did not drop."""
    return shards.scan().filter(pl.col("reason").is_null() & (pl.col("split") == split))


def drawn(rows: pl.LazyFrame, group: str, limit: int, seed: int) -> pl.DataFrame:
    """At most `limit` rows of each group (0: all), chosen by the seed, in the order of their ids.

    Two passes: ids first, so that memory holds only the texts that are wanted.
    """
    if not limit:
        return _named_apart(rows.sort("id", maintain_order=True).collect())
    ids = rows.select("id", group).sort("id").collect()
    order = np.random.default_rng(seed).permutation(len(ids))
    chosen = ids[order].group_by(group, maintain_order=True).head(limit)["id"]
    return _named_apart(rows.filter(pl.col("id").is_in(chosen.implode())).sort("id", maintain_order=True).collect())


def first_of(rows: pl.DataFrame, group: str, count: int) -> pl.DataFrame:
    """The first so many rows of each group, in their order; none of 0, of which polars' head would make a row."""
    return rows.filter(pl.int_range(pl.len()).over(group) < count)


def _named_apart(rows: pl.DataFrame) -> pl.DataFrame:
    """Ids that a source gives twice get a number: candidates are compared by them, row by row."""
    times = pl.col("id").cum_count().over("id")
    return rows.with_columns(pl.when(times > 1).then(pl.format("{}#{}", "id", times)).otherwise("id").alias("id"))
