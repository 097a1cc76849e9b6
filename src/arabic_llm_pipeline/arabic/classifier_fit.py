"""Fitting a classifier: texts and their classes in, weights of one byte out. Needs no library but numpy and numba.

Features are those of classifier.py. Each is weighed by how rare it is (the logarithm of one over the share of blocks
that have it, as in TF-IDF), and each block by the root of its number of features. One linear machine for each class
against the rest, with squared hinge loss, is fitted by dual coordinate descent; the rarity goes into the weights, the
weights into one byte each; a temperature and a bias, fitted to texts held out, make shares of their sums that mean what
they say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from arabic_llm_pipeline.arabic.classifier import Model, logits, make_model, softmax
from arabic_llm_pipeline.arabic.columns import from_series

STOP = 0.05  # violation of optimality below which fitting ends
LARGEST = 127  # of a weight in one byte
CALIBRATION_STEPS, CALIBRATION_RATE = 400, 0.05


@dataclass(frozen=True)
class Fitting:
    """How weights are fitted.

    Attributes:
        bits: of a bucket's number.
        cost: C of the machine.
        word_weight: what the block of words counts beside that of n-grams.
        min_texts: blocks that a bucket must be in to have a weight.
        balance: 0 takes texts as they come, 1 gives every class the same weight; between them, its power.
        rounds: over all texts, at most.
        seed: of the order of texts in each round.
    """

    bits: int = 18
    cost: float = 1.0
    word_weight: float = 1.0
    min_texts: int = 2
    balance: float = 0.5
    rounds: int = 12
    seed: int = 0


@dataclass(frozen=True)
class Features:
    """Sparse rows: text i has `buckets[starts[i]:starts[i + 1]]`, each of the value beside it."""

    starts: np.ndarray
    buckets: np.ndarray
    values: np.ndarray


def fit(
    keys: pl.Series,
    labels: np.ndarray,
    counts: np.ndarray,
    held: tuple[pl.Series, np.ndarray],
    how: Fitting,
    names: Sequence[str],
    about: dict[str, Any],
) -> Model:
    """A model of texts, which are given in the spelling of MATCHING_KEY; the same one for the same texts, to the byte.

    Args:
        keys: texts to learn from.
        labels: the position of each text's class among the names.
        counts: what each text counts, 1 for an ordinary one.
        held: the same for texts that the scores are calibrated on.
        how: settings.
        names: of the classes, eight at most.
        about: kept in the model.
    """
    features, rarity, unit = weighed(keys, how)
    weights, bias = _descend(features, labels, counts * _costs(labels, how, len(names)), how, len(names))
    weights *= rarity[:, None]
    step = np.abs(weights).max() / LARGEST or 1.0
    small = np.rint(weights / step).astype(np.int8)
    scales = step * unit * np.array([1.0, how.word_weight])
    raw = make_model(small, scales, bias, tuple(names), about)
    return _calibrated(raw, *held)


def blocks(keys: pl.Series, bits: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The features of texts: buckets, where each block begins (and the last ends), and how many each block has."""
    from arabic_llm_pipeline.arabic import classifier_kernel as kernel

    column = from_series(keys)
    counts = kernel.measure(column.data, column.offsets, column.valid)
    starts = np.concatenate([[0], np.cumsum(counts.ravel())])
    begins = starts[:-1].reshape(-1, 2)
    found = kernel.extract(column.data, column.offsets, column.valid, 64 - bits, begins, int(starts[-1]))
    return found, starts, counts


def weighed(keys: pl.Series, how: Fitting) -> tuple[Features, np.ndarray, float]:
    """Texts as rows of weighed features; the weight of each bucket; and the unit that makes rows about as long as one.

    A bucket's value is its count by its rarity, by the unit, by the root of the number of features in its block.
    """
    from arabic_llm_pipeline.arabic import classifier_fit_kernel as kernel

    found, starts, counts = blocks(keys, how.bits)
    scales = (np.array([1.0, how.word_weight]) / np.sqrt(np.maximum(counts, 1))).ravel()
    buckets, values, begins = kernel.merge(found, starts, scales)
    seen = kernel.document_counts(buckets, 1 << how.bits)
    rarity = np.where(seen >= how.min_texts, np.log((1 + counts.size) / (1 + seen)), 0.0)
    values *= rarity[buckets].astype(np.float32)
    unit = float(np.sqrt(len(keys) / max(float((values.astype(np.float64) ** 2).sum()), 1e-12)))
    kept = values != 0
    ends = np.concatenate([[0], np.cumsum(kept)])[begins[::2]]
    return Features(ends, buckets[kept], values[kept] * np.float32(unit)), rarity, unit


def _costs(labels: np.ndarray, how: Fitting, classes: int) -> np.ndarray:
    sizes = np.bincount(labels, minlength=classes).astype(float)
    share = len(labels) / (np.maximum(sizes, 1) * np.count_nonzero(sizes))
    costs: np.ndarray = how.cost * share[labels] ** how.balance
    return costs


def _descend(
    features: Features, labels: np.ndarray, costs: np.ndarray, how: Fitting, classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """The weights of each bucket and the bias, by class."""
    from arabic_llm_pipeline.arabic import classifier_fit_kernel as kernel

    rng = np.random.default_rng(how.seed)
    alphas = np.zeros((len(labels), classes))
    weights, bias = np.zeros((1 << how.bits, classes), np.float32), np.zeros(classes)
    for _ in range(how.rounds):
        order = rng.permutation(len(labels))
        worst = kernel.descend(
            order, features.starts, features.buckets, features.values, labels, costs, alphas, weights, bias
        )
        if worst < STOP:
            break
    return weights, bias


def _calibrated(model: Model, keys: pl.Series, labels: np.ndarray) -> Model:
    """The model with its sums made into shares: by a temperature, and a bias of each class (Guo et al., ICML 2017).

    The likelihood of the texts' classes is climbed by steps of Adam; it has one peak.
    """
    sums, _ = logits(keys, model)
    wanted = np.eye(len(model.names))[labels]
    place, first, second = np.zeros((3, 1 + len(model.names)))
    for step in range(1, CALIBRATION_STEPS + 1):
        heat = np.exp(place[0])
        wrong = softmax(sums * heat + place[1:]) - wanted
        gradient = np.concatenate([[(wrong * sums * heat).sum(axis=1).mean()], wrong.mean(axis=0)])
        first, second = 0.9 * first + 0.1 * gradient, 0.99 * second + 0.01 * gradient**2
        place = place - CALIBRATION_RATE * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-9)
    heat = float(np.exp(place[0]))
    return make_model(model.weights, model.scales * heat, model.bias * heat + place[1:], model.names, model.about)
