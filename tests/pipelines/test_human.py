"""From answers to a sheet, and from filled sheets to scores, as Kedro runs it."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline
from kedro.runner import SequentialRunner

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.datasets.sources import SourceFiles
from arabic_llm_pipeline.parameters.human import AXES, FILLED, HumanSettings
from arabic_llm_pipeline.pipelines.human_score.pipeline import create_pipeline as scoring
from arabic_llm_pipeline.pipelines.human_sheet.pipeline import create_pipeline as asking
from tests.evaluation.test_human import NAMES, answers, left, writings


def run(pipeline: Pipeline, given: dict[str, Any]) -> dict[str, Any]:
    entries = {name: MemoryDataset(value, copy_mode="assign") for name, value in given.items()}
    found = SequentialRunner().run(pipeline, DataCatalog(entries))
    return {name: dataset.load() for name, dataset in found.items()}


def files(folder: Path, *patterns: str) -> Any:
    entry = SourceFiles()
    entry.bind(folder, {FILLED: list(patterns)} if patterns else {})
    return entry.load()


def test_there_and_back(tmp_path: Path) -> None:
    given: dict[str, Any] = left(answers(), writings())
    given |= {"params:human": HumanSettings(resamples=100), "params:seed": 0}
    made = run(asking(NAMES), given)
    assert set(made) == {"human_sheet", "human_form", "human_key"}
    key = made["human_key"]
    assert f'data-sheet="{key["sheet"]}"' in made["human_sheet"]
    rows = list(csv.DictReader(io.StringIO(made["human_form"].removeprefix("\ufeff"))))
    (tmp_path / "human").mkdir()
    for rater in ("amal", "badr"):
        with (tmp_path / f"human/{rater}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(row | {axis: 1 + int(row["row"]) % 5 for axis in AXES} for row in rows)
    given |= {"human_key": key, "human_files": files(tmp_path, "human/*.csv")}
    assert set(run(scoring(), given)) == {"human_ratings", "human_plot"}
    found = run(scoring().only_nodes("score_human"), given)
    assert set(found["human_ratings"]["rater"]) == {"amal", "badr"}
    alphas = found["human_scores"].filter(by="all").filter(metric="fluency_alpha")
    assert alphas["value"].to_list() == [1.0]
    assert set(found["human_scores"]["candidate"].drop_nulls()) == set(NAMES)
    with pytest.raises(UserError, match=r"set human\.filled"):
        run(scoring(), given | {"human_files": files(tmp_path)})
