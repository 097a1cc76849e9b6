"""What the tokenizer makes of the corpus, by dialect and view of the text, beside other tokenizers."""

from typing import Any

import polars as pl
from matplotlib.figure import Figure as Plot

from arabic_llm_pipeline.reporting import plots
from arabic_llm_pipeline.reporting.inputs import Inputs
from arabic_llm_pipeline.reporting.plots import Series
from arabic_llm_pipeline.reporting.style import to_svg
from arabic_llm_pipeline.reporting.view import Block, Column, Figure, Table, count, decimal, share

OWN = "own"  # the tokenizer of this run
TEXT, BARE = "text", "without diacritics"
TABLE = {
    "Tokenizer": lambda row: row["tokenizer"],
    "View": lambda row: row["view"],
    "Texts": lambda row: row["group"],
    "Words": lambda row: count(row["words"]),
    "Tokens a word": lambda row: decimal(row["tokens_per_word"], 2),
    "Words not split": lambda row: share(_of(row, "whole_words", "words")),
    "Characters a token": lambda row: decimal(row["characters_per_token"], 2),
    "Bytes a token": lambda row: decimal(row["bytes_per_token"], 2),
    "Torn from a mark": lambda row: share(_of(row, "torn_words", "marked_words")),
    "Parts of characters": lambda row: count(row["part_tokens"]),
    "Unknown": lambda row: count(row["unknown"]),
}
NAMES = 3  # columns of the table that are no numbers


def blocks(inputs: Inputs) -> list[Block]:
    """One block, or none where nothing was counted."""
    table: pl.DataFrame = inputs["fertility_table"]
    if table.is_empty():
        return []
    columns = [Column(name, "text" if place < NAMES else "number") for place, name in enumerate(TABLE)]
    rows = [[shown(row) for shown in TABLE.values()] for row in table.iter_rows(named=True)]
    numbers = Table("Tokenizers, views of the text, dialects", columns, rows)
    caption = (
        "Tokens a word by dialect, for each view of the text, and for other tokenizers on the text as it is taught."
    )
    return [
        Block("Fertility", [told(table)], [Figure("fertility", to_svg(plot(table), "fertility"), caption, numbers)])
    ]


def told(table: pl.DataFrame) -> str:
    """The figures in words: fertility, and what diacritics cost."""
    rows = {(row["view"], row["group"]): row for row in table.filter(tokenizer=OWN).iter_rows(named=True)}
    whole, marked, bare = (rows.get(key) for key in ((TEXT, "all"), (TEXT, "vocalised"), (BARE, "vocalised")))
    if whole is None:
        return ""
    text = (
        f"By a sample of {count(whole['texts'])} texts, a word takes {decimal(whole['tokens_per_word'], 2)} tokens; "
        f"{share(_of(whole, 'whole_words', 'words'))} of the words are not split."
    )
    if not marked or not bare or not bare["tokens"]:
        return text
    return (
        f"{text} In vocalised texts diacritics cost {decimal(marked['tokens'] / bare['tokens'], 2)} times the tokens; "
        f"{share(_of(marked, 'torn_words', 'marked_words'))} of the words that have any are torn from one."
    )


def plot(table: pl.DataFrame) -> Plot:
    """Dots for each group of texts: the run's tokenizer on each view, and other tokenizers on the text."""
    rows = {
        (row["tokenizer"], row["view"], row["group"]): row["tokens_per_word"] for row in table.iter_rows(named=True)
    }
    groups = table["group"].unique(maintain_order=True).to_list()
    views = table["view"].unique(maintain_order=True).to_list()
    others = table.filter(pl.col("tokenizer") != OWN)["tokenizer"].unique(maintain_order=True).to_list()
    series = [(f"{OWN}: {view}", (OWN, view)) for view in views] + [(name, (name, TEXT)) for name in others]
    marks = [
        Series(name, [rows.get((*key, group)) for group in groups], [None] * len(groups), baseline=key[0] != OWN)
        for name, key in series
    ]
    return plots.dots(groups, marks, "tokens a word", "Tokens a word")


def _of(row: dict[str, Any], part: str, whole: str) -> float | None:
    return row[part] / row[whole] if row[whole] else None
