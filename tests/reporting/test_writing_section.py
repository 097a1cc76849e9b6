"""What candidates write, in the report."""

from pathlib import Path

import polars as pl
import pytest

from arabic_llm_pipeline.evaluation.results import missing, score_table
from arabic_llm_pipeline.reporting import dialect_tables, writing
from arabic_llm_pipeline.reporting.inputs import Inputs
from arabic_llm_pipeline.reporting.view import Block, Table
from tests.reporting.made import inputs
from tests.reporting.made_scores import CANDIDATES
from tests.reporting.made_scores import writing as scores


@pytest.fixture
def made(tmp_path: Path) -> Inputs:
    return inputs(tmp_path)


def line(table: Table, *first: str) -> dict[str, str]:
    """The row that begins so, by column."""
    [row] = [row for row in table.rows if tuple(row[: len(first)]) == first]
    return dict(zip([column.name for column in table.columns], row, strict=True))


def test_the_table_by_variety_has_the_papers_below_and_says_where_there_is_no_data(made: Inputs) -> None:
    table = dialect_tables.varieties_table(made)
    assert line(table, "To English, chrF++", "sft")["GLF"] == "11.0 [8.0, 14.0]"
    assert line(table, "Questions on a text, F1 (SQuAD), %", "base")["MGR"].startswith("43.8 [")
    assert line(table, "Perplexity per token, prose", "base")["MGR"] == "no data"
    assert line(table, "Perplexity per token, prose", "base")["EGY"] == "70.0 [70.0, 70.0]"
    others = dialect_tables.others_table(made)
    assert line(others, "BLEU", "paper, Table 4")["MSA"] == "42.3"
    assert line(others, "To MSA, BLEU (13a)", "sft")["LEV"] == "11.0 [8.0, 14.0]"
    assert line(others, "Questions on a text, F1 (normalized), %", "base")["MGR"] == "no data"
    assert len(table.rows) <= Block.OPEN_ROWS
    assert line(table, "Perplexity", "paper, Table 4")["MGR"] == "7.12"


def test_the_taggers_own_error_stands_below_the_answers(made: Inputs) -> None:
    table = dialect_tables.stays_table(made)
    assert line(table, "sft_dpo")["GLF"].startswith("50 [")
    assert line(table, "references (people)")["GLF"].startswith("25 [")
    tagged = line(dialect_tables.tagged_table(made), "sft", "GLF")
    assert (tagged["MSA"], tagged["Answers"]) == ("87.5%", "8")
    [example] = dialect_tables.examples_table(made).rows
    assert example[:3] == ["EGY", "ازيك عامل ايه؟", "تمام الحمد لله"]
    assert example[4] == "<b>sft</b> كويس"


def test_the_parts_and_what_is_absent(made: Inputs) -> None:
    first, questions, translation, free, rules, *_ = writing.blocks(made)
    assert "Not measured: a reason that is told." in first.text
    assert any("25.0% of the items" in text for text in first.text)
    assert line(first.figures[0].table, "arcd: F1 (SQuAD)")["sft_dpo"] == "40.0 [37.0, 43.0]"
    assert line(questions.tables[0], "arcd", "sft")["F1, SQuAD"] == "30.0 [27.0, 33.0]"
    apart = questions.tables[1]
    assert {row[0] for row in apart.rows} == {"arcd"}, "the other set has no such questions"
    assert line(apart, "arcd", "base")["Unanswerable told"].startswith("37.5 [")
    assert "of:chrf++" in translation.tables[0].caption
    assert line(free.tables[1], "dialects talk", "sft")["Empty"] == "n/a"
    assert line(rules.lists[0], "instructions", "ends_in_sign", "sft")["Kept"].startswith("87.5 [")


def test_without_the_set_in_five_varieties_its_parts_are_left_out(tmp_path: Path) -> None:
    other = ~pl.col("set").str.starts_with("dialects")
    without = {f"{name}_writing": scores(name).filter(other) for name in CANDIDATES}
    made = inputs(tmp_path, **without)
    titles = [block.title for block in writing.blocks(made)]
    assert list(dialect_tables.blocks(made)) == []
    assert titles == ["", "Questions", "Translation", "Free answers", "Instructions"]


def test_nothing_at_all_is_told(tmp_path: Path) -> None:
    frame = scores("base").filter(pl.col("why").is_not_null())
    none = {f"{name}_writing": frame for name in CANDIDATES}
    first = writing.blocks(inputs(tmp_path, **none))[0]
    assert not first.figures
    assert "Not measured: a reason that is told." in first.text


def test_the_page_without_any_of_it(tmp_path: Path) -> None:
    none = {f"{name}_writing": score_table([]) for name in CANDIDATES}
    assert writing.blocks(inputs(tmp_path, **none)) == []


def test_win_rates(tmp_path: Path) -> None:
    row = {"measure": "win_rate", "set": "dialects_talk", "by": "against", "group": "base", "items": 40}
    judged = {"harness": "arabic_llm_pipeline 0.1.0, judge: large at http://localhost/v1"}
    rows = [row | judged | {"metric": "win_rate", "value": 0.75, "low": 0.625, "high": 0.875}]
    rows.append(row | judged | {"metric": "first_wins", "value": 0.5})
    block = writing.blocks(inputs(tmp_path / "a", sft_wins=score_table(rows)))[-1]
    assert "judge: large at http://localhost/v1" in block.tables[0].caption
    assert line(block.tables[0], "sft", "base")["Wins"] == "75.0 [62.5, 87.5]"
    assert line(block.tables[0], "sft", "base")["First wins"] == "50.0"
    nobody = score_table([missing("win_rate", "all", "win_rate", "no judge is declared")])
    assert writing.blocks(inputs(tmp_path / "b", sft_wins=nobody))[-1].text == ["Not measured: no judge is declared."]
