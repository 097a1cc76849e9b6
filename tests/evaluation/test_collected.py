"""All scores in one shape, and runs made of them."""

from typing import Any

import polars as pl
import pytest

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.evaluation import runs
from arabic_llm_pipeline.evaluation.collected import all_scores, all_values, of_candidates
from arabic_llm_pipeline.evaluation.results import SCORES, VALUES, missing, score_table
from arabic_llm_pipeline.parameters.compare import CompareSettings
from tests.reporting.made_scores import CANDIDATES, STAGES, accuracy, answers, log, resources, scores

CHOICES = score_table([missing("choices", "exams", "acc", "no items")])


def experiment(**changed: Any) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    for name in CANDIDATES:
        entries |= {f"{name}_scores": scores(name), f"{name}_answers": answers(name), f"{name}_choices": CHOICES}
    for name in STAGES:
        entries |= {f"{name}_log": log(name), f"{name}_resources": resources(name)}
    return {"entries": entries | changed, "parameters": {"dpo": {"beta": 0.1}}, "origins": {}}


def test_entries_belong_to_the_longest_name() -> None:
    found = of_candidates({"sft_scores": 1, "sft_dpo_scores": 2, "sft_dpo_choices": 3, "base_scores": 4, "funnel": 5})
    assert found == {"sft": {"scores": 1}, "base": {"scores": 4}, "sft_dpo": {"scores": 2, "choices": 3}}


def test_values_give_the_scores_again() -> None:
    entries = {"scores": scores("sft"), "answers": answers("sft"), "choices": CHOICES}
    values, found = all_values(entries), all_scores(entries, "sft")
    assert values.schema == VALUES
    assert found.schema == {"candidate": pl.String, **SCORES}
    strict = values.filter(metric="strict")
    told = found.filter(measure="accuracy", metric="strict", by="all")["value"].item()
    assert strict["value"].sum() / strict["weight"].sum() == answers("sft")["strict"].mean()
    assert told == accuracy(1, 0.46)[0]["strict"]
    assert found.filter(measure="choices")["why"].to_list() == ["no items"]


def test_a_reward_model_has_one_score() -> None:
    found = all_scores({"scores": {"pairs": 9, "accuracy": 0.5, "interval": [0.2, 0.8]}}, "sft_reward")
    assert found.select("measure", "value", "items").rows() == [("reward", 0.5, 9)]


def test_a_reward_models_margin_loss_and_calibration_stand_apart_from_shares() -> None:
    scores = {"pairs": 9, "accuracy": 0.5, "interval": [0.2, 0.8], "margin_mean": 3.0, "margin_interval": [1.0, 5.0]}
    scores |= {"loss": 0.7, "loss_interval": [0.6, 0.8], "calibration": {"error": 0.1, "bins": []}}
    scores["by"] = [{"by": "dialect", "group": "EGY", "pairs": 4, "accuracy": 0.25, "interval": [0.0, 0.7]},
                    {"by": "source", "group": "x", "pairs": 9, "accuracy": 0.5, "interval": [0.2, 0.8]}]  # fmt: skip
    found = all_scores({"scores": scores}, "sft_reward")
    assert found.select("measure", "metric", "group", "value", "low", "interval").rows() == [
        ("reward", "accuracy", "all", 0.5, 0.2, "Wilson"),
        ("reward", "calibration_error", "all", 0.1, None, None),
        ("reward_margin", "margin", "all", 3.0, 1.0, "bootstrap over items"),
        ("reward_margin", "loss", "all", 0.7, 0.6, "bootstrap over items"),
        ("reward", "accuracy", "EGY", 0.25, 0.0, "Wilson"),
    ]


def test_what_stands_beside_accuracy_and_preference() -> None:
    row = {"items": 4, "strict": 0.5, "interval": [0.1, 0.9], "normalized": 0.75, "normalized_interval": [0.3, 1.0]}
    row |= {"preferred_form": None, "preferred_form_interval": None, "seen": 0.25}
    pairs = {"pairs": 3, "sum_accuracy": 1.0, "sum_interval": [0.4, 1.0], "mean_accuracy": 0.5, "margin_mean": 7.0}
    pairs |= {"implicit_accuracy": 0.5, "margin_interval": [1.0, 9.0], "implicit_margin_mean": 0.5}
    told = {
        "format": "question_answer_3", "shots": 3, "prompts": "abc", "seed": 1, "harness": "h",
        "accuracy": [{"family": "all", **row}, {"family": "capital", **row}],
        "accuracy_by_dialect": [{"dialect": "EGY", **row}],
        "preference": {**pairs, "prompts": "def", "by_dialect": [{"dialect": "MSA", **pairs}]},
    }  # fmt: skip
    found = all_scores({"scores": told}, "base")
    accuracy = found.filter(measure="accuracy", metric="normalized")
    assert accuracy.select("by", "group", "seen", "shots", "prompts", "interval", "high").rows() == [
        (by, group, 0.25, 3, "abc", "Wilson", 1.0)
        for by, group in (("all", "all"), ("family", "capital"), ("dialect", "EGY"))
    ]
    margins = found.filter(measure="preference_margin", by="all")
    assert margins.select("metric", "value", "interval", "format", "prompts").rows() == [
        ("sum", 7.0, "bootstrap over items", "chat", "def"), ("implicit", 0.5, None, "chat", "def"),
    ]  # fmt: skip
    assert found.filter(measure="preference", by="dialect")["group"].to_list() == ["MSA"] * 3


def test_a_runs_cost_is_that_of_all_its_stages() -> None:
    found = {run.name: run for run in runs.runs({"default": experiment()}, ())}
    assert list(found) == CANDIDATES
    assert found["sft_dpo"].seconds == pytest.approx(131.2 + 41.7)
    assert found["sft_dpo"].memory == (961.2, "process")
    assert (found["base"].seconds, found["base"].memory) == (None, (None, ""))
    assert found["sft_dpo"].epochs == pytest.approx(1)
    assert found["sft"].score("accuracy/strict") == pytest.approx(scores("sft")["accuracy"][0]["strict"])
    assert found["sft"].score("choices/acc") is None
    on_card = experiment(sft_resources=resources("sft") | {"peak_device_reserved_mb": 2000.0},
                         sft_dpo_resources=resources("sft_dpo") | {"peak_device_reserved_mb": 1500.0})  # fmt: skip
    [last] = runs.runs({"default": on_card}, ("sft_dpo",))
    assert last.memory == (2000.0, "device")


def test_rows_say_what_cannot_be_had() -> None:
    small = experiment(
        **{f"{name}_resources": resources(name) | {"peak_process_mb": 915.5} for name in ("sft", "sft_dpo")}
    )
    made = {row["run"]: row for row in runs.rows(runs.runs({"default": small}, ()), CompareSettings())}
    assert made["sft_dpo"]["performance_efficiency"] is None
    assert made["sft_dpo"]["performance_efficiency_why"] == "log V is not above 0: 0.96 GB"  # 915.5 MiB
    assert made["sft"]["samples_per_second"] == pytest.approx(4120 / 131.2)
    assert made["sft"]["pareto_seconds"]
    assert made["sft_dpo"]["latency"] is None


def test_who_is_tested_against_whom() -> None:
    kto = {f"sft_kto_{kind}": found for kind, found in (("scores", scores("sft_dpo")), ("answers", answers("sft_dpo")))}
    one = runs.runs({"default": experiment(**kto)}, ())
    assert set(runs.pairs(one)) == {
        ("base", "sft"), ("base", "sft_dpo"), ("base", "sft_kto"), ("sft", "sft_dpo"), ("sft", "sft_kto"),
        ("sft_dpo", "sft_kto"),
    }  # fmt: skip
    two = runs.runs({"a": experiment(), "b": experiment()}, ("sft",))
    assert list(runs.pairs(two)) == [("a: sft", "b: sft")]


def test_a_candidate_that_is_not_there_is_told() -> None:
    with pytest.raises(UserError, match=r"'sft_kto' was evaluated in none of default. There are: base, sft, sft_dpo"):
        runs.runs({"default": experiment()}, ("sft_kto",))
