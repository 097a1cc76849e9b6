"""Which of the choices each candidate finds the most likely."""

from pathlib import Path
from typing import Any

import polars as pl
from kedro.pipeline import Node

from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.parameters.choices import ChoicesSettings
from arabic_llm_pipeline.parameters.model import ModelSettings
from arabic_llm_pipeline.pipelines.evaluate.candidates import load, of_candidate
from arabic_llm_pipeline.recipes import instructed

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
    from arabic_llm_pipeline.evaluation.choices import measure
    from arabic_llm_pipeline.evaluation.formats import CHAT
    from arabic_llm_pipeline.evaluation.seen import taught

    formats = (CHAT,) if instructed(candidate) else choices.formats
    asked = load(candidate, base_model, adapter, tokenizer, model, formats)
    return measure.measure(asked, measure.questions(items, choices, seed), choices, seed, taught(seen_items))


def node(candidate: str) -> Node:
    """The node that measures a candidate."""
    return of_candidate(measure_choices, candidate, OUTPUTS)
