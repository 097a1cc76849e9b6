"""What became of every record: rows, words and characters by step, source, dialect, script and reason."""

from dataclasses import dataclass
from typing import Any

import polars as pl

from arabic_llm_pipeline.arabic import measure
from arabic_llm_pipeline.corpus.contamination import IN_EVALUATION, OVERLAPS_EVALUATION
from arabic_llm_pipeline.corpus.duplicates import DUPLICATE
from arabic_llm_pipeline.corpus.keys import text_of
from arabic_llm_pipeline.corpus.near import NEAR_DUPLICATE, NEAR_EVALUATION
from arabic_llm_pipeline.corpus.records import LEFT_OUT
from arabic_llm_pipeline.corpus.shards import ShardSet, collect_shards

STEPS = ("ingest", "clean", "compare", "split")
OF_RECORD = ("source", "dialect", "script", "split", "reason")
GROUPS = ("records", "step", *OF_RECORD[:-1], "outcome", "reason")
SUMS = ("rows", "words", "characters", "merged_words")  # the last: what unifying Alif and Ya would rewrite
FUNNEL = pl.Schema(dict.fromkeys(GROUPS, pl.String) | dict.fromkeys(SUMS, pl.Int64))
VERDICTS = (DUPLICATE, IN_EVALUATION, OVERLAPS_EVALUATION, NEAR_DUPLICATE, NEAR_EVALUATION)


@dataclass(frozen=True)
class Counting:
    """Sums over a shard by `OF_RECORD`."""

    table: str

    def __call__(self, frame: pl.LazyFrame, _ordinal: int) -> pl.LazyFrame:
        """A row for each combination."""
        frame = frame.with_columns(_measured=measure.measures_expr(text_of(self.table)))  # a column: measured once
        measured = pl.col("_measured").struct
        frame = frame.select(
            *OF_RECORD,
            words=measured.field("words"),
            characters=measured.field("characters"),
            merged_words=measured.field("merged_words"),
        )
        sums = (pl.col(SUMS[1:]).cast(pl.Int64).sum(), pl.len().cast(pl.Int64).alias("rows"))
        return frame.group_by(OF_RECORD).agg(*sums)


def make(ingested: dict[str, ShardSet], final: dict[str, ShardSet], rejects: ShardSet, processes: int) -> pl.DataFrame:
    """The funnel: at each step, what came in is kept, dropped, rejected or left out.

    Steps: ingest (rejected: unreadable; left_out: by rule), clean, compare (duplicates, contamination), split (kept, by
    split). Outcome `kept` of a step is what comes into the next one. Words of rejects are not known, and 0.
    """
    parts = [FUNNEL.to_frame(), _rejected(rejects)]
    for table in ingested:
        parts += [
            _step(_counts(ingested[table], table, processes), table, "ingest"),
            *_later(final[table], table, processes),
        ]
    rows = pl.concat([part.select(FUNNEL.names()) for part in parts])
    sums = rows.group_by(GROUPS).agg(pl.col(SUMS).sum())
    order = pl.col("step").replace_strict({step: n for n, step in enumerate(STEPS)}, return_dtype=pl.Int8)
    return sums.sort(order, *GROUPS, nulls_last=False)


def _counts(shards: ShardSet, table: str, processes: int) -> pl.DataFrame:
    return pl.concat(collect_shards(Counting(table), shards, processes, f"Counting {table}"))


def _later(shards: ShardSet, table: str, processes: int) -> list[pl.DataFrame]:
    """Cleaning, comparing and splitting are all read from the last table: its reasons tell where a record went."""
    counts = _counts(shards, table, processes)
    compared = counts.filter(pl.col("reason").is_null() | pl.col("reason").is_in(VERDICTS))
    seen = counts.with_columns(reason=pl.when(~pl.col("reason").is_in(VERDICTS)).then(pl.col("reason")))
    split = compared.filter(pl.col("reason").is_null())
    return [_step(seen, table, "clean"), _step(compared, table, "compare"), _step(split, table, "split", by_split=True)]


def _step(counts: pl.DataFrame, table: str, step: str, by_split: bool = False) -> pl.DataFrame:
    outcome = pl.when(pl.col("reason").is_null()).then(pl.lit("kept")).otherwise(pl.lit("dropped"))
    split = pl.col("split") if by_split else pl.lit(None, pl.String)
    return counts.with_columns(records=pl.lit(table), step=pl.lit(step), outcome=outcome, split=split)


def _rejected(rejects: ShardSet) -> pl.DataFrame:
    """Rejects by source and reason; of which table they would have been is not known."""
    counts = rejects.scan().group_by("source", "reason").agg(pl.len().cast(pl.Int64).alias("rows")).collect()
    outcome = pl.when(pl.col("reason").is_in(LEFT_OUT)).then(pl.lit("left_out")).otherwise(pl.lit("rejected"))
    unknown = dict.fromkeys(("records", "dialect", "script", "split"), pl.lit(None, pl.String))
    unknown |= dict.fromkeys(SUMS[1:], pl.lit(0, pl.Int64))
    return counts.with_columns(step=pl.lit("ingest"), outcome=outcome, **unknown)


def shares(funnel: pl.DataFrame, by: str) -> pl.DataFrame:
    """What is left, by table, dialect or script, and split, with its share of the table's rows and words."""
    kept = funnel.filter(pl.col("step") == "split")
    found = kept.group_by("records", by, "split").agg(pl.col(SUMS).sum()).sort("records", by, "split")
    of = (pl.col(name) / pl.col(name).sum().over("records") for name in SUMS[:2])
    return found.with_columns(part.round(6).name.prefix("share_of_") for part in of)


def rows(funnel: pl.DataFrame) -> list[dict[str, Any]]:
    """The funnel as JSON takes it."""
    return funnel.to_dicts()
