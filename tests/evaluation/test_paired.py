"""Paired tests over values, against scipy and against resampling by hand."""

import math

import numpy as np
import polars as pl
import pytest
from scipy.stats import binomtest

from arabic_llm_pipeline.evaluation import paired
from arabic_llm_pipeline.evaluation.results import VALUES


def values(metric: str, found: dict[str, float], weights: dict[str, float] | None = None) -> pl.DataFrame:
    key = {"measure": "m", "set": "s", "metric": metric}
    rows = [key | {"id": id_, "value": value, "weight": (weights or {}).get(id_, 1.0)} for id_, value in found.items()]
    return pl.DataFrame(rows, schema=VALUES)


def test_right_and_wrong_are_tested_by_a_fair_coin() -> None:
    random = np.random.default_rng(0)
    a, b = (dict(zip(map(str, range(80)), random.integers(0, 2, 80).astype(float), strict=True)) for _ in range(2))
    [row] = paired.tests({"a": values("acc", a), "b": values("acc", b)}, [("a", "b")], 500, 0).to_dicts()
    gained, lost = sum(a[i] < b[i] for i in a), sum(a[i] > b[i] for i in a)
    assert row["p"] == pytest.approx(binomtest(gained, gained + lost, 0.5).pvalue)
    assert row["difference"] == pytest.approx((sum(b.values()) - sum(a.values())) / 80)
    assert row["test"] == paired.MCNEMAR
    assert row["low"] < row["difference"] < row["high"]


def test_a_ratio_is_tested_on_its_sums() -> None:
    """The interval of the difference of two ratios of sums, against units drawn one by one."""
    random = np.random.default_rng(1)
    ids = [str(n) for n in range(30)]
    old, new, size = random.normal(5, 1, 30), random.normal(5.4, 1, 30), random.integers(1, 9, 30).astype(float)
    under = dict(zip(ids, size, strict=True))
    tables = {name: values("bits", dict(zip(ids, part, strict=True)), under) for name, part in (("a", old), ("b", new))}
    [row] = paired.tests(tables, [("a", "b")], 4000, 0).to_dicts()
    drawn = random.integers(0, 30, (4000, 30))
    differences = new[drawn].sum(1) / size[drawn].sum(1) - old[drawn].sum(1) / size[drawn].sum(1)
    assert row["difference"] == pytest.approx(new.sum() / size.sum() - old.sum() / size.sum())
    assert (row["low"], row["high"]) == pytest.approx(np.quantile(differences, [0.025, 0.975]), abs=0.02)
    assert row["test"] == paired.BOOTSTRAP


def test_only_what_both_were_asked_counts_and_what_is_no_number_is_left_out() -> None:
    a = values("f1", {"1": 0.2, "2": 0.4, "3": 0.5, "4": math.nan})
    b = values("f1", {"2": 0.6, "3": 0.5, "4": 0.9, "5": 1.0})
    [row] = paired.tests({"a": a, "b": b}, [("a", "b")], 100, 0).to_dicts()
    assert row["items"] == 2
    assert row["difference"] == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("a", "b", "why"),
    [
        ({"1": 1.0}, {"2": 1.0}, "no item that both were asked"),
        ({"1": 0.3}, {"1": 0.4}, "one item tells nothing of a spread"),
        ({}, {"1": 1.0}, None),
    ],
)
def test_what_cannot_be_tested_says_why(a: dict[str, float], b: dict[str, float], why: str | None) -> None:
    rows = paired.tests({"a": values("f1", a), "b": values("f1", b)}, [("a", "b")], 100, 0).to_dicts()
    assert [row["why"] for row in rows] == ([why] if why else [])
    assert all(row["p"] is None and row["p_holm"] is None for row in rows)


def test_weights_of_nothing_are_told() -> None:
    table = values("f1", {"1": 0.0, "2": 0.0}, {"1": 0.0, "2": 0.0})
    [row] = paired.tests({"a": table, "b": table}, [("a", "b")], 100, 0).to_dicts()
    assert row["why"] == "nothing to divide by: every weight is 0"


def test_p_is_corrected_for_all_rows_that_have_one() -> None:
    ids = [str(n) for n in range(40)]
    none, all_ = dict.fromkeys(ids, 0.0), dict.fromkeys(ids, 1.0)
    a = pl.concat([values(name, none) for name in ("x", "y", "z")] + [values("alone", {"q": 1.0})])
    b = pl.concat([values("x", all_), values("y", none), values("z", none | {"0": 1.0}), values("alone", {"w": 1.0})])
    rows = {row["metric"]: row for row in paired.tests({"a": a, "b": b}, [("a", "b")], 100, 0).to_dicts()}
    assert rows["x"]["p_holm"] == pytest.approx(3 * rows["x"]["p"])
    assert rows["y"]["p_holm"] == 1
    assert rows["alone"]["p_holm"] is None
