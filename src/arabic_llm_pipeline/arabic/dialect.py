"""The dialect tagger: a linear model over hashed character n-grams and words, one file of weights.

A text in the spelling of MATCHING_KEY is character 2- to 5-grams within words (a blank before and after them), words,
and pairs of words. What each says of each region is looked up in a table of one byte a weight and added up; the sum of
each kind of feature is divided by the root of their number, which is about the length of the vector of their counts. A
softmax makes shares of the sums; they were calibrated on texts that the weights were not fitted to (dialect_fit.py), so
that a share is about how often the tag is right. A text that is mostly not Arabic, or whose best share is low, is
`unknown`; one of a word or two is tagged only when it is surely of a dialect.
"""

import json
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from arabic_llm_pipeline.arabic.clean import MATCHING_KEY, clean_series
from arabic_llm_pipeline.arabic.columns import elementwise, from_series

REGIONS = ("MSA", "EGY", "GLF", "LEV", "MGR")
UNKNOWN = "unknown"
MIN_SCORE = 0.4  # a lower best share says nothing: chance is a fifth
MIN_WORDS = 3  # Arabic words below which only a text that is surely of a dialect is tagged
SURE = 0.9
MIN_ARABIC = 0.5  # of all words
TAG = pl.Struct({"dialect": pl.String, "dialect_score": pl.Float32})
SHIPPED = "dialect_model.npz"


@dataclass(frozen=True)
class Model:
    """The weights.

    Attributes:
        weights: one byte for each bucket and region; the number of buckets is a power of two.
        packed: a bucket's weights in one number, as the kernel reads them.
        scales: what a unit of the weights is worth in each block: n-grams, words.
        bias: of each region.
        about: how it was made.
    """

    weights: np.ndarray
    packed: np.ndarray
    scales: np.ndarray
    bias: np.ndarray
    about: dict[str, Any]

    @property
    def shift(self) -> int:
        """64 less the bits of a bucket's number."""
        return 65 - len(self.weights).bit_length()

    def to_bytes(self) -> bytes:
        """The model as a file: arrays of numpy, nothing pickled; the same bytes for the same model."""
        found = BytesIO()
        about = np.frombuffer(json.dumps(self.about, ensure_ascii=False, sort_keys=True).encode(), np.uint8)
        arrays = {"weights": self.weights, "scales": self.scales, "bias": self.bias}
        np.savez_compressed(found, about=about, **arrays)  # type: ignore[arg-type]
        return found.getvalue()


def read_model(data: bytes) -> Model:
    """A model from the bytes of its file.

    Raises:
        ValueError: they are not those of a dialect model.
    """
    try:
        with np.load(BytesIO(data), allow_pickle=False) as found:
            weights, scales, bias = found["weights"], found["scales"], found["bias"]
            about = json.loads(found["about"].tobytes())
    except (OSError, KeyError, EOFError, ValueError) as error:
        raise ValueError(f"not a file of a dialect model ({error})") from None
    size = len(weights)
    if weights.dtype != np.int8 or weights.shape != (size, len(REGIONS)) or size < 2 or size & (size - 1):
        raise ValueError(f"not a dialect model's weights: {weights.dtype} {weights.shape}")
    if scales.shape != (2,) or bias.shape != (len(REGIONS),):
        raise ValueError(f"not a dialect model's scales and bias: {scales.shape}, {bias.shape}")
    return make_model(weights, scales, bias, about)


def make_model(weights: np.ndarray, scales: np.ndarray, bias: np.ndarray, about: dict[str, Any]) -> Model:
    """A model whose weights are packed: byte k of a bucket's number is the weight of region k, and 128."""
    wide = np.zeros((len(weights), 8), np.uint8)
    wide[:, : len(REGIONS)] = weights.astype(np.int16) + 128
    packed = wide.view("<u8").ravel().astype(np.uint64)
    packed.flags.writeable = False
    return Model(weights, packed, scales.astype(np.float64), bias.astype(np.float64), about)


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


def scores(keys: pl.Series, model: Model) -> tuple[np.ndarray, np.ndarray]:
    """The share of each region for each text, given in the spelling of MATCHING_KEY.

    Returns:
        shares by text and region; and counts by text: Arabic words, other words, n-grams, words and pairs.
    """
    sums, counts = logits(keys, model)
    return softmax(sums), counts


def logits(keys: pl.Series, model: Model) -> tuple[np.ndarray, np.ndarray]:
    """What `scores` makes shares of, and the same counts."""
    from arabic_llm_pipeline.arabic import dialect_kernel

    column = from_series(keys)
    sums, counts = dialect_kernel.add_up(column.data, column.offsets, column.valid, model.packed, model.shift)
    sizes = np.sqrt(np.maximum(counts[:, 2:], 1))
    return (sums * (model.scales / sizes)[:, :, None]).sum(axis=1) + model.bias, counts


def softmax(logits: np.ndarray) -> np.ndarray:
    """Shares of a whole from sums of evidence, row by row."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: np.ndarray = powers / powers.sum(axis=1, keepdims=True)
    return shares
