"""The steps of training a dialect model; each calls a room, imported when the step runs."""

from typing import Any

import polars as pl

from arabic_llm_pipeline.corpus.sources import FoundFiles
from arabic_llm_pipeline.parameters.dialect import DialectModelSettings
from arabic_llm_pipeline.parameters.engine import IngestSettings


def read_dialect_texts(files: FoundFiles, settings: DialectModelSettings, ingest: IngestSettings) -> pl.DataFrame:
    """All texts of all sources, with what each is for: train, dev, test, or why for none of them."""
    from arabic_llm_pipeline.corpus import dialects

    return dialects.read(files, settings, ingest.max_line_mb)


def fit_dialect_model(texts: pl.DataFrame, settings: DialectModelSettings) -> bytes:
    """The file of a model fitted to the texts to train on."""
    from arabic_llm_pipeline.corpus import dialects

    return dialects.fit(texts, settings).to_bytes()


def score_dialect_model(texts: pl.DataFrame, model: bytes) -> list[dict[str, Any]]:
    """What the model makes of the texts that it was not fitted to, by source."""
    from arabic_llm_pipeline.arabic.dialect import read_model
    from arabic_llm_pipeline.corpus import dialects
    from arabic_llm_pipeline.evaluation.dialects import measure

    return measure(dialects.tagged(texts.filter(pl.col("part") == "test"), read_model(model)))
