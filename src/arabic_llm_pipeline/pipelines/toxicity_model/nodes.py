"""The steps of training a toxicity model; each calls a room, imported when the step runs."""

from typing import Any

import polars as pl

from arabic_llm_pipeline.corpus.sources import FoundFiles
from arabic_llm_pipeline.parameters.audit import ToxicityModelSettings
from arabic_llm_pipeline.parameters.engine import IngestSettings


def read_toxicity_texts(files: FoundFiles, settings: ToxicityModelSettings, ingest: IngestSettings) -> pl.DataFrame:
    """All texts of all sources, with what each is for: train, dev, test, or why for none of them."""
    from arabic_llm_pipeline.corpus import toxicity

    return toxicity.read(files, settings, ingest.max_line_mb)


def fit_toxicity_model(texts: pl.DataFrame, settings: ToxicityModelSettings) -> bytes:
    """The file of a model fitted to the texts to train on."""
    from arabic_llm_pipeline.corpus import toxicity

    return toxicity.fit(texts, settings).to_bytes()


def score_toxicity_model(texts: pl.DataFrame, model: bytes) -> list[dict[str, Any]]:
    """Precision and recall on the texts that it was not fitted to, by source, beside the list of words."""
    from arabic_llm_pipeline.arabic.toxicity import read_model
    from arabic_llm_pipeline.corpus import toxicity
    from arabic_llm_pipeline.evaluation.toxicity import measure

    return measure(toxicity.judged(texts.filter(pl.col("part") == "test"), read_model(model)))
