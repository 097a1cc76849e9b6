"""What noise in the questions does to each candidate's answers."""

from pathlib import Path
from typing import Any

import polars as pl
from kedro.pipeline import Node

from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.parameters.model import ModelSettings
from arabic_llm_pipeline.parameters.robustness import RobustnessSettings
from arabic_llm_pipeline.pipelines.evaluate.candidates import load, of_candidate
from arabic_llm_pipeline.recipes import instructed

OUTPUTS = ("robustness", "robustness_values", "robustness_answers")
Measured = tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]


def measure_robustness(
    *,
    base_model: dict[str, Any],
    tokenizer: Path,
    items: ShardSet,
    seen_items: pl.DataFrame,
    robustness: RobustnessSettings,
    model: ModelSettings,
    seed: int,
    adapter: Path | None,
    candidate: str,
) -> Measured:
    """Scores of one candidate by noise, the values behind them, and every answer."""
    from arabic_llm_pipeline.evaluation.formats import CHAT
    from arabic_llm_pipeline.evaluation.robustness.measure import measure
    from arabic_llm_pipeline.evaluation.seen import taught

    formats = (CHAT,) if instructed(candidate) else robustness.formats
    asked = load(candidate, base_model, adapter, tokenizer, model, formats)
    return measure(asked, items, robustness, seed, taught(seen_items))


def node(candidate: str) -> Node:
    """The node that measures a candidate."""
    return of_candidate(measure_robustness, candidate, OUTPUTS)
