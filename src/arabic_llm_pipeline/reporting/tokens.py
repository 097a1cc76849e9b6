"""What the tokenizer made of the corpus."""

from collections.abc import Iterator, Mapping
from typing import Any

from arabic_llm_pipeline.corpus.records import SPLITS
from arabic_llm_pipeline.reporting.inputs import Inputs
from arabic_llm_pipeline.reporting.view import Block, Column, Table, count, decimal

DOCUMENTS = {
    "documents": "Documents",
    "tokens": "Tokens",
    "loss_tokens": "Tokens with loss",
    "median": "Median length",
    "p95": "95% are no longer than",
    "longest": "Longest",
    "split_prose": "Prose over a window",
    "truncated": "Cut",
    "tokens_per_word": "Tokens a word",
    "bytes_per_token": "Bytes a token",
}
PAIRS = {
    "pairs": "Pairs",
    "prompt_tokens": "Prompt tokens",
    "chosen_tokens": "Chosen tokens",
    "rejected_tokens": "Rejected tokens",
    "longest": "Longest",
    "cut": "Cut",
}
FEEDBACK = {
    "feedback": "Answers",
    "good": "Good ones",
    "prompt_tokens": "Prompt tokens",
    "completion_tokens": "Answer tokens",
    "longest": "Longest",
    "cut": "Cut",
}
TABLES = (("documents", DOCUMENTS), ("pairs", PAIRS), ("feedback", FEEDBACK))
TAGS = {"by_source": "Source", "by_dialect": "Dialect", "by_kind": "Kind"}
RATIOS = ("tokens_per_word", "bytes_per_token")


def blocks(inputs: Inputs) -> list[Block]:
    """One part, in numbers."""
    return [Block(tables=split_tables(inputs), lists=list(train_tables(inputs)))]


def split_tables(inputs: Inputs) -> list[Table]:
    """Documents and pairs by split."""
    found = []
    for table, figures in TABLES:
        splits = inputs["token_summary"].get(table, {})
        rows = {name: splits[name]["all"] for name in SPLITS if name in splits}
        if any(row[table] for row in rows.values()):
            window = next(iter(splits.values())).get("window")
            found.append(
                _table(f"{table.capitalize()} as tokens, by split; window of {window} tokens", "Split", rows, figures)
            )
    return found


def train_tables(inputs: Inputs) -> Iterator[Table]:
    """The training split by source, dialect and kind."""
    for table, figures in TABLES:
        train = inputs["token_summary"].get(table, {}).get("train", {})
        for tag, title in TAGS.items():
            if rows := train.get(tag):
                yield _table(f"{table.capitalize()} of the training split by {title.lower()}", title, rows, figures)


def _table(caption: str, first: str, rows: Mapping[str, Mapping[str, Any]], figures: Mapping[str, str]) -> Table:
    there = {key: shown for key, shown in figures.items() if any(key in row for row in rows.values())}
    columns = [Column(first), *(Column(shown, "number") for shown in there.values())]
    cells = [[name, *(_cell(key, row.get(key)) for key in there)] for name, row in rows.items()]
    return Table(caption, columns, cells)


def _cell(key: str, found: float | None) -> str:
    return decimal(found, 2) if key in RATIOS else count(found)
