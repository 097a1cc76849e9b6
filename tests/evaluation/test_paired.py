"""Paired tests over the values of any kind of measure, against scipy and by hand."""

import numpy as np
import polars as pl
import pytest
from scipy.stats import binomtest

from arabic_llm_pipeline.evaluation.paired import BOOTSTRAP, MCNEMAR, PAIRED, paired
from arabic_llm_pipeline.evaluation.results import VALUES

RIGHT = {
    "base": [1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0],
    "sft": [1, 1, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1],
    "sft_dpo": [1, 1, 1, 1, 1, 0, 1, 0, 1, 1, 1, 1],
}


def rows(metric: str, given: list[float], *, of: str = "s", weight: float = 1.0) -> list[dict[str, object]]:
    return [
        {"measure": "m", "set": of, "metric": metric, "id": f"{of}/{n}", "value": float(value), "weight": weight}
        for n, value in enumerate(given)
    ]


def values(*found: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(found, schema=VALUES)


def made(**more: list[dict[str, object]]) -> dict[str, pl.DataFrame]:
    return {name: values(*rows("acc", right), *more.get(name, [])) for name, right in RIGHT.items()}


def test_right_and_wrong_by_mcnemar_each_against_base_and_stage_before() -> None:
    found = paired(made(), 200, 0)
    assert found.schema == PAIRED
    assert found.select("a", "b").rows() == [("base", "sft"), ("base", "sft_dpo"), ("sft", "sft_dpo")]
    first, second, third = found.to_dicts()
    assert first["difference"] == pytest.approx(6 / 12)
    assert (first["test"], first["items"]) == (MCNEMAR, 12)
    assert first["p"] == pytest.approx(binomtest(1, 8).pvalue)  # one was lost, seven gained
    assert second["p"] == pytest.approx(binomtest(1, 9).pvalue)
    assert third["p"] == 1
    assert second["p_holm"] == pytest.approx(3 * second["p"])
    assert first["p_holm"] == pytest.approx(max(3 * second["p"], 2 * first["p"]))
    assert first["low"] < first["difference"] < first["high"]


def test_ratios_by_a_paired_bootstrap_over_items_that_both_have() -> None:
    random = np.random.default_rng(0)
    loss, sizes = random.normal(10, 3, 40), random.integers(5, 50, 40).astype(float)
    frames = []
    for shift in (0.0, -0.5):
        frame = values(*rows("nll", list(loss + shift * sizes / 10))).with_columns(weight=pl.Series(sizes))
        frames.append(frame)
    base, sft = frames
    halves = pl.concat([base.with_columns(pl.col("value", "weight") / 2)] * 2)  # two stretches of each document
    extra = values(*rows("nll", [1.0], of="only_here"))
    [row] = paired({"base": pl.concat([halves, extra]), "sft": sft}, 500, 0).to_dicts()
    assert (row["set"], row["items"], row["test"]) == ("s", 40, BOOTSTRAP)
    assert row["difference"] == pytest.approx(-0.05)
    assert (row["low"], row["high"]) == pytest.approx((-0.05, -0.05)), "the same loss in every byte less"
    assert row["p"] == pytest.approx(2 / 501)


def test_equal_candidates_differ_by_nothing() -> None:
    [row, *_] = paired({"base": made()["sft"], "sft": made()["sft"]}, 100, 0).to_dicts()
    assert (row["difference"], row["p"], row["p_holm"]) == (0, 1, 1)


def test_other_metrics_do_not_make_a_test_stricter_and_chance_is_no_measure() -> None:
    more = {name: [*rows("brier", [0.5] * 12), *rows("chance", [0.25] * 12)] for name in RIGHT}
    found = paired(made(**more), 100, 0)
    assert set(found["metric"]) == {"acc", "brier"}
    assert found.filter(metric="acc").equals(paired(made(), 100, 0))


def test_nothing_to_compare_is_an_empty_table() -> None:
    assert paired({"base": made()["base"]}, 100, 0).schema == PAIRED
    assert paired({"base": VALUES.to_frame(), "sft": made()["sft"]}, 100, 0).is_empty()


def test_any_two_are_tested_and_what_is_no_number_is_left_out() -> None:
    """Two runs of which neither was trained from the other; the items that only one was asked do not count."""

    def table(found: dict[str, float]) -> pl.DataFrame:
        rows = [{"measure": "m", "set": "s", "metric": "f1", "id": id_, "value": value, "weight": 1.0}
                for id_, value in found.items()]  # fmt: skip
        return pl.DataFrame(rows, schema=VALUES)

    values = {"x": table({"1": 0.2, "2": 0.4, "3": 0.5, "4": float("nan")}), "y": table({"2": 0.6, "3": 0.5, "4": 0.9})}
    assert paired(values, 100, 0).is_empty()
    [row] = paired(values, 100, 0, [("x", "y")]).to_dicts()
    assert (row["a"], row["b"], row["items"]) == ("x", "y", 2)
    assert row["difference"] == pytest.approx(0.1)
    assert paired(values | {"z": table({"9": 1.0})}, 100, 0, [("x", "z")]).is_empty()


def test_resamples_of_items_that_weigh_nothing_do_not_count() -> None:
    """Three answers of which one is too short to repeat itself: of two that weigh 1, 27 draws, by hand.

    The differences are 0.2 and 0.6, of the third nothing. All three the third: 1 draw in 27, without a ratio. So the
    middle is between the two, both are above 0, and p is that of no resample on the other side.
    """

    def table(first: float, second: float) -> pl.DataFrame:
        given = [("1", first, 1.0), ("2", second, 1.0), ("3", 0.0, 0.0)]
        rows = [
            {"measure": "m", "set": "s", "metric": "repeated_4", "id": id_, "value": value, "weight": weight}
            for id_, value, weight in given
        ]
        return pl.DataFrame(rows, schema=VALUES)

    [row] = paired({"base": table(0.1, 0.2), "sft": table(0.3, 0.8)}, 2000, 0).to_dicts()
    assert (row["difference"], row["items"], row["test"]) == (pytest.approx(0.4), 3, BOOTSTRAP)
    assert (row["low"], row["high"]) == (pytest.approx(0.2), pytest.approx(0.6))
    there = 2001 - round(2 / row["p"])  # p is 2 / (finite resamples + 1)
    assert there == pytest.approx(2000 / 27, rel=0.4)


def test_one_item_that_weighs_something_is_no_test() -> None:
    one = values(*rows("f", [1.0, 0.0])).with_columns(weight=pl.Series([1.0, 0.0]))
    assert paired({"base": one, "sft": one}, 100, 0).is_empty()
