"""The shape that all scores have."""

import polars as pl
import pytest
from scipy.stats import binomtest

from arabic_llm_pipeline.evaluation.results import SCORES, VALUES, missing, score_rows, score_table


def values(*rows: tuple) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=VALUES, orient="row")


def test_a_share_has_wilsons_interval_over_all_and_by_dialect():
    rights = [1, 1, 0, 1, 0, 0, 0, 1]
    made = values(
        *[("mc", "exams", "accuracy", str(n), "MSA" if n < 5 else "EGY", None, r, 1) for n, r in enumerate(rights)]
    )
    table = score_table(score_rows(made, 100, 0, shares=["accuracy"], about={"format": "chat", "shots": 0}))
    assert table.schema == SCORES
    assert table.select("by", "group", "value", "items").rows() == [
        ("all", "all", 0.5, 8), ("dialect", "EGY", 1 / 3, 3), ("dialect", "MSA", 0.6, 5),
    ]  # fmt: skip
    truth = binomtest(4, 8).proportion_ci(method="wilson")
    assert table.row(0, named=True)["low"] == pytest.approx(truth.low)
    assert table.row(0, named=True)["high"] == pytest.approx(truth.high)
    assert set(table["format"]) == {"chat"}


def test_a_ratio_is_of_sums_and_not_a_mean_of_ratios():
    made = values(("prose", "wiki", "bits", "a", "MSA", None, 10, 2), ("prose", "wiki", "bits", "b", "MSA", None, 4, 4))
    [whole, *_] = score_rows(made, 200, 0)
    assert whole["value"] == pytest.approx(14 / 6)
    assert 1 <= whole["low"] <= 14 / 6 <= whole["high"] <= 5


def test_what_cannot_be_had_says_why():
    nothing = values(("prose", "wiki", "bits", "a", "MSA", None, 1, 0))
    assert "every weight is 0" in score_rows(nothing, 100, 0)[0]["why"]
    [row] = score_table([missing("mc", "exams", "accuracy", "no test items")]).to_dicts()
    assert (row["value"], row["items"], row["why"]) == (None, 0, "no test items")
