"""What the report says of words that went, of copies and of contamination."""

from pathlib import Path

import polars as pl

from arabic_llm_pipeline.corpus.duplicates import VERDICTS
from arabic_llm_pipeline.corpus.funnel import FUNNEL
from arabic_llm_pipeline.reporting import likeness, losses
from arabic_llm_pipeline.reporting.inputs import Inputs
from tests.reporting import made
from tests.reporting.made_corpus import funnel, verdicts

FRAME = pl.DataFrame(funnel(), schema=FUNNEL)


def number(text: str) -> int:
    return int(text.replace(",", ""))


def test_the_words_of_a_source_add_up() -> None:
    table = losses.figure(FRAME, "source").table
    read = dict(FRAME.filter(step="clean").group_by("source").agg(pl.col("words").sum()).iter_rows())
    assert {row[0]: sum(map(number, row[1:])) for row in table.rows} == read
    assert [column.name for column in table.columns[:3]] == ["Source", "kept", "duplicate"]  # the most words first
    by_dialect = losses.figure(FRAME, "dialect").table
    assert sum(number(cell) for row in by_dialect.rows for cell in row[1:]) == sum(read.values())
    assert [row[0] for row in by_dialect.rows] == ["MSA", "EGY", "GLF", "LEV", "unknown"]


def test_only_so_many_reasons_are_told_apart() -> None:
    row = FRAME.filter(step="clean", outcome="dropped").head(1)
    many = pl.concat(
        [FRAME, *(row.with_columns(reason=pl.lit(f"reason_{n}"), words=pl.lit(n, pl.Int64)) for n in range(20))]
    )
    columns = [column.name for column in losses.figure(many, "source").table.columns]
    assert len(columns) == 1 + 1 + losses.SHOWN + 1
    assert columns[-1] == losses.OTHERS


def test_steps_by_source_and_dialect() -> None:
    rows = [row for row in losses.steps_table(FRAME).rows if row[:2] == ["clean", "dirty_web"]]
    assert {row[2]: row[3:] for row in rows} == {
        None: ["0", "0", "0", "21", "630", "3,150"],
        "MSA": ["20", "600", "3,000", "0", "0", "0"],
        "unknown": ["11", "330", "1,650", "0", "0", "0"],
    }


def test_what_unification_would_rewrite() -> None:
    rows = losses.rewritten_table(FRAME).rows
    assert rows[-1][0] == "all"
    assert rows[-1][3] == "20.0%"  # 6 words of 30 in every record that was made
    assert sum(number(row[2]) for row in rows[:-1]) == number(rows[-1][2])


def test_sizes_of_clusters() -> None:
    rows = likeness.clusters_figure(verdicts().filter(pl.col("stays_row").is_not_null())).table.rows
    assert rows[0] == ["2", "1", "1"]
    assert rows[3] == ["10 to 99", "1", "10"]
    assert [row[1] for row in rows] == ["1", "0", "0", "1", "0"]


def test_who_measures_on_what_went() -> None:
    copies, contamination = likeness.blocks(Inputs((), (), {"verdicts": verdicts()}))
    assert copies.lists[0].rows[0] == ["dirty_web", "near_duplicate", "wikipedia", "10"]
    assert contamination.tables[0].rows == [["bactrian", "in_evaluation", "items_test", "1"]]
    assert likeness.blocks(Inputs((), (), {"verdicts": VERDICTS.to_frame()})) == []


def test_the_page_has_them(tmp_path: Path) -> None:
    text = made.page(tmp_path)
    for title in ("What went, in words", "Alif and Ya", "Copies", "Contamination"):
        assert f"<h3>{title}</h3>" in text
    empty = made.page(tmp_path / "empty", funnel=[], verdicts=VERDICTS.to_frame())
    assert "What went, in words" not in empty
