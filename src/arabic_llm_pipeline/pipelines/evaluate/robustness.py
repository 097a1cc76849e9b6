"""What noise in the questions does to each candidate's answers."""

from functools import partial, update_wrapper
from pathlib import Path
from typing import Any

import polars as pl
from kedro.pipeline import Node

from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.parameters.model import ModelSettings
from arabic_llm_pipeline.parameters.robustness import RobustnessSettings
from arabic_llm_pipeline.recipes import adapter_of

OUTPUTS = ("robustness", "robustness_values", "robustness_answers")
Measured = tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]


def measure_robustness(
    *,
    base_model: dict[str, Any],
    tokenizer: Path,
    items: ShardSet,
    scores: dict[str, Any],
    seen_items: pl.DataFrame,
    robustness: RobustnessSettings,
    model: ModelSettings,
    seed: int,
    adapter: Path | None,
    candidate: str,
) -> Measured:
    """Scores of one candidate by noise, the values behind them, and every answer; in the format of its other scores."""
    from arabic_llm_pipeline.evaluation.candidate import Candidate
    from arabic_llm_pipeline.evaluation.robustness.measure import measure
    from arabic_llm_pipeline.evaluation.seen import taught
    from arabic_llm_pipeline.tokens.tokenizer import load_tokenizer
    from arabic_llm_pipeline.training.models import load_candidate, quantization

    name = scores["format"]
    loaded = load_candidate(base_model, adapter, model, candidate)
    asked = Candidate(candidate, loaded, load_tokenizer(tokenizer), (name,), quantization(base_model, model))
    return measure(asked, name, items, robustness, seed, taught(seen_items))


def node(candidate: str) -> Node:
    """The node that measures a candidate."""
    function = update_wrapper(partial(measure_robustness, candidate=candidate), measure_robustness)
    inputs = {name: name for name in ("base_model", "tokenizer", "items", "seen_items")}
    inputs |= {name: f"params:{name}" for name in ("robustness", "model", "seed")}
    inputs["scores"] = f"{candidate}_scores"
    inputs["adapter"] = adapter_of(candidate)
    outputs = [f"{candidate}_{kind}" for kind in OUTPUTS]
    return Node(function, inputs=inputs, outputs=outputs, name="measure_robustness", namespace=candidate)
