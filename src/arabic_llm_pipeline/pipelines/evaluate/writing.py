"""What each candidate writes, scored; and the list that its spelling is judged by."""

from functools import partial, update_wrapper
from pathlib import Path
from typing import Any

import polars as pl
from kedro.pipeline import Node

from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.parameters.model import ModelSettings
from arabic_llm_pipeline.parameters.writing import SpellingSettings, WritingSettings
from arabic_llm_pipeline.pipelines.wiring import step
from arabic_llm_pipeline.recipes import BASE, instructed

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
    from arabic_llm_pipeline.evaluation.candidate import Candidate
    from arabic_llm_pipeline.evaluation.formats import CHAT
    from arabic_llm_pipeline.evaluation.seen import taught
    from arabic_llm_pipeline.evaluation.writing.candidate import Writer
    from arabic_llm_pipeline.evaluation.writing.spelling import spellings
    from arabic_llm_pipeline.tokens.tokenizer import load_tokenizer
    from arabic_llm_pipeline.training.models import load_candidate, quantization

    formats = (CHAT,) if instructed(candidate) else writing.formats
    loaded = load_candidate(base_model, adapter, model, candidate)
    asked = Candidate(candidate, loaded, load_tokenizer(tokenizer), formats, quantization(base_model, model))
    return Writer(asked, writing, seed, spellings(spelling_list), taught(seen_items)).measure(documents, items)


def node(candidate: str) -> Node:
    """The node that measures a candidate."""
    function = update_wrapper(partial(measure_writing, candidate=candidate), measure_writing)
    data = ("base_model", "tokenizer", "documents", "items", "spelling_list", "seen_items")
    inputs = {name: name for name in data} | {name: f"params:{name}" for name in ("writing", "model", "seed")}
    inputs["adapter"] = "start_adapter" if candidate == BASE else f"{candidate}_adapter"
    outputs = [f"{candidate}_{kind}" for kind in OUTPUTS]
    return Node(function, inputs=inputs, outputs=outputs, name="measure_writing", namespace=candidate)


def spelling() -> Node:
    """The node of the list, made once for all candidates."""
    return step(make_spelling_list, "spelling_list")
