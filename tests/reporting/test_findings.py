"""Sentences follow the figures: other figures, other sentences."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from arabic_llm_pipeline.reporting import findings
from arabic_llm_pipeline.reporting.inputs import Inputs
from arabic_llm_pipeline.reporting.measured import best_baseline, beyond
from tests.reporting.made import data, inputs
from tests.reporting.made_scores import CANDIDATES


@pytest.fixture
def made(tmp_path: Path) -> Inputs:
    return inputs(tmp_path)


def step(made: Inputs, measure: str, after: str) -> findings.Step:
    return next(one for one in findings.steps(made) if (one.measure, one.after) == (measure, after))


def test_each_stage_is_held_against_what_it_was_trained_from(made: Inputs) -> None:
    assert [(one.before, one.after) for one in findings.steps(made)] == [("base", "sft")] * 3 + [("sft", "sft_dpo")] * 3


@pytest.mark.parametrize(
    ("chains", "parents"),
    [
        (["sft", "sft_dpo"], ["base", "sft"]),
        (["sft", "sft_dpo", "sft_kto", "sft_dpo_ipo"], ["base", "sft", "sft", "sft_dpo"]),
        (["msa", "msa_egy", "dialects"], ["base", "msa", "msa_egy_lev_glf"]),
        (["dpo"], ["base"]),
    ],
)
def test_parents_of_stages(made: Inputs, chains: list[str], parents: list[str]) -> None:
    other = replace(made, stages=chains)
    assert [other.parent(chain) for chain in chains] == parents


def test_higher_needs_the_corrected_paired_test(made: Inputs) -> None:
    assert step(made, "accuracy", "sft").change == 1
    assert step(made, "accuracy", "sft_dpo").change == 0  # p_holm 0.61


@pytest.mark.parametrize(
    ("interval", "p_holm", "change"),
    [([0.01, 0.2], 0.01, 1), ([-0.2, -0.01], 0.01, -1), ([-0.01, 0.2], 0.01, 0), ([0.01, 0.2], 0.06, 0)],
)
def test_change_by_the_paired_test(interval: list[float], p_holm: float, change: int) -> None:
    paired = {"interval": interval, "p_holm": p_holm, "difference": 0.1}
    assert findings.Step("accuracy", "a", "b", (0.5, (0.4, 0.6)), (0.6, (0.5, 0.7)), paired).change == change


@pytest.mark.parametrize(("low", "high", "change"), [(0.61, 0.7, 1), (0.59, 0.7, 0), (0.2, 0.39, -1), (0.2, 0.41, 0)])
def test_without_a_test_the_intervals_have_to_be_apart(low: float, high: float, change: int) -> None:
    assert findings.Step("accuracy", "a", "b", (0.5, (0.4, 0.6)), (0.5, (low, high)), None).change == change


def test_found_says_raised_or_not(made: Inputs) -> None:
    sentences = findings.found(made)
    assert "sft raised accuracy on held-out prompts from 12.6% (base) to 59.4%." in sentences
    assert "sft_dpo left accuracy on held-out prompts where it was, within chance: 59.4% (sft) and 60.7%." in sentences


def test_a_family_is_beyond_where_the_lower_bound_is_not_above_the_best_baseline(made: Inputs) -> None:
    """opposite: 0.1 with 0.10 +- 0.08, best baseline 0.03; sentiment: 0.7 +- 0.12 against 0.62."""
    assert best_baseline(made, "sentiment") == ("nearest_training_prompt", pytest.approx(37 / 60))
    assert beyond(made, "sft_dpo") == ["addition", "opposite", "sentiment"]
    assert "capital" in beyond(made, "base")


def test_none_right_is_beyond_though_rounding_lifts_its_lower_bound(tmp_path: Path) -> None:
    row = {"family": "addition", "items": 5, "strict": 0.0, "interval": [5.5e-17, 0.43]}
    scores = {"accuracy": [row | {"family": "all"}, row]}
    changed = {f"{name}_scores": data(tmp_path / name)[f"{name}_scores"] | scores for name in CANDIDATES}
    baselines = {"most_frequent_answer": {"accuracy": [row]}}
    assert beyond(inputs(tmp_path, **changed, baseline_scores=baselines), "sft") == ["addition"]


def test_what_fell_short_is_told(made: Inputs) -> None:
    told = findings.short_of(made)
    assert any(text.startswith("3 of 9 families are beyond sft_dpo: addition, opposite and sentiment") for text in told)
    assert "9.0% of the answers of sft_dpo did not end by themselves and were cut." in told
    assert not any("did not raise" in text for text in told)


def test_a_stage_that_lost_accuracy_is_told(tmp_path: Path) -> None:
    rows = data(tmp_path / "a")["comparison"]
    lost = [
        row | {"difference": -0.1, "interval": [-0.15, -0.05], "p_holm": 0.001}
        if (row["measure"], row["a"], row["b"]) == ("strict", "sft", "sft_dpo")
        else row
        for row in rows
    ]
    told = findings.short_of(inputs(tmp_path, comparison=lost))
    assert any(text.startswith("sft_dpo lowered accuracy on held-out prompts") for text in told)


def test_a_first_stage_that_raised_nothing_is_told(tmp_path: Path) -> None:
    rows = [row | {"p_holm": 0.9} for row in data(tmp_path / "a")["comparison"]]
    told = findings.short_of(inputs(tmp_path, comparison=rows))
    assert "sft did not raise accuracy on held-out prompts above base by more than chance." in told
    assert "sft_dpo did not raise preference accuracy on held-out pairs above sft by more than chance." in told


def test_scores_that_are_absent_are_no_zeros(tmp_path: Path) -> None:
    """No items, no pairs: `why` stands in their place, and no sentence is made of them."""
    nothing = {"family": "all", "split": "test", "items": 0, "strict": None, "interval": None, "normalized": None}
    nothing |= {"preferred_form": None, "preferred_form_interval": None, "why": "no held-out item"}
    empty = {"preference": {"pairs": 0, "sum_accuracy": None, "sum_interval": None, "why": "no held-out pairs"}}
    catalog = data(tmp_path / "a")
    changed = {f"{name}_scores": catalog[f"{name}_scores"] | {"accuracy": [nothing]} | empty for name in CANDIDATES}
    made = inputs(tmp_path, **changed, comparison=[], baseline_scores={})
    assert not any("prompts" in text or "pairs" in text for text in findings.found(made))
    assert [fact.label for fact in findings.facts(made)] == ["Tokens", "Training"]
    assert beyond(made, "sft_dpo") == []


def test_prose_that_got_worse_is_told(tmp_path: Path) -> None:
    catalog = data(tmp_path / "a")
    bits = pl.col("metric") == "bits_per_byte"
    worse = catalog["sft_language"].with_columns(
        pl.when(bits).then(v).otherwise(c).alias(c) for c, v in {"value": 1.5, "low": 1.4, "high": 1.6}.items()
    )
    assert "sft predicts held-out prose less well than base: 1.500 against 1.060 bits a byte." in findings.short_of(
        inputs(tmp_path, sft_language=worse)
    )
