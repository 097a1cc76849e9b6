"""The section of questions with choices: accuracy beside chance, what is taken for what, and what is not there."""

import numpy as np
import polars as pl
import pytest

from arabic_llm_pipeline.evaluation.results import missing, score_table
from arabic_llm_pipeline.reporting import choices, scores
from arabic_llm_pipeline.reporting.inputs import Inputs
from tests.reporting import made_choices
from tests.reporting.made import changed, inputs
from tests.reporting.made_scores import CANDIDATES


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    return inputs(tmp_path_factory.mktemp("choices"))


def right(name: str, way: str, of: str, **of_items: str) -> float:
    """The share right, counted from the likelihoods."""
    rows = made_choices.choices_answers(name).filter(way=way, set=of, **of_items).to_dicts()
    return 100 * float(np.mean([np.argmax(row["log_probabilities"]) == row["label"] for row in rows]))


def test_accuracy_by_set_and_by_subject_stands_beside_chance(made: Inputs) -> None:
    block, classification, culture = choices.blocks(made)
    assert [block.title for block in (block, classification, culture)] == [
        "Multiple choice",
        "Classification",
        "Culture",
    ]
    table = block.figures[0].table
    assert [column.name for column in table.columns] == ["", "Items", *CANDIDATES, "chance"]
    [row] = [row for row in table.rows if row[0] == "school"]
    assert row[1] == "36"
    assert row[2].startswith(f"{right('base', 'letters', 'school'):.1f}% [")
    assert row[-1] == "25.0%"
    subjects = block.more[0].table.rows
    assert {row[0] for row in subjects} == set(made_choices.SUBJECTS)
    physics = next(row for row in subjects if row[0] == "physics")
    assert physics[4].startswith(f"{right('sft_dpo', 'letters', 'school', family='physics'):.1f}% [")
    assert "7 items whose label is none of their choices" in " ".join(block.text)
    assert [column.name for column in classification.figures[0].table.columns][-1] == "most frequent label"


def test_what_is_taken_for_what_adds_up(made: Inputs) -> None:
    _, block, _ = choices.blocks(made)
    [told] = block.more
    counts = np.array([[int(cell) for cell in row[1:]] for row in told.table.rows])
    assert [row[0] for row in told.table.rows] == made_choices.LABELS
    assert counts.sum(1).tolist() == [12, 12, 12]
    assert {column.kind for column in told.table.columns[1:]} == {"number"}
    assert 100 * np.trace(counts) / counts.sum() == pytest.approx(right("sft_dpo", "labels", "reviews"))


def test_the_headline_is_said_in_words(made: Inputs) -> None:
    first = next(iter(choices.blocks(made)))
    assert first.text[0].startswith("Shown is accuracy by letters, 0-shot:")
    assert "accuracy by letters, 0-shot, with 95% intervals" in first.figures[0].caption


def test_bins_hold_all_items(made: Inputs) -> None:
    for block in choices.blocks(made):
        rows = block.figures[1].table.rows
        items = {name: sum(int(row[1]) for row in rows if row[0] == name) for name in CANDIDATES}
        assert set(items.values()) == {36}
        assert all(figure.svg.startswith("<svg") for figure in [*block.figures, *block.more])


def test_every_figure_is_in_the_folded_table(made: Inputs) -> None:
    table = next(iter(choices.blocks(made))).lists[0]
    assert table.caption == "All figures: multiple choice, over all items, with 95% intervals where there are any"
    figures = {row[1] for row in table.rows if row[0] == "school"}
    assert {
        "accuracy by letters, 0-shot",
        "accuracy by answers, per character, 0-shot",
        "accuracy by answers, less the choice's own, 0-shot",
        "calibration error (ECE) by letters, 0-shot",
        "by chance",
    } <= figures
    assert "accuracy by letters, 0-shot, mean of subjects" in figures
    brier = next(row for row in table.rows if row[1] == "Brier score by letters, 0-shot")
    assert "%" not in brier[5]
    assert brier[3] == "2.8%", "one of 36 items was seen in training"


def test_where_nothing_was_measured_it_says_why(made: Inputs) -> None:
    none = score_table([missing("choices", "all", "acc", "no held-out item with choices")])
    [block] = choices.blocks(changed(made, **{f"{name}_choices": none for name in CANDIDATES}))
    assert list(block.text) == ["Not measured: no held-out item with choices."]


def test_one_candidate_that_lacks_a_set(made: Inputs) -> None:
    some = made["base_choices"].filter(pl.col("set") != "reviews")
    _, block, _ = choices.blocks(changed(made, base_choices=some))
    assert block.figures[0].table.rows[0][2] == "n/a"


def test_figures_of_lm_eval_stand_apart(made: Inputs) -> None:
    scores = {f"{name}_lm_eval": made_choices.lm_eval(name) for name in CANDIDATES}
    *_, block = choices.blocks(changed(made, **scores))
    assert block.tables[0].rows == [
        ["exams", "accuracy", "268", "0.0%", "exams 1.0, plain", *(f"{v:.1f}% [20.0, 50.0]" for v in (25, 35, 45))]
    ]


def test_paired_tests_of_each_kind_the_surest_first(made: Inputs) -> None:
    tables = list(scores.paired_tables(made))
    assert [table.title for table in tables] == [
        "Multiple choice: paired tests", "Classification: paired tests", "Culture: paired tests",
    ]  # fmt: skip
    rows = tables[0].rows
    assert {(row[2], row[3]) for row in rows} == {("base", "sft"), ("base", "sft_dpo"), ("sft", "sft_dpo")}
    [found] = [row for row in rows if row[1:4] == ["accuracy by letters, 0-shot", "base", "sft_dpo"]]
    change = (right("sft_dpo", "letters", "school") - right("base", "letters", "school")) / 100
    assert found[4] == f"{change:+.3f}"
    assert found[8] == "36"
    assert tables[0].caption.endswith("24 of 24 tests.")
