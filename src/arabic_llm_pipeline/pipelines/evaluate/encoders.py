"""Masked words asked of encoders, once for all candidates."""

from pathlib import Path

import polars as pl
from kedro.pipeline import Node

from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.parameters.language import LanguageSettings
from arabic_llm_pipeline.pipelines.wiring import step


def measure_encoders(
    documents: ShardSet, encoder_files: dict[str, Path], language: LanguageSettings, seed: int
) -> pl.DataFrame:
    """Scores of every encoder that `language.encoders` names, at the places that candidates are asked at."""
    from arabic_llm_pipeline.evaluation.held_out import held_out_prose
    from arabic_llm_pipeline.evaluation.language import encoders

    return encoders.scores(encoder_files, held_out_prose(documents, language.documents, seed), language, seed)


def node() -> Node:
    """For all candidates alike."""
    return step(measure_encoders, "encoder_scores")
