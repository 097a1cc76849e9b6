"""The measures of held-out prose, a node for each candidate."""

from functools import partial, update_wrapper
from pathlib import Path
from typing import Any

import polars as pl
from kedro.pipeline import Node

from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.parameters.language import LanguageSettings
from arabic_llm_pipeline.parameters.model import ModelSettings
from arabic_llm_pipeline.recipes import adapter_of


def measure_language(
    *,
    base_model: dict[str, Any],
    tokenizer: Path,
    documents: ShardSet,
    language: LanguageSettings,
    model: ModelSettings,
    seed: int,
    adapter: Path | None,
    candidate: str,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What a candidate makes of held-out prose: scores, and the values behind them.

    Args:
        base_model: which base.
        tokenizer: directory.
        documents: prose of their test split is read.
        language: how much of it, and how.
        model: how the base is loaded.
        seed: of what is drawn.
        adapter: of the stage that made the candidate; none for the base.
        candidate: its name.
    """
    from arabic_llm_pipeline.evaluation.held_out import held_out_prose
    from arabic_llm_pipeline.evaluation.language.measure import measure
    from arabic_llm_pipeline.tokens.tokenizer import load_tokenizer
    from arabic_llm_pipeline.training.models import load_candidate

    prose = held_out_prose(documents, language.documents, seed)
    loaded = load_candidate(base_model, adapter, model, candidate)
    return measure(loaded, load_tokenizer(tokenizer), prose, language, seed)


def node(candidate: str) -> Node:
    """The node of a candidate."""
    data = ("base_model", "tokenizer", "documents")
    inputs = {name: name for name in data} | {name: f"params:{name}" for name in ("language", "model", "seed")}
    inputs["adapter"] = adapter_of(candidate)
    step = update_wrapper(partial(measure_language, candidate=candidate), measure_language)
    outputs = [f"{candidate}_language", f"{candidate}_language_values"]
    return Node(step, inputs=inputs, outputs=outputs, name="measure_language", namespace=candidate)
