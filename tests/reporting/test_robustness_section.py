"""The section of robustness: every figure has its numbers, and what is not there is said."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest

from arabic_llm_pipeline.evaluation.results import missing, score_table
from arabic_llm_pipeline.reporting import robustness
from arabic_llm_pipeline.reporting.inputs import Inputs
from tests.reporting.made import inputs
from tests.reporting.made_scores import CANDIDATES
from tests.reporting.made_scores import robustness as scores


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("robustness")


def with_tables(folder: Path, name: str, tables: Mapping[str, pl.DataFrame]) -> Inputs:
    return inputs(folder / name, **{f"{candidate}_robustness": table for candidate, table in tables.items()})


@pytest.fixture(scope="module")
def tables() -> dict[str, pl.DataFrame]:
    return {name: scores(name) for name in CANDIDATES}


@pytest.fixture(scope="module")
def made(folder: Path, tables: dict[str, pl.DataFrame]) -> Inputs:
    return with_tables(folder, "all", tables)


def test_figures_by_level_and_kind(made: Inputs) -> None:
    first, dialects, kinds, worst = robustness.blocks(made)
    assert "3.5" in first.text[1]
    assert [figure.key for figure in [*first.figures, *first.more]] == [
        "noise-items_test-exact_match", "noise-items_test-chrfpp_to_clean",
        "noise-school-exact_match", "noise-school-chrfpp_to_clean",
    ]  # fmt: skip
    rows = first.figures[0].table.rows
    assert [row[:2] for row in rows] == [[level, name] for name in CANDIDATES for level in ("0", "0.1", "0.3", "0.5")]
    assert rows[3] == ["0.5", "base", "5.0", "[0.0, 10.0]", "-5.0", "[-10.0, 0.0]", "45.0%", "40"]
    assert rows[0][4] == "", "no change from itself"
    assert [column.name for column in dialects.lists[0].columns][2:] == [
        "Items", "Noise 0", "Noise 0.1", "Noise 0.3", "Noise 0.5",
    ]  # fmt: skip
    assert [row[:2] for row in dialects.lists[0].rows] == [[of, name] for of in ("EGY", "MSA") for name in CANDIDATES]
    assert dialects.lists[0].rows[0][2:4] == ["40", "10.0 [5.0, 15.0]"]
    assert {row[0] for row in kinds.figures[0].table.rows} == {"hamza", "arabizi"}
    assert worst.tables[0].rows[0] == [
        "items test", "right answers", "base", "0.3, 3 times", "10.0", "[5.0, 15.0]", "5.0", "[0.0, 10.0]", "40",
    ]  # fmt: skip
    assert all(figure.svg.startswith("<svg") for block in (first, kinds) for figure in block.figures)


def test_one_candidate_without_items_says_why_beside_the_others(folder: Path, tables: dict[str, pl.DataFrame]) -> None:
    none = score_table([missing("robustness", "all", "exact_match", "no test item")])
    first = robustness.blocks(with_tables(folder, "some", {**tables, "base": none}))[0]
    assert "base: no test item." in first.text
    assert {row[1] for row in first.figures[0].table.rows} == set(CANDIDATES) - {"base"}
    alone = with_tables(folder, "alone", dict.fromkeys(CANDIDATES, none))
    assert [block.text for block in robustness.blocks(alone)] == [[f"{name}: no test item." for name in CANDIDATES]]


def test_where_nothing_was_measured_nothing_is_said(folder: Path) -> None:
    assert robustness.blocks(with_tables(folder, "none", dict.fromkeys(CANDIDATES, score_table([])))) == []


def test_an_interval_that_could_not_be_had_leaves_the_value(folder: Path, tables: dict[str, pl.DataFrame]) -> None:
    none = [pl.lit(None, pl.Float64).alias(bound) for bound in ("low", "high")]
    found = with_tables(folder, "bounds", {name: frame.with_columns(none) for name, frame in tables.items()})
    assert robustness.blocks(found)[0].figures[0].table.rows[0][2:4] == ["10.0", "n/a"]


def test_changes_of_a_likeness_stand_in_its_own_unit(folder: Path) -> None:
    """chrF goes to 100, F1 to 1: 5 less of the one is -5.0, 0.05 less of the other as well."""
    about = {"measure": "robustness", "by": "noise", "items": 9, "interval": "bootstrap"}
    rows = []
    for of, metric, unit in (("talk", "chrf_sentence", 1.0), ("texts", "f1_squad", 0.01)):
        for name, group, value in ((metric, "0", 40.0), (metric, "0.3", 35.0), (f"{metric}_change", "0.3", -5.0)):
            shown = {"value": unit * value, "low": unit * (value - 1), "high": unit * (value + 1)}
            rows.append(about | {"set": of, "metric": name, "group": group} | shown)
        rows += [about | {"set": of, "metric": "words_altered", "group": group, "value": 0.1} for group in ("0", "0.3")]
    block = robustness.blocks(with_tables(folder, "units", dict.fromkeys(CANDIDATES, score_table(rows))))[0]
    tables = [figure.table for figure in [*block.figures, *block.more]]
    assert len(tables) == 2
    for table in tables:
        [row] = [row for row in table.rows if row[:2] == ["0.3", "sft"]]
        assert row[2:6] == ["35.0", "[34.0, 36.0]", "-5.0", "[-6.0, -4.0]"]
