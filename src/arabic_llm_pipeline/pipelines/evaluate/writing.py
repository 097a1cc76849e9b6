"""What each candidate writes, scored; and the list that its spelling is judged by."""

from pathlib import Path
from typing import Any

import polars as pl
from kedro.pipeline import Node

from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.parameters.model import ModelSettings
from arabic_llm_pipeline.parameters.writing import SpellingSettings, WritingSettings
from arabic_llm_pipeline.pipelines.evaluate.candidates import load, of_candidate
from arabic_llm_pipeline.pipelines.wiring import step
from arabic_llm_pipeline.recipes import instructed

OUTPUTS = ("writing", "writing_values", "writing_answers")
Measured = tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]


def make_spelling_list(documents: ShardSet, spelling: SpellingSettings, seed: int) -> pl.DataFrame:
    """Words of the training split with the spelling that nearly all their occurrences have."""
    from arabic_llm_pipeline.evaluation.writing.spelling import listed

    return listed(documents, spelling, seed)


def measure_writing(
    *,
    base_model: dict[str, Any],
    tokenizer: Path,
    documents: ShardSet,
    items: ShardSet,
    spelling_list: pl.DataFrame,
    seen_items: pl.DataFrame,
    writing: WritingSettings,
    model: ModelSettings,
    seed: int,
    adapter: Path | None,
    candidate: str,
) -> Measured:
    """Scores of what one candidate writes, the values behind them, and every answer with its scores."""
    from arabic_llm_pipeline.evaluation.formats import CHAT
    from arabic_llm_pipeline.evaluation.seen import taught
    from arabic_llm_pipeline.evaluation.writing.candidate import Writer
    from arabic_llm_pipeline.evaluation.writing.spelling import spellings

    formats = (CHAT,) if instructed(candidate) else writing.formats
    asked = load(candidate, base_model, adapter, tokenizer, model, formats)
    return Writer(asked, writing, seed, spellings(spelling_list), taught(seen_items)).measure(documents, items)


def node(candidate: str) -> Node:
    """The node that measures a candidate."""
    return of_candidate(measure_writing, candidate, OUTPUTS)


def spelling() -> Node:
    """The node of the list, made once for all candidates."""
    return step(make_spelling_list, "spelling_list")
