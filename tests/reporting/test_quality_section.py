"""The histograms of quality in the report."""

import re
from pathlib import Path

import polars as pl

from arabic_llm_pipeline.corpus import quality_table
from arabic_llm_pipeline.parameters.quality import QualitySettings
from arabic_llm_pipeline.parameters.text import FilterSettings
from arabic_llm_pipeline.reporting import quality
from tests.corpus.making import document, shards
from tests.reporting import made

LINES = "quality.limits.max_duplicate_lines"
ROWS = [document(str(n), "سطر من النص يعاد كثيرا.\n" * (n % 4 + 1)) for n in range(40)]


def table(folder: Path) -> pl.DataFrame:
    return quality_table.make(shards(folder, "documents", *ROWS), FilterSettings(), QualitySettings(rules="web"), 1)


def test_the_page_has_plots_with_limits_and_examples(tmp_path: Path) -> None:
    page = made.page(tmp_path / "page", quality_table=table(tmp_path / "q"))
    assert page.count("Texts near the limit ") >= quality.SHOWN
    assert re.search(r"<summary>\d+ more plots", page)
    assert "min_words is 50" in page
    assert "Texts near the limit quality.limits.max_duplicate_lines" in page
    assert "Texts near the limit" not in made.page(tmp_path / "none")


def test_the_limits_that_most_are_beyond_come_first(tmp_path: Path) -> None:
    found = quality.strictest(table(tmp_path))
    assert found[0] == "quality.limits.min_words"  # all 40; duplicate lines are 30


def test_a_figures_numbers_add_up(tmp_path: Path) -> None:
    figure = quality.histogram(table(tmp_path).filter(limit=LINES), LINES)
    assert sum(int(row[1]) for row in figure.table.rows) == len(ROWS)
    assert "0.304" in figure.caption
