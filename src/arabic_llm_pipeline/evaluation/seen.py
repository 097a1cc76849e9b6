"""Which test items stand in what was trained on: by their questions, as the contamination check of the corpus looks.

The corpus drops training records that hold a test prompt (docs/corpus.md), if it is told to; what is looked for here
is what is left in it, and, item by item, what was dropped. What a base model read before is not known.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from arabic_llm_pipeline.corpus.contamination import (
    IN_EVALUATION,
    OVERLAPS_EVALUATION,
    every_overlap_expr,
    words,
)
from arabic_llm_pipeline.corpus.keys import key, with_keys
from arabic_llm_pipeline.corpus.near import NEAR_EVALUATION
from arabic_llm_pipeline.corpus.shards import ShardSet, collect_shards
from arabic_llm_pipeline.evaluation.held_out import drawn, kept
from arabic_llm_pipeline.parameters.duplicates import DuplicatesSettings

SEEN = pl.Schema(
    {
        "id": pl.String,  # of the item
        "source": pl.String,
        "share": pl.Float32,  # of the runs of words of its question that the record has; 1 where all is equal
        "record": pl.String,  # the training record that has most of it
        "record_source": pl.String,
        "taught": pl.Boolean,  # whether the record was left in what is trained on
    }
)
DROPPED = (IN_EVALUATION, OVERLAPS_EVALUATION, NEAR_EVALUATION)
WHOLE = 1.0


@dataclass(frozen=True)
class _Seeking:
    """The training records of a shard that have a question, whole or for the most part."""

    table: str
    long: tuple[str, ...]
    short: tuple[str, ...]
    words: int
    share: float

    def __call__(self, frame: pl.LazyFrame, _ordinal: int) -> pl.LazyFrame:
        """Columns question, share, record, record_source, taught: a row for each question that a record has."""
        taught = pl.col("reason").is_null()
        frame = with_keys(frame.filter(taught | pl.col("reason").is_in(DROPPED), split="train"), self.table)
        equal = pl.when(pl.col("_asked").is_in(self.short)).then(
            pl.struct(prompt="_asked", share=pl.lit(WHOLE, pl.Float32))
        )
        held = every_overlap_expr(pl.col("_whole"), self.long, self.words, self.share)
        found = frame.select(
            record="id",
            record_source="source",
            taught=taught,
            found=held.list.concat(pl.concat_list(equal).list.drop_nulls()),
        )
        return (
            found.explode("found", empty_as_null=False)
            .drop_nulls("found")
            .unnest("found")
            .rename({"prompt": "question"})
        )


def find(
    training: Mapping[str, ShardSet], asked: pl.DataFrame, settings: DuplicatesSettings, processes: int
) -> pl.DataFrame:
    """The items whose question a training record has: rows of `SEEN`, one an item and `taught`.

    A question of at least
    `overlap.words` words is found where `overlap.share` of its runs of so many words stand in a record (all of them,
    where no share is set; Chowdhery et al. 2022, section 8); a shorter one where a record asks exactly that.

    Args:
        training: by table: documents, pairs, feedback.
        asked: id, source and question (a matching key of one line) of each item.
        settings: how questions are looked for; they need not have been dropped.
        processes: how many at most; 0 is one for each core.
    """
    size, share = settings.overlap.words, settings.overlap.share or WHOLE
    long = asked.filter(words(pl.col("question")) >= size)["question"].unique().sort()
    short = asked.filter(words(pl.col("question")) < size)["question"].unique().sort()
    found = [pl.DataFrame(schema={"question": pl.String})]
    for table, shards in training.items():
        if len(asked):
            step = _Seeking(table, tuple(long), tuple(short), size, share)
            found += collect_shards(step, shards, processes, f"Test items in {table}")
    most = pl.concat(found, how="diagonal_relaxed")
    if not len(most):
        return SEEN.to_frame()
    most = most.sort("share", "record", descending=[True, False]).unique(["question", "taught"], keep="first")
    return asked.join(most, on="question").sort("id", "taught").select(SEEN.names()).cast(SEEN)


def questions(items: ShardSet) -> pl.DataFrame:
    """Columns id, source, question of the test items, as `find` takes them.

    A question is what an item asks without its choices, where that is known, else its prompt.
    """
    rows = drawn(kept(items, "test"), "source", 0, 0)
    frame = with_keys(rows.lazy(), "items").with_columns(_question=key(pl.col("question")))
    question = pl.coalesce("_question", "_asked").str.replace_all("\n", " ", literal=True)
    return frame.select("id", "source", question=question).filter(pl.col("question") != "").collect()


def taught(seen: pl.DataFrame) -> list[str]:
    """Ids of the items that stand in what was trained on."""
    return seen.filter("taught")["id"].unique().sort().to_list()
