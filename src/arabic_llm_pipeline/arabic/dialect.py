"""The dialect tagger: a classifier of texts (classifier.py) whose classes are the regions.

A text that is mostly not Arabic, or whose best share is low, is `unknown`; one of a word or two is tagged only when it
is surely of a dialect.
"""

from functools import lru_cache, partial
from importlib.resources import files
from pathlib import Path

import numpy as np
import polars as pl

from arabic_llm_pipeline.arabic import classifier
from arabic_llm_pipeline.arabic.classifier import Model, logits, scores
from arabic_llm_pipeline.arabic.clean import MATCHING_KEY, clean_series
from arabic_llm_pipeline.arabic.columns import elementwise

__all__ = ["Model", "logits", "model_of", "read_model", "scores", "tag", "tag_expr", "tag_series"]
REGIONS = ("MSA", "EGY", "GLF", "LEV", "MGR")
UNKNOWN = "unknown"
MIN_SCORE = 0.4  # a lower best share says nothing: chance is a fifth
MIN_WORDS = 3  # Arabic words below which only a text that is surely of a dialect is tagged
SURE = 0.9
MIN_ARABIC = 0.5  # of all words
TAG = pl.Struct({"dialect": pl.String, "dialect_score": pl.Float32})
SHIPPED = "dialect_model.npz"


def read_model(data: bytes) -> Model:
    """A model from the bytes of its file.

    Raises:
        ValueError: they are not those of a dialect model.
    """
    return classifier.read_model(data, REGIONS, "dialect")


@lru_cache(maxsize=4)
def model_of(path: Path | None = None) -> Model:
    """The model of a file; the one that comes with the package, if none is named.

    Raises:
        ValueError: the file holds none.
    """
    return read_model(path.read_bytes() if path else files(__package__).joinpath("data", SHIPPED).read_bytes())


def tag(text: str, model: Path | None = None, min_score: float = MIN_SCORE) -> tuple[str, float]:
    """The dialect of a text (MSA, EGY, GLF, LEV, MGR, unknown) and how likely it is right, 0 to 1."""
    found = tag_series(pl.Series([text], dtype=pl.String), model, min_score)[0]
    return found["dialect"], found["dialect_score"]


def tag_expr(expr: pl.Expr, model: Path | None = None, min_score: float = MIN_SCORE) -> pl.Expr:
    """The tags of a column inside a polars plan: a struct of `dialect` (String) and `dialect_score` (Float32)."""
    return elementwise(expr, partial(tag_series, model=model, min_score=min_score), TAG)


def tag_series(texts: pl.Series, model: Path | None = None, min_score: float = MIN_SCORE) -> pl.Series:
    """The tags of a column, as `tag_expr` gives them; null where the text is. An unknown one has the score 0.

    Args:
        texts: as they are written.
        model: another file of weights than that of the package.
        min_score: a lower score is none.
    """
    shares, counts = scores(clean_series(texts, MATCHING_KEY), model_of(model))
    arabic, other = counts[:, 0], counts[:, 1]
    best, score = shares.argmax(axis=1), shares.max(axis=1)
    long_enough = (arabic >= MIN_WORDS) | ((best != REGIONS.index("MSA")) & (score >= SURE))
    known = (arabic >= np.maximum(MIN_ARABIC * (arabic + other), 1)) & long_enough & (score >= min_score)
    frame = pl.DataFrame(
        {
            "dialect": np.where(known, np.array(REGIONS)[best], UNKNOWN),
            "dialect_score": np.where(known, score, 0.0).astype(np.float32),
        }
    )
    valid = pl.lit(texts.is_not_null().alias("valid"))
    return frame.select(pl.when(valid).then(pl.struct(pl.all())).alias(texts.name)).to_series()
