"""The card of a model: read back by the parser of the hub, its figures those of the scores, none that is not there."""

import re
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from arabic_llm_pipeline.parameters.export import ExportSettings
from arabic_llm_pipeline.parameters.sources import Sources
from arabic_llm_pipeline.reporting import model_card
from tests.reporting import made_choices
from tests.reporting.made_scores import language, resources, robustness, scores, writing

MADE = {
    "parameters": 7, "dtype": "bfloat16", "quantization": "nf4", "onto": "float32",
    "difference": {"mean": 0.1, "largest": 0.2, "same_first_choice": 1.0},
}  # fmt: skip


def facts(*names: str, **more: Any) -> dict[str, Any]:
    """As artifacts of JSON and tables are read."""
    found: dict[str, Any] = {"sft_dpo_resources": resources("sft_dpo")}
    for name in names:
        tables = {"language": language, "choices": made_choices.choices, "writing": writing, "robustness": robustness}
        found |= {f"{name}_{kind}": table(name).to_dicts() for kind, table in tables.items()}
        found[f"{name}_scores"] = scores(name)
    return found | more


def written(folder: Path, known: dict[str, Any]) -> str:
    base = {"name": "base", "kind": "hub", "hub": "someone/base", "revision": None, "model_type": "qwen2"}
    path = model_card.write_card(
        folder, "sft_dpo", base, folder, {"sft_dpo_adapter": folder / "none"}, ExportSettings(),
        Sources.model_validate({}), known, MADE, {"lacks": [], "rank": 8},
    )  # fmt: skip
    return path.read_text(encoding="utf-8")


def table(text: str, *first: str) -> dict[str, str]:
    """The row that begins so, by column."""
    rows = [[cell.strip().replace("\\", "") for cell in line.strip("|").split(" |")] for line in text.splitlines() if
            line.startswith("|")]  # fmt: skip
    [row] = [row for row in rows if tuple(row[: len(first)]) == first]
    return dict(zip(("kind", "set", "figure", "items", "base", "sft_dpo"), row, strict=True))


def test_each_kind_has_its_first_figure_with_intervals_for_base_and_stage(tmp_path: Path) -> None:
    text = written(tmp_path, facts("base", "sft_dpo"))
    row = table(text, "Questions on a text", "arcd")
    assert (row["figure"], row["items"], row["base"], row["sft_dpo"]) == (
        "F1 (SQuAD), %", "8", "20.0 [17.0, 23.0]", "40.0 [37.0, 43.0]",
    )  # fmt: skip
    assert table(text, "Translation", "dialects to msa")["sft_dpo"] == "22.00 [19.00, 25.00]"
    assert table(text, "Robustness", "school", "exact match, noise 0.5, %")["sft_dpo"] == "35.0 [30.0, 40.0]"
    assert table(text, "Robustness", "school", "exact match, noise 0, %")["base"] == "10.0 [5.0, 15.0]"
    assert table(text, "Multiple choice", "school")["figure"] == "accuracy by letters, 0-shot, %"
    assert "answers, per character" not in text
    assert re.search(r"97\.00 % \(95 % interval 95\.\d\d % to 98\.\d\d %\)", text), "600 pairs"
    assert re.search(r"\| 1\.13 \| 1\.1 to 1\.17 \|", text)


def test_what_was_not_measured_has_no_row(tmp_path: Path) -> None:
    known = {name: value for name, value in facts("sft_dpo").items() if name.endswith(("scores", "resources"))}
    text = written(tmp_path, known)
    assert "By kind of measure" not in text
    assert "### base" not in text
    assert "### sft" in text


def test_a_candidate_that_lacks_a_kind_has_an_empty_cell(tmp_path: Path) -> None:
    known = facts("base", "sft_dpo")
    del known["base_writing"]
    assert table(written(tmp_path, known), "Questions on a text", "arcd")["base"] == ""


@pytest.mark.parametrize("names", [("base", "sft_dpo"), ()])
def test_the_hub_reads_it(tmp_path: Path, names: tuple[str, ...]) -> None:
    data = ModelCard(written(tmp_path, facts(*names))).data
    assert (data.library_name, data.pipeline_tag, data.base_model) == (
        "transformers",
        "text-generation",
        "someone/base",
    )
