"""The plot of what people said: its marks are the scores."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from arabic_llm_pipeline.evaluation.human import filled, scores, sheet
from arabic_llm_pipeline.parameters.human import HumanSettings
from arabic_llm_pipeline.reporting.human import human_plot
from tests.evaluation.test_human import answers, fill, put


def scored(folder: Path, settings: HumanSettings, say: Any) -> pl.DataFrame:
    made, key = sheet.make(answers(), settings, 0)
    return scores.scores(filled.read([put(folder / "amal.csv", fill(made, key, say))], key), key, 100, 0)


def marks(figure: Any) -> dict[str, list[float]]:
    """Series -> values of its marks, from top to bottom."""
    lines = figure.axes[0].get_lines()
    return {line.get_label(): list(line.get_xdata()) for line in lines if not line.get_label().startswith("_")}


def test_scales(tmp_path: Path) -> None:
    points = {"base": "1", "sft": "3", "sft_dpo": "5"}
    found = scored(tmp_path, HumanSettings(axes=("fluency", "coherence")), lambda _, row: points[row["answers_of"][0]])
    figure = human_plot(found)
    groups = [label.get_text().replace("\n", " ") for label in figure.axes[0].get_yticklabels()]
    assert groups == [f"{axis}{of}" for axis in ("fluency", "coherence") for of in ("", ", EGY", ", MSA", ", unknown")]
    assert marks(figure) == {name: [float(said)] * len(groups) for name, said in points.items()}
    assert list(marks(figure)) == ["base", "sft", "sft_dpo"]
    assert figure.axes[0].get_xlabel().startswith("mean rating")
    assert "one rater" in figure.get_suptitle()


def test_pairs_are_percent(tmp_path: Path) -> None:
    settings = HumanSettings(design="pairs", axes=("fluency",), items=0)
    found = scored(tmp_path, settings, lambda *_: "tie")
    assert {name: set(values) for name, values in marks(human_plot(found)).items()} == {
        "sft over base": {50.0},
        "sft_dpo over sft": {50.0},
    }


def test_what_nobody_judged_leaves_no_marks(tmp_path: Path) -> None:
    found = scored(tmp_path, HumanSettings(axes=("fluency",)), lambda *_: "?")
    assert found.filter(metric="fluency")["value"].drop_nulls().is_empty()
    assert marks(human_plot(found)) == {"nothing was judged": []}


@pytest.mark.parametrize("design", ["scales", "pairs"])
def test_it_is_drawn(tmp_path: Path, design: Any) -> None:
    said = {"scales": "3", "pairs": "a"}[design]
    human_plot(scored(tmp_path, HumanSettings(design=design), lambda *_: said)).savefig(tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 10_000
