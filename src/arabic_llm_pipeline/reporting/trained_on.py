"""What a stage was trained on: its rows, what was cut, and the mixture of sources and dialects."""

from collections.abc import Iterator, Mapping
from typing import Any

from arabic_llm_pipeline.reporting.view import Column, Table, count, share

TAGS = {"sources": "Source", "dialects": "Dialect"}


def tables(stage: str, data: Mapping[str, Any]) -> Iterator[Table]:
    """A table of rows, and one each of sources and dialects; none of what was not written down."""
    if rows := [[words, shown] for words, shown in _rows(data)]:
        yield Table(f"Rows that {stage} was trained on, in one pass", [Column("What"), Column("Value", "number")], rows)
    for tag, title in TAGS.items():
        if found := data.get(tag):
            columns = [Column(title), Column("Chosen", "number"), Column("Share of a pass", "number")]
            cells = [[name, count(about.get("rows")), share(about.get("share"))] for name, about in found.items()]
            yield Table(f"What {stage} was trained on, by {title.lower()}", columns, cells)


def _rows(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    named = {
        "rows": "Rows",
        "tokens": "Tokens",
        "cut": "Cut for their length",
        "dropped": "Left out for their length",
        "lost_tokens": "Tokens lost by both",
    }
    for key, words in named.items():
        if key in data:
            yield words, count(data[key])
    if "fill" in data:
        yield "Of the window filled", share(data["fill"])
