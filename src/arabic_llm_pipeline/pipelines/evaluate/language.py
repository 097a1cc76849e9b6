"""The measures of held-out prose, a node for each candidate; and what chains of dialects forget of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
from kedro.pipeline import Node

from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.parameters.language import LanguageSettings
from arabic_llm_pipeline.parameters.model import ModelSettings
from arabic_llm_pipeline.pipelines.evaluate.candidates import of_candidate
from arabic_llm_pipeline.pipelines.wiring import step

OUTPUTS = ("language", "language_values")


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
    return of_candidate(measure_language, candidate, OUTPUTS)


def measure_forgetting(*, language: LanguageSettings, seed: int, **values: pl.DataFrame) -> pl.DataFrame:
    """Rows of `evaluation.forgetting.FORGETTING`; none where no chain has stages on several dialects.

    Args:
        language: how many resamples.
        seed: of the bootstrap.
        values: `<candidate>_language_values`, the base first.
    """
    from arabic_llm_pipeline.evaluation.forgetting import forgotten

    found = {name.removesuffix("_language_values"): frame for name, frame in values.items()}
    return forgotten(found, language.resamples, seed)


def forgetting(candidates: Sequence[str]) -> Node:
    """For all chains together."""
    return step(measure_forgetting, "forgetting", *(f"{candidate}_language_values" for candidate in candidates))
