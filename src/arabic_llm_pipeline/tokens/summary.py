"""What is in the token stores, in figures."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from arabic_llm_pipeline.tokens.columns import ColumnFile, files
from arabic_llm_pipeline.tokens.prompts import PROMPT, FeedbackStore, PairStore, PromptSplit
from arabic_llm_pipeline.tokens.store import TokenSplit, TokenStore


def summarise(document_tokens: Path, pair_tokens: Path, feedback_tokens: Path) -> dict[str, Any]:
    """Documents, pairs, feedback, their tokens, how the tokenizer does; by split, there by source, dialect and kind."""
    documents, pairs, feedback = TokenStore(document_tokens), PairStore(pair_tokens), FeedbackStore(feedback_tokens)
    good = {"good": pl.col("label").cast(pl.Int64).sum()}
    return {
        "documents": {name: _documents(documents.split(name)) for name in documents.splits},
        "pairs": {name: _prompts(pairs.split(name), {}) for name in pairs.splits},
        "feedback": {name: _prompts(feedback.split(name), good) for name in feedback.splits},
    }


def overview(store: Path) -> dict[str, Any]:
    """What the files of a store say of themselves: sizes, tags, window, tokenizer; of documents or of pairs."""
    return {path.stem: ColumnFile(path).about for path in files(store)}


def _documents(split: TokenSplit) -> dict[str, Any]:
    with split:
        window = int(split.about["window"])
        columns = ("loss_tokens", "text_words", "text_bytes")
        frame = pl.DataFrame(
            {tag: split.tagged(tag) for tag in split.tags}
            | {"length": split.lengths}
            | {name: split.column(name) for name in columns}
        )
    too_long, prose = pl.col("length") > window, pl.col("kind") == "prose"
    figures = {
        "documents": pl.len(),
        "tokens": pl.col("length").sum(),
        "loss_tokens": pl.col("loss_tokens").cast(pl.Int64).sum(),
        "median": pl.col("length").median(),
        "p95": pl.col("length").quantile(0.95),
        "longest": pl.col("length").max(),
        "split_prose": (too_long & prose).sum(),
        "truncated": (too_long & ~prose).sum(),
        "tokens_per_word": _ratio("length", "text_words"),
        "bytes_per_token": _ratio("text_bytes", "length"),
    }
    return {"window": window, **_by_tag(frame, split.tags, figures)}


def _prompts(split: PromptSplit, more: Mapping[str, pl.Expr]) -> dict[str, Any]:
    """Of pairs or feedback; `more` figures are of the columns that have their names."""
    parts = (PROMPT, *split.answers)
    with split:
        lengths = dict(zip(parts, split.lengths.T, strict=True))
        columns = {name: split.column(name) for name in ("cut", *(["label"] if more else []))}
        frame = pl.DataFrame({tag: split.tagged(tag) for tag in split.tags} | lengths | columns)
        about, prompts = split.about, split.count("prompt_offsets") - 1
    figures = {
        str(split.form): pl.len(),
        **more,
        **{f"{part}_tokens": pl.col(part).sum() for part in parts},
        "longest": (pl.col(PROMPT) + pl.max_horizontal(split.answers)).max(),
        "cut": pl.col("cut").cast(pl.Int64).sum(),
    }
    room = {name: about[name] for name in ("window", "max_prompt", "left_out")}
    return {**room, "prompts": prompts, **_by_tag(frame, split.tags, figures)}


def _by_tag(frame: pl.DataFrame, tags: tuple[str, ...], figures: Mapping[str, pl.Expr]) -> dict[str, Any]:
    found: dict[str, Any] = {"all": frame.select(**figures).row(0, named=True)}
    for tag in tags:
        table = frame.group_by(tag).agg(**figures).sort(tag)
        found[f"by_{tag}"] = {row.pop(tag): row for row in table.iter_rows(named=True)}
    return found


def _ratio(over: str, under: str) -> pl.Expr:
    """A quotient of sums, null where there is nothing to divide by."""
    total = pl.col(under).cast(pl.Int64).sum()
    return pl.when(total > 0).then((pl.col(over).cast(pl.Int64).sum() / total).round(4))
