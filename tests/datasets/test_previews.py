"""What Kedro Viz shows of the catalog that ships, by its own loader and as it is sent to the browser."""

import inspect
import json
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from kedro.io import DataCatalog
from kedro.io.core import parse_dataset_definition
from matplotlib.figure import Figure

from arabic_llm_pipeline.config import StackedConfigLoader
from arabic_llm_pipeline.datasets.pages import Page
from arabic_llm_pipeline.evaluation.forgetting import FORGETTING
from arabic_llm_pipeline.evaluation.paired import PAIRED
from arabic_llm_pipeline.evaluation.results import SCORES
from arabic_llm_pipeline.pipelines.compare.pipeline import create_pipeline as compare
from arabic_llm_pipeline.pipelines.memory_plan.pipeline import create_pipeline as memory_plan
from arabic_llm_pipeline.pipelines.report.pipeline import create_pipeline as report
from arabic_llm_pipeline.settings import CONFIG_LOADER_ARGS

PAGE = """<!doctype html><html lang="ar" dir="rtl"><head><title>t</title><style>p {color: red}</style></head>
<body class="wide"><h1>النتائج</h1><svg><path d="M0 0"/></svg><script>alert("<p>")</script><p>ends</p></body></html>"""
ROWS = 130  # more than are shown
SHOWN = 100


def table(schema: pl.Schema) -> pl.DataFrame:
    """Numbered in its first column of text; all else is missing."""
    name = next(name for name, kind in schema.items() if kind == pl.String)
    return pl.DataFrame({name: [str(row) for row in range(ROWS)]}).cast({name: pl.String}).select(
        pl.col(one) if one == name else pl.lit(None, kind).alias(one) for one, kind in schema.items()
    )  # fmt: skip


def figure() -> Figure:
    found = Figure()
    found.add_subplot().plot([1, 2])
    return found


def of_catalog(project: Path) -> dict[str, Any]:
    return StackedConfigLoader(str(project / "conf"), env="local", **CONFIG_LOADER_ARGS)["catalog"]


@pytest.fixture
def shown(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, dict[str, Any]]]:
    """Entry -> what the browser gets of it; of a run that left a page, plots, tables and JSON."""
    pytest.importorskip("kedro_viz")
    from kedro_viz.api.rest.responses.nodes import get_node_metadata_response
    from kedro_viz.api.rest.responses.utils import get_encoded_response
    from kedro_viz.data_access import data_access_manager
    from kedro_viz.server import populate_data

    monkeypatch.chdir(tmp_path)
    catalog = DataCatalog.from_config(of_catalog(project))
    left = {"report": PAGE, "compared_page": PAGE, "all_scores_json": [], "sft_scores": {"accuracy": [{"strict": 0.5}]}}
    left |= {f"{name}_plot": figure() for name in ("training", "scores", "funnel", "memory_plan")}
    left |= {"all_scores": table(SCORES), "all_tests": table(PAIRED), "paired_tests": table(PAIRED)}
    left |= {"forgetting": table(FORGETTING), "memory_plan": pl.DataFrame({"stage": ["sft"], "fits": [True]})}
    for name, data in left.items():
        catalog[name].save(data)
    pipelines = {
        "report": report(["base", "sft"], ["sft"]), "memory_plan": memory_plan([("sft",)]), "compare": compare(),
    }  # fmt: skip
    populate_data(data_access_manager, catalog, pipelines, {})
    nodes = {node.name: node.id for node in data_access_manager.nodes.as_list() if node.name in left}
    yield {name: json.loads(get_encoded_response(get_node_metadata_response(id_))) for name, id_ in nodes.items()}
    data_access_manager.reset_fields()


def test_pages_plots_tables_and_json_are_shown(shown: dict[str, dict[str, Any]]) -> None:
    for name in ("training_plot", "scores_plot", "funnel_plot", "memory_plan_plot"):
        assert shown[name]["preview_type"] == "ImagePreview"
        assert b64decode(shown[name]["preview"]).startswith(b"\x89PNG"), name
    for name in ("all_scores", "all_tests", "paired_tests", "forgetting"):
        assert shown[name]["preview_type"] == "TablePreview"
        rows = shown[name]["preview"]["data"]
        assert len(rows) == SHOWN, name
        assert {str(SHOWN - 1)} == {str(value) for value in rows[-1] if value is not None}, name
    assert shown["memory_plan"]["preview"]["data"] == [["sft", True]]
    for name in ("report", "compared_page"):
        assert shown[name]["preview_type"] == "HTMLPreview"
        assert shown[name]["preview"] == '<h1>النتائج</h1><svg><path d="M0 0"/></svg><p>ends</p>'
    assert json.loads(shown["sft_scores"]["preview"]) == {"accuracy": [{"strict": 0.5}]}
    assert shown["all_scores_json"].get("preview") is None


def test_a_page_without_a_body_is_shown_whole(tmp_path: Path) -> None:
    page = Page(filepath=str(tmp_path / "x.html"))
    page.save("<p>س</p>")
    assert page.preview() == "<p>س</p>"


def test_every_entry_takes_what_its_preview_is_told(project: Path) -> None:
    """Kedro Viz only logs that an argument is not known, and shows nothing."""
    told = {}
    for name, entry in of_catalog(project).items():
        about = (entry.get("metadata") or {}).get("kedro-viz", {}) if not name.startswith("_") else {}
        if arguments := about.get("preview_args"):
            kind, _ = parse_dataset_definition(dict(entry.get("dataset", entry)))
            inspect.signature(kind.preview).bind(None, **arguments)
            told[name] = arguments
    assert {"all_scores", "memory_plan", "{candidate}_choices", "compared_{table}"} <= set(told)
