"""The pipeline `compare`: from what finished runs left to one page, and what it says where something is not there."""

import math
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from kedro.io import DatasetError

from arabic_llm_pipeline.artifacts.file import FileArtifact
from arabic_llm_pipeline.datasets.experiments import Experiments
from arabic_llm_pipeline.parameters.compare import CompareSettings
from arabic_llm_pipeline.pipelines.compare.nodes import compare_runs, make_compared_page
from tests.evaluation.test_collected import experiment
from tests.reporting.made_scores import accuracy, log, resources, scores
from tests.reporting.test_page import seen

LAYERS = {"log": "06_models", "resources": "06_models"}


def leave(folder: Path, name: str, entries: dict[str, Any]) -> None:
    for entry, value in entries.items():
        layer = LAYERS.get(entry.rpartition("_")[2], "07_model_output")
        kind = "polars.EagerPolarsDataset" if isinstance(value, pl.DataFrame) else "json.JSONDataset"
        file = f"{entry.rpartition('_')[2]}.{'parquet' if isinstance(value, pl.DataFrame) else 'json'}"
        dataset = {"type": kind} | ({"file_format": "parquet"} if isinstance(value, pl.DataFrame) else {})
        FileArtifact(path=str(folder / layer / entry / name), file=file, dataset=dataset).save(value)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two experiments; the other's DPO is worse, took longer, and had a card."""
    leave(tmp_path, "default", experiment()["entries"] | {"other_table": pl.DataFrame({"a": [1]})})
    worse = scores("sft_dpo") | {"accuracy": accuracy(0, 0.9)}
    card = {"peak_device_reserved_mb": 3800.0, "seconds": 90.0, "device": "a card <b>"}
    other = experiment(
        sft_dpo_scores=worse, sft_dpo_log=log("sft_dpo").with_columns(loss=pl.col("loss") + 1),
        sft_dpo_resources=resources("sft_dpo") | card, sft_resources=resources("sft") | card,
    )  # fmt: skip
    leave(tmp_path, "b03", other["entries"])
    return tmp_path


def read(folder: Path, *names: str) -> dict[str, Any]:
    found = Experiments(path=str(folder))
    found.bind(names)
    return found.load()


def test_only_scores_values_logs_and_costs_are_read(data: Path) -> None:
    found = read(data, "default")["default"]
    assert set(found["entries"]) == set(experiment()["entries"])
    assert found["entries"]["sft_log"].equals(log("sft"))


def test_another_score_makes_another_comparison(data: Path) -> None:
    one = Experiments(path=str(data))
    one.bind(["default"])
    before = {path: path.read_bytes() for path in one.external_files()}
    leave(data, "default", {"sft_scores": scores("base")})
    assert {path: path.read_bytes() for path in one.external_files()} != before


def test_an_experiment_that_nobody_made_is_told(data: Path) -> None:
    with pytest.raises(DatasetError, match=r"nothing of 'nothing'.*There are: b03, default"):
        read(data, "nothing")


def test_two_experiments_side_by_side(data: Path) -> None:
    experiments = read(data, "default", "b03")
    settings = CompareSettings(resamples=100, weights={"accuracy/strict": 1.0})
    scored, tested, costs, together = compare_runs(experiments, settings, 0)
    assert scored["run"].unique(maintain_order=True).to_list()[:2] == ["default: base", "default: sft"]
    between = tested.filter(measure="accuracy", metric="strict", a="default: sft", b="b03: sft")
    assert between.select("difference", "p").rows() == [(0.0, 1.0)]  # the same answers
    cost = {row["run"]: row for row in costs.iter_rows(named=True)}
    assert cost["b03: sft_dpo"]["performance_efficiency"] is not None
    log_v = math.log(3800 * 1048576 / 1e9)  # of 3800 MiB
    score = cost["b03: sft_dpo"]["score"]
    assert cost["b03: sft_dpo"]["performance_efficiency"] == pytest.approx(score / math.log(7.262464) / log_v)
    assert "log V is not above 0" not in cost["default: sft_dpo"]["performance_efficiency_why"], "961.2 MiB: 1.008 GB"
    assert not cost["b03: sft_dpo"]["pareto_seconds"]
    assert cost["default: sft_dpo"]["pareto_memory_mb"]
    page = make_compared_page(experiments, together, settings)
    found = seen(page)
    assert found.misnested == []
    assert len(found.ids) == len(set(found.ids))
    assert set(found.ids) >= {"summary", "settings", "scores", "tests", "curves", "cost", "origins"}
    assert "default: sft and b03: sft are not told apart by accuracy strict" in page
    assert "sft_dpo is" in page
    assert page.count("<svg") == page.count("Its numbers") > 5


def test_one_experiment_against_its_stages(data: Path) -> None:
    experiments = read(data, "default")
    settings = CompareSettings(candidates="sft+sft_dpo", resamples=100)
    _, tested, _, together = compare_runs(experiments, settings, 0)
    assert {(row["a"], row["b"]) for row in together["tests"]} == {("sft", "sft_dpo")}
    assert "share every setting" in make_compared_page(experiments, together, settings)
    assert set(tested["test"]) == {"McNemar's exact"}


def test_settings_that_differ_are_shown(data: Path) -> None:
    experiments = read(data, "default", "b03")
    for name, beta in (("default", 0.1), ("b03", 0.3)):
        experiments[name]["parameters"] = {"dpo": {"beta": beta, "steps": 50}, "seed": 0}
    settings = CompareSettings(resamples=100)
    page = make_compared_page(experiments, compare_runs(experiments, settings, 0)[3], settings)
    assert "1 of 3 parameters differ" in page
    assert "dpo.beta" in page
    assert "dpo.steps" not in page
