"""Paired tests over values by item, whatever kind of evaluation they are of."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import polars as pl

from arabic_llm_pipeline.evaluation.statistics import holm, mcnemar, percentiles, resampled_ratios, sign_p

KEY = ["measure", "set", "metric"]
MCNEMAR, BOOTSTRAP = "McNemar, exact", "paired bootstrap over items"
TESTS = pl.Schema(
    {
        "measure": pl.String,
        "set": pl.String,
        "metric": pl.String,
        "a": pl.String,
        "b": pl.String,
        "difference": pl.Float64,  # b less a; none where `why` says so
        "low": pl.Float64,  # 95%, of the paired bootstrap
        "high": pl.Float64,
        "test": pl.String,
        "p": pl.Float64,
        "p_holm": pl.Float64,  # allows for the number of rows that have a p
        "items": pl.Int64,  # that both were asked
        "why": pl.String,
    }
)


def tests(
    values: Mapping[str, pl.DataFrame], pairs: Iterable[tuple[str, str]], resamples: int, seed: int
) -> pl.DataFrame:
    """Rows of `TESTS`: b against a, by every measure, set and metric that both have.

    A metric that is right (1) or wrong (0) in every item is tested by McNemar's exact test, any other by the share of
    bootstrap resamples on the other side of 0. Items are paired by their id: those that one of the two was not asked
    are left out. p is corrected for all rows together (Holm).

    Args:
        values: rows of `results.VALUES`, by run.
        pairs: names of two runs, a then b.
        resamples: of the bootstrap.
        seed: of the bootstrap.
    """
    rows = [row for a, b in pairs for row in _between(values, a, b, resamples, seed)]
    tested = [row for row in rows if row.get("p") is not None]
    for row, adjusted in zip(tested, holm([row["p"] for row in tested]), strict=True):
        row["p_holm"] = adjusted
    return pl.DataFrame(rows, schema=TESTS)


def _between(values: Mapping[str, pl.DataFrame], a: str, b: str, resamples: int, seed: int) -> Iterator[dict[str, Any]]:
    left, right = (values[name].partition_by(KEY, as_dict=True, maintain_order=True) for name in (a, b))
    for key in (key for key in left if key in right):
        about = dict(zip(KEY, key, strict=True)) | {"a": a, "b": b}
        both = left[key].join(right[key], on="id", suffix="_b", maintain_order="left")
        both = both.filter(pl.all_horizontal(pl.col("value", "value_b", "weight", "weight_b").is_finite()))
        yield about | {"items": len(both)} | _tested(both, resamples, seed)


def _tested(both: pl.DataFrame, resamples: int, seed: int) -> dict[str, Any]:
    if not len(both):
        return {"why": "no item that both were asked"}
    old, new, under_old, under_new = (both[name].to_numpy() for name in ("value", "value_b", "weight", "weight_b"))
    if not under_old.sum() or not under_new.sum():
        return {"why": "nothing to divide by: every weight is 0"}
    found: dict[str, Any] = {"difference": float(new.sum() / under_new.sum() - old.sum() / under_old.sum())}
    binary = all(np.isin(part, (0, 1)).all() for part in (old, new)) and all((under_old == 1) & (under_new == 1))
    if binary:
        found |= {"test": MCNEMAR, "p": mcnemar(old == 1, new == 1)}
    if len(both) < 2:
        return found if binary else found | {"why": "one item tells nothing of a spread"}
    resampled = resampled_ratios(new, under_new, resamples, seed) - resampled_ratios(old, under_old, resamples, seed)
    low, high = percentiles(resampled)
    return {"test": BOOTSTRAP, "p": sign_p(resampled)} | found | {"low": low, "high": high}
