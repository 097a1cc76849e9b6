"""Which of the choices each candidate finds the most likely."""

from functools import partial, update_wrapper
from pathlib import Path
from typing import Any

import polars as pl
from kedro.pipeline import Node

from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.parameters.choices import ChoicesSettings
from arabic_llm_pipeline.parameters.model import ModelSettings
from arabic_llm_pipeline.recipes import BASE, adapter_of

OUTPUTS = ("choices", "choices_values", "choices_answers")
Measured = tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]


def measure_choices(
    *,
    base_model: dict[str, Any],
    tokenizer: Path,
    items: ShardSet,
    seen_items: pl.DataFrame,
    choices: ChoicesSettings,
    model: ModelSettings,
    seed: int,
    adapter: Path | None,
    candidate: str,
) -> Measured:
    """Scores of one candidate on questions with choices, the values behind them, and the likelihoods of the choices."""
    from arabic_llm_pipeline.evaluation.candidate import Candidate
    from arabic_llm_pipeline.evaluation.choices import measure
    from arabic_llm_pipeline.evaluation.formats import CHAT
    from arabic_llm_pipeline.evaluation.seen import taught
    from arabic_llm_pipeline.tokens.tokenizer import load_tokenizer
    from arabic_llm_pipeline.training.models import load_candidate, quantization

    formats = choices.formats if candidate == BASE else (CHAT,)
    loaded = load_candidate(base_model, adapter, model, candidate)
    asked = Candidate(candidate, loaded, load_tokenizer(tokenizer), formats, quantization(base_model, model))
    return measure.measure(asked, measure.questions(items, choices, seed), choices, seed, taught(seen_items))


def node(candidate: str) -> Node:
    """The node that measures a candidate."""
    function = update_wrapper(partial(measure_choices, candidate=candidate), measure_choices)
    data = ("base_model", "tokenizer", "items", "seen_items")
    inputs = {name: name for name in data} | {name: f"params:{name}" for name in ("choices", "model", "seed")}
    inputs["adapter"] = adapter_of(candidate)
    outputs = [f"{candidate}_{kind}" for kind in OUTPUTS]
    return Node(function, inputs=inputs, outputs=outputs, name="measure_choices", namespace=candidate)
