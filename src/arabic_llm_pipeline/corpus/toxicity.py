"""Texts that people judged as toxic or normal: read from their sources, parted, and a model fitted to them."""

from collections.abc import Iterator

import polars as pl

from arabic_llm_pipeline.arabic import toxicity
from arabic_llm_pipeline.arabic.classifier import Model
from arabic_llm_pipeline.corpus import labelled
from arabic_llm_pipeline.corpus.sources import FoundFiles, SourceFile, read_file
from arabic_llm_pipeline.parameters.audit import ToxicityModelSettings, ToxicitySource

TEXTS = pl.Schema({"source": pl.String, "toxicity": pl.String, "key": pl.String, "part": pl.String})


def read(files: FoundFiles, settings: ToxicityModelSettings, max_line_mb: float) -> pl.DataFrame:
    """All texts in the spelling of MATCHING_KEY, with their sources, what they are, and their parts.

    `part` is train, dev, test, or why a text is none of them: near_test, near_dev, licence. A text that was judged in
    both ways is what it was judged first.

    Raises:
        UserError: no source is named, or one gives nothing.
    """
    frame = labelled.read(files, settings.sources, "toxicity", _texts, max_line_mb)
    frame = labelled.parted(labelled.cut(frame, settings), settings, settings.sources.chosen())
    return labelled.kept_apart(frame, settings.near).select(TEXTS.names())


def _texts(file: SourceFile, max_bytes: int) -> Iterator[tuple[str, str]]:
    classes = file.source.classes if isinstance(file.source, ToxicitySource) else {}
    for table, row in read_file(file, max_bytes):
        if table == "items" and row["answers"][0] in classes:
            yield classes[row["answers"][0]], row["prompt"][0]["content"]


def fit(frame: pl.DataFrame, settings: ToxicityModelSettings) -> Model:
    """A model of the texts of the part `train`, calibrated on those of `dev`.

    Raises:
        UserError: one of the parts has no text.
    """
    return labelled.fit(frame, "toxicity", toxicity.CLASSES, settings, settings.sources.chosen())


def judged(frame: pl.DataFrame, model: Model) -> pl.DataFrame:
    """Texts with how toxic they are by a model, `score`, and by the list of words, `lexicon`."""
    found = toxicity.model_scores(frame["key"], model), toxicity.lexicon_scores(frame["key"]).alias("lexicon")
    return frame.with_columns(*found)
