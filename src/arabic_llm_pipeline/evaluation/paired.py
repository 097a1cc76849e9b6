"""Candidates against each other on the same items: is a difference more than chance?

The one test of values by item: `comparison`, `forgetting` and the runs side by side are made of it, too, and differ in
which candidates they hold against each other.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from arabic_llm_pipeline.evaluation.statistics import holm, mcnemar, resampled_change, resampled_ratios
from arabic_llm_pipeline.recipes import BASE, parent

PAIRED = pl.Schema(
    {
        "measure": pl.String,
        "set": pl.String,
        "metric": pl.String,
        "a": pl.String,  # the base, or the stage before
        "b": pl.String,
        "difference": pl.Float64,  # b less a
        "low": pl.Float64,  # 95%, by a bootstrap over items that is the same for both
        "high": pl.Float64,
        "test": pl.String,
        "p": pl.Float64,
        "p_holm": pl.Float64,  # allows for all tests of that metric
        "items": pl.Int64,  # that both have
    }
)
KEY = ("measure", "set", "metric")
MCNEMAR, BOOTSTRAP = "McNemar's exact", "paired bootstrap"
FEWEST = 2  # items that weigh something: one alone tells nothing of the spread
SAME = ("chance", "most_frequent", "misspelt_reference", "tagger_right")  # metrics that hang on the items alone
Row = dict[str, Any]


def paired(
    values: Mapping[str, pl.DataFrame], resamples: int, seed: int, pairs: Iterable[tuple[str, str]] | None = None
) -> pl.DataFrame:
    """Each candidate against the base and against the one it was trained from, or any pairs: rows of `PAIRED`.

    Tests are those of `differences`; `p_holm` is Holm's over the sets and pairs of a metric.

    Args:
        values: rows of `results.VALUES` by candidate.
        resamples: of the bootstrap.
        seed: of the bootstrap.
        pairs: names of two, a then b.
    """
    return tested(differences(values, pairs_of(values) if pairs is None else pairs, resamples, seed))


def differences(
    values: Mapping[str, pl.DataFrame], pairs: Iterable[tuple[str, str]], resamples: int, seed: int
) -> list[Row]:
    """What `PAIRED` says of each pair, measure, set and metric, without `p_holm`.

    A score is the sum of the values over the sum of the weights; the difference is that of the two scores. Right and
    wrong are tested by McNemar's exact test, all else by a paired bootstrap over items (documents), which every
    interval is of. Where less than two items weigh anything there is no test.

    Args:
        values: rows of `results.VALUES` by candidate.
        pairs: names of two, a then b.
        resamples: of the bootstrap.
        seed: of the bootstrap.
    """
    of_items = {name: _by_item(frame) for name, frame in values.items()}
    return [_tested(*row, resamples, seed) for a, b in pairs for row in _between(a, b, of_items)]


def pairs_of(candidates: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Each candidate against the base and against the one it was trained from: the earlier one first."""
    return [(a, b) for b in candidates for a in _before(b, candidates)]


def tested(rows: Sequence[Row]) -> pl.DataFrame:
    """Tests as rows of `PAIRED`, by measure and metric, each of which has Holm's correction of its own."""
    found = pl.DataFrame(rows, schema=PAIRED)
    parts = [
        part.with_columns(p_holm=pl.Series(holm(part["p"].to_list()), dtype=pl.Float64))
        for part in found.partition_by("measure", "metric", maintain_order=True)
    ]
    return pl.concat([found.clear(), *parts])


def _by_item(values: pl.DataFrame) -> pl.DataFrame:
    """One row an item and metric; an item may have several values, as a document has stretches."""
    there = values.filter(~pl.col("metric").is_in(SAME), pl.col("value").is_finite(), pl.col("weight").is_finite())
    return there.group_by(*KEY, "id", maintain_order=True).agg(pl.col("value", "weight").sum())


def _before(b: str, known: Mapping[str, Any]) -> list[str]:
    """What a candidate is held against."""
    return [] if b == BASE else [a for a in dict.fromkeys((BASE, parent(b))) if a in known]


def _between(a: str, b: str, of_items: Mapping[str, pl.DataFrame]) -> Iterator[tuple[Row, pl.DataFrame]]:
    both = of_items[a].join(of_items[b], on=[*KEY, "id"], suffix="_b", maintain_order="left")
    for names, part in both.group_by(*KEY, maintain_order=True):
        if min(int((part[weight] > 0).sum()) for weight in ("weight", "weight_b")) >= FEWEST:
            yield dict(zip(KEY, names, strict=True)) | {"a": a, "b": b}, part


def _tested(row: Row, part: pl.DataFrame, resamples: int, seed: int) -> Row:
    was, now = (part["value"], part["weight"]), (part["value_b"], part["weight_b"])
    difference = float(now[0].sum()) / float(now[1].sum()) - float(was[0].sum()) / float(was[1].sum())
    change = resampled_change(*(resampled_ratios(*of, resamples, seed) for of in (was, now)))
    exact = {"test": MCNEMAR, "p": mcnemar(was[0], now[0])} if _shares(part) else {"test": BOOTSTRAP}
    return row | {"difference": difference, "items": len(part), **change, **exact}


def _shares(part: pl.DataFrame) -> bool:
    """Whether every value is right (1) or wrong (0), and counts as one."""
    right = part.select(pl.col("value", "value_b").is_in([0.0, 1.0]).all(), pl.col("weight", "weight_b").eq(1.0).all())
    return all(right.row(0))
