"""How toxic a text is: by a classifier (classifier.py), or by a list of words that insult (data/toxic_words.tsv).

Toxic is what people called abusive, offensive, disrespectful or hateful. Texts are looked at in pieces of so many
words, as the classifier learnt from tweets and comments; the most toxic piece decides, so that an insult is found in an
article too.
"""

from functools import lru_cache, partial
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from arabic_llm_pipeline.arabic import classifier, lexicon, wordlist
from arabic_llm_pipeline.arabic.classifier import Model
from arabic_llm_pipeline.arabic.clean import MATCHING_KEY, clean_series
from arabic_llm_pipeline.arabic.columns import elementwise

CLASSES = ("normal", "toxic")
TOXIC = CLASSES.index("toxic")
PIECE_WORDS = 60  # in one piece of a text, as the models are trained
By = Literal["both", "model", "lexicon"]
SLICE = 4_000  # texts
INSULT = 1.0  # of the words' weights: what makes a piece an insult, and its score 0.5


def read_model(data: bytes) -> Model:
    """A model from the bytes of its file.

    Raises:
        ValueError: they are not those of a toxicity model.
    """
    return classifier.read_model(data, CLASSES, "toxicity")


@lru_cache(maxsize=4)
def model_of(path: Path) -> Model:
    """The model of a file.

    Raises:
        ValueError: the file holds none.
    """
    return read_model(path.read_bytes())


def scores_expr(expr: pl.Expr, by: By = "both", model: Path | None = None) -> pl.Expr:
    """How toxic the worst piece of each text of a column is (Float32), inside a polars plan."""
    return elementwise(expr, partial(scores, by=by, model=model), pl.Float32)


def scores(texts: pl.Series, by: By = "both", model: Path | None = None) -> pl.Series:
    """How toxic the worst piece of each text is, 0 to 1 (Float32); null where the text is.

    Args:
        texts: as they are written.
        by: who tells: a model, the list of words, or the higher of the two.
        model: file of a model; without one the list tells.
    """
    parts = [_worst(clean_series(part, MATCHING_KEY), by, model) for part in _slices(texts)]
    found = pl.Series(np.concatenate([*parts, np.zeros(0, np.float32)]), dtype=pl.Float32)
    return found.alias(texts.name).set(texts.is_null(), None)


def _slices(texts: pl.Series) -> list[pl.Series]:
    """So few texts at a time that their words fit into memory."""
    return [texts.slice(start, SLICE) for start in range(0, len(texts), SLICE)]


def _worst(keys: pl.Series, by: By, model: Path | None) -> np.ndarray:
    rows = pieces(keys)
    worst = rows.select("row", score=key_scores(rows["key"], by, model)).group_by("row").agg(pl.col("score").max())
    found = np.zeros(len(keys), np.float32)
    found[worst["row"].to_numpy()] = worst["score"].to_numpy()
    return found


def key_scores(keys: pl.Series, by: By = "both", model: Path | None = None) -> pl.Series:
    """How toxic each piece of text is, given in the spelling of MATCHING_KEY (Float32)."""
    if model is None or by == "lexicon":
        return lexicon_scores(keys)
    told = model_scores(keys, model_of(model))
    if by == "model":
        return told
    return pl.DataFrame({"model": told, "lexicon": lexicon_scores(keys)}).max_horizontal().alias("score")


def pieces(keys: pl.Series) -> pl.DataFrame:
    """Texts cut into pieces of so many words, a row each: the text's `row`, and `key`."""
    words = wordlist.words(keys).with_columns(piece=pl.col("place") // PIECE_WORDS)
    cut = words.group_by("row", "piece", maintain_order=True).agg(key=pl.col("word").str.join(" "))
    return cut.select("row", "key")


def model_scores(keys: pl.Series, model: Model) -> pl.Series:
    """The share that a model gives to toxic, for each text in the spelling of MATCHING_KEY (Float32)."""
    shares, _ = classifier.scores(keys, model)
    return pl.Series("score", shares[:, TOXIC].astype(np.float32))


def lexicon_scores(keys: pl.Series) -> pl.Series:
    """The same by the list: the sum s of the weights of its words, each counted once, as s / (s + INSULT)."""
    found = wordlist.words(keys).join(_forms(), on="word").unique(["row", "forms"]).join(_weights(), on="forms")
    sums = found.group_by("row").agg(pl.col("weight").sum())
    scores = np.zeros(len(keys))
    scores[sums["row"].to_numpy()] = sums["weight"].to_numpy()
    return pl.Series("score", (scores / (scores + INSULT)).astype(np.float32))


@lru_cache(maxsize=1)
def _forms() -> pl.DataFrame:
    """Every spelling of the list's words."""
    return wordlist.table(((form, forms) for forms in _weights()["forms"] for form in forms.split()), "forms")


@lru_cache(maxsize=1)
def _weights() -> pl.DataFrame:
    return pl.DataFrame(lexicon.read_table("toxic_words.tsv")).with_columns(pl.col("weight").cast(pl.Float64))
