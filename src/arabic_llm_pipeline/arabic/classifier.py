"""A text classifier: a linear model over hashed character n-grams and words, one file of weights.

A text in the spelling of MATCHING_KEY is character 2- to 5-grams within words (a blank before and after them), words,
and pairs of words. What each says of each class is looked up in a table of one byte a weight and added up; the sum of
each kind of feature is divided by the root of their number, which is about the length of the vector of their counts. A
softmax makes shares of the sums; they were calibrated on texts that the weights were not fitted to (classifier_fit.py),
so that a share is about how often the class is right.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import polars as pl

from arabic_llm_pipeline.arabic.columns import from_series

MOST = 8  # classes: the weights of a bucket are bytes of one number


@dataclass(frozen=True)
class Model:
    """The weights.

    Attributes:
        weights: one byte for each bucket and class; the number of buckets is a power of two.
        packed: a bucket's weights in one number, as the kernel reads them.
        scales: what a unit of the weights is worth in each block: n-grams, words.
        bias: of each class.
        names: of the classes.
        about: how it was made.
    """

    weights: np.ndarray
    packed: np.ndarray
    scales: np.ndarray
    bias: np.ndarray
    names: tuple[str, ...]
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


def read_model(data: bytes, names: Sequence[str], kind: str) -> Model:
    """A model from the bytes of its file.

    Args:
        data: the file.
        names: of the classes that it must have.
        kind: what it is a model of, for the error.

    Raises:
        ValueError: they are not those of such a model.
    """
    try:
        with np.load(BytesIO(data), allow_pickle=False) as found:
            weights, scales, bias = found["weights"], found["scales"], found["bias"]
            about = json.loads(found["about"].tobytes())
    except (OSError, KeyError, EOFError, ValueError) as error:
        raise ValueError(f"not a file of a {kind} model ({error})") from None
    size = len(weights)
    if weights.dtype != np.int8 or weights.shape != (size, len(names)) or size < 2 or size & (size - 1):
        raise ValueError(f"not a {kind} model's weights: {weights.dtype} {weights.shape}")
    if scales.shape != (2,) or bias.shape != (len(names),):
        raise ValueError(f"not a {kind} model's scales and bias: {scales.shape}, {bias.shape}")
    return make_model(weights, scales, bias, tuple(names), about)


def make_model(
    weights: np.ndarray, scales: np.ndarray, bias: np.ndarray, names: tuple[str, ...], about: dict[str, Any]
) -> Model:
    """A model whose weights are packed: byte k of a bucket's number is the weight of class k, and 128."""
    wide = np.zeros((len(weights), MOST), np.uint8)
    wide[:, : len(names)] = weights.astype(np.int16) + 128
    packed = wide.view("<u8").ravel().astype(np.uint64)
    packed.flags.writeable = False
    return Model(weights, packed, scales.astype(np.float64), bias.astype(np.float64), names, about)


def scores(keys: pl.Series, model: Model) -> tuple[np.ndarray, np.ndarray]:
    """The share of each class for each text, given in the spelling of MATCHING_KEY.

    Returns:
        shares by text and class; and counts by text: Arabic words, other words, n-grams, words and pairs.
    """
    sums, counts = logits(keys, model)
    return softmax(sums), counts


def logits(keys: pl.Series, model: Model) -> tuple[np.ndarray, np.ndarray]:
    """What `scores` makes shares of, and the same counts."""
    from arabic_llm_pipeline.arabic import classifier_kernel as kernel

    column = from_series(keys)
    sums, counts = kernel.add_up(column.data, column.offsets, column.valid, model.packed, model.shift, len(model.names))
    sizes = np.sqrt(np.maximum(counts[:, 2:], 1))
    return (sums * (model.scales / sizes)[:, :, None]).sum(axis=1) + model.bias, counts


def softmax(logits: np.ndarray) -> np.ndarray:
    """Shares of a whole from sums of evidence, row by row."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: np.ndarray = powers / powers.sum(axis=1, keepdims=True)
    return shares
