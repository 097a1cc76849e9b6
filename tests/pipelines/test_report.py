"""The pipeline `report`: what it reads and makes, and that it runs as Kedro runs it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from kedro.validation.type_extractor import TypeExtractor
from kedro_datasets.matplotlib import MatplotlibDataset
from kedro_datasets.text import TextDataset

from arabic_llm_pipeline.artifacts.plan import Plan
from arabic_llm_pipeline.evaluation.results import SCORES
from arabic_llm_pipeline.parameters.preference import RewardSettings
from arabic_llm_pipeline.parameters.root import Parameters
from arabic_llm_pipeline.pipeline_registry import Asked, makers
from arabic_llm_pipeline.pipelines.evaluate import wins
from arabic_llm_pipeline.pipelines.evaluate.pipeline import MEASURES
from arabic_llm_pipeline.pipelines.report.pipeline import DATA, create_pipeline
from arabic_llm_pipeline.recipes import methods
from tests.reporting.made import data, settings
from tests.reporting.made_scores import CANDIDATES, STAGES, log, resources


def test_it_reads_what_candidates_and_stages_left() -> None:
    found = create_pipeline(CANDIDATES, STAGES)
    plots, tables = {"funnel_plot", "training_plot", "scores_plot"}, {"all_scores", "all_tests"}
    assert found.outputs() == {"report", *plots, *tables, *(f"{name}_json" for name in tables)}
    made = {f"{name}_{kind}" for name in CANDIDATES for kind in ("scores", "answers")}
    made |= {output for measure in MEASURES for name in CANDIDATES for output in measure.node(name).outputs}
    made |= {output for node in wins.nodes(CANDIDATES) for output in node.outputs}
    made |= {f"{name}_{kind}" for name in STAGES for kind in ("log", "resources")} | {*DATA}
    assert {name for name in found.inputs() if not name.startswith("params:")} == made


@pytest.mark.parametrize("recipes", ["sft_dpo", "sft_kto+sft_dpo_ipo", "domain", "cpt_sft_dpo", "sft_reward+sft_orpo"])
def test_every_parameter_is_taken_for_the_type_it_has(recipes: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kedro pairs inputs with arguments by their place; one argument too few, and a parameter is read as another."""
    monkeypatch.setattr(Asked, "recipes", recipes)
    found = TypeExtractor({"report": makers()["report"]()}).extract_types_from_pipelines()
    assert {*methods(recipes)} <= set(found)
    assert found == {name: Parameters.model_fields[name].annotation for name in found}


def catalog(folder: Path) -> DataCatalog:
    values = {f"params:{name}": value for name, value in settings().items()} | {
        "params:recipes": "sft_dpo",
        "params:seed": 0,
    }
    entries = {
        name: MemoryDataset(value, copy_mode="assign") for name, value in (values | data(folder / "corpus")).items()
    }
    entries |= {"report": TextDataset(filepath=str(folder / "report.html"))}
    for name in ("funnel_plot", "training_plot", "scores_plot"):
        entries[name] = MatplotlibDataset(filepath=str(folder / f"{name}.png"), save_args={"format": "png", "dpi": 200})
    return DataCatalog(entries)


def test_it_runs(tmp_path: Path) -> None:
    entries = catalog(tmp_path)
    won = pl.DataFrame([{"measure": "win_rate", "metric": "win_rate", "value": 0.6}], schema=SCORES)
    entries["sft_wins"] = MemoryDataset(won, copy_mode="assign")
    for name in ("all_scores", "all_scores_json", "all_tests", "all_tests_json"):
        entries[name] = MemoryDataset(copy_mode="assign")
    SequentialRunner().run(create_pipeline(CANDIDATES, STAGES), entries)
    table, rows = entries.load("all_scores"), entries.load("all_scores_json")
    assert table["candidate"].unique(maintain_order=True).to_list() == [*CANDIDATES, "encoders"]
    assert table.filter(measure="win_rate", value=0.6)["candidate"].to_list() == ["sft"]
    assert table.filter(candidate="encoders", metric="top_1", group="arabert")["value"].to_list() == [0.4]
    assert rows == table.to_dicts()
    tests = entries.load("all_tests")
    assert entries.load("all_tests_json") == tests.to_dicts()
    assert len(pl.read_csv(tests.write_csv().encode())) == len(tests) > 0
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    for name in ("funnel_plot", "training_plot", "scores_plot"):
        first = (tmp_path / f"{name}.png").read_bytes()
        assert first.startswith(b"\x89PNG")


def test_plots_are_the_same_bytes_each_time(tmp_path: Path) -> None:
    only = create_pipeline(CANDIDATES, STAGES).only_nodes("draw_funnel", "draw_scores", "draw_training")
    for folder in ("a", "b"):
        SequentialRunner().run(only, catalog(tmp_path / folder))
    for name in ("funnel_plot", "training_plot", "scores_plot"):
        assert (tmp_path / f"a/{name}.png").read_bytes() == (tmp_path / f"b/{name}.png").read_bytes()


def test_neutral_settings_do_not_make_a_new_report(tmp_path: Path) -> None:
    """Kedro and the plan of a run find the types of the settings through the partial that the node is."""
    plan = Plan(create_pipeline(CANDIDATES, STAGES).only_nodes("make_report"), catalog(tmp_path))
    assert {"sft", "dpo", "sources", "text", "report"} <= set(plan.types)
    assert "save_steps" not in plan._value("params:sft")


@pytest.mark.parametrize("module", ["torch", "transformers", "matplotlib", "jinja2", "pandas"])
def test_importing_it_is_light(module: str) -> None:
    code = f"import sys, arabic_llm_pipeline.pipelines.report.pipeline; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_reward_model_has_a_part_of_its_own(tmp_path: Path) -> None:
    """It is no candidate: nobody asks for its answers; its figures, its plot and its training are shown."""
    from arabic_llm_pipeline.evaluation import reward
    from arabic_llm_pipeline.evaluation.details import long

    random = np.random.default_rng(1)
    columns = {name: random.normal(mean, 1, 60) for name, mean in (("chosen", 1.0), ("rejected", 0.0))}
    tokens = {f"{name}_tokens": random.integers(1, 9, 60) for name in columns}
    ids = [str(place) for place in range(60)]
    frame = pl.DataFrame({"id": ids, "source": "preferences", "dialect": "MSA", **columns, **tokens})
    scores = {"candidate": "sft_reward", **reward.scores(frame, 100, 0)}
    details = long([frame.drop("source", "dialect")], [reward.REWARD])
    found = create_pipeline(CANDIDATES, [*STAGES, "sft_reward"], ["sft_reward"])
    assert "sft_reward_plot" in found.outputs()
    assert "sft_reward_answers" not in found.inputs()
    entries = catalog(tmp_path)
    of_it = {"scores": scores, "details": details, "log": log("sft_dpo"), "resources": resources("sft_dpo")}
    for name, value in of_it.items():
        entries[f"sft_reward_{name}"] = MemoryDataset(value, copy_mode="assign")
    entries["params:reward"] = MemoryDataset(RewardSettings())
    entries["sft_reward_plot"] = MatplotlibDataset(filepath=str(tmp_path / "r.png"), save_args={"format": "png"})
    SequentialRunner().run(found, entries)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Reward model sft_reward" in page
    assert f"sft_reward puts the chosen answer first in {100 * scores['accuracy']:.1f}%" in page
    assert "center_rewards_coefficient" in page
    assert (tmp_path / "r.png").read_bytes().startswith(b"\x89PNG")
    blind = {**scores, "accuracy": 0.5, "interval": [0.4, 0.6]}
    entries["sft_reward_scores"] = MemoryDataset(blind, copy_mode="assign")
    SequentialRunner().run(found, entries)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "sft_reward tells chosen from rejected answers no better than" in page
