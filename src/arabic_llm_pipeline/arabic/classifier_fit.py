"""Fitting a classifier: texts and their classes in, weights of one byte out. Needs no library but numpy and numba.

Features are those of classifier.py. Each is weighed by how rare it is (the logarithm of one over the share of blocks
that have it, as in TF-IDF) and by how much it tells of classes (supervised term weighting: Debole and Sebastiani, SAC
2003), and each block by the root of its number of features. One linear machine for each class against the rest, with
squared hinge loss, is fitted by dual coordinate descent; what features are weighed by goes into the weights, the
weights into one byte each; a temperature and a bias, fitted to texts held out, make shares of their sums that mean
what they say. Naive Bayes and words that are known to tell are blended in where that is asked (classifier_blend.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from arabic_llm_pipeline.arabic.classifier import Model, logits, make_model, softmax
from arabic_llm_pipeline.arabic.classifier_blend import blended, naive_bayes, quantised
from arabic_llm_pipeline.arabic.columns import from_series

STOP = 0.05  # violation of optimality below which fitting ends
UNSEEN = 0.5  # texts that each class is taken to have of each feature beyond those seen
LEAST_TOLD = 0.05  # what every feature is taken to tell, in nats; one of a single class of n tells log n
CALIBRATION_STEPS, CALIBRATION_RATE = 400, 0.05


@dataclass(frozen=True)
class Fitting:
    """How weights are fitted.

    Attributes:
        bits: of a bucket's number.
        cost: C of the machine.
        word_weight: what the block of words counts beside that of n-grams.
        min_texts: blocks that a bucket must be in to have a weight.
        divergence: 0 weighs a bucket by how rare it is alone; above it, also by this power of what it tells of classes.
        balance: 0 takes texts as they come, 1 gives every class the same weight; between them, its power.
        bayes: 0 fits linear machines alone; above it, naive Bayes with so much smoothing is blended in.
        rounds: over all texts, at most.
        seed: of the order of texts in each round.
    """

    bits: int = 18
    cost: float = 1.0
    word_weight: float = 0.5
    min_texts: int = 2
    divergence: float = 0.5
    balance: float = 0.5
    bayes: float = 0.0
    rounds: int = 12
    seed: int = 0


@dataclass(frozen=True)
class Features:
    """Sparse rows: text i has `buckets[starts[i]:starts[i + 1]]`, each of the value beside it."""

    starts: np.ndarray
    buckets: np.ndarray
    values: np.ndarray


@dataclass(frozen=True)
class Texts:
    """Texts whose class is known.

    Attributes:
        keys: in the spelling of MATCHING_KEY.
        labels: the position of each text's class among the names.
        counts: what each text counts, 1 for an ordinary one.
    """

    keys: pl.Series
    labels: np.ndarray
    counts: np.ndarray


def fit(
    texts: Texts, held: Texts, how: Fitting, names: Sequence[str], about: dict[str, Any], marks: Texts | None = None
) -> Model:
    """A model of texts; the same one for the same texts, to the byte.

    Args:
        texts: to learn from.
        held: to calibrate the scores on.
        how: settings.
        names: of the classes, eight at most.
        about: kept in the model.
        marks: words known to tell a class, which are blended in; a word of several classes is there for each.
    """
    features, worth, unit = weighed(texts, how, len(names))
    weights, bias = _descend(features, texts.labels, _costs(texts, how, len(names)), how, len(names))
    scales = unit * np.array([1.0, how.word_weight])
    tables = [weights * worth[:, None]]
    if how.bayes:
        tables.append(naive_bayes(_sums(features, texts, how, len(names)), how.bayes) * worth[:, None])
    if marks is not None:
        tables.append(_marked(marks, how.bits, len(names)))
    if len(tables) == 1:
        return _calibrated(quantised(tables[0], scales, bias, tuple(names), about), held)
    return blended(tables, scales, held.keys, held.labels, held.counts, tuple(names), about)


def _sums(features: Features, texts: Texts, how: Fitting, classes: int) -> np.ndarray:
    """What the texts of each class have of each bucket together, by what each text counts."""
    sizes = np.diff(features.starts)
    cells = features.buckets.astype(np.int64) * classes + np.repeat(texts.labels, sizes)
    values = features.values * np.repeat(texts.counts, sizes)
    return np.bincount(cells, values, classes << how.bits).reshape(-1, classes)


def _marked(marks: Texts, bits: int, classes: int) -> np.ndarray:
    """A table with 1 for each word and class of a list."""
    found, starts, _ = blocks(marks.keys, bits)
    table = np.zeros((1 << bits, classes))
    table[found[starts[1:-1:2]], marks.labels] = 1.0  # the first of its words: itself
    return table


def blocks(keys: pl.Series, bits: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The features of texts: buckets, where each block begins (and the last ends), and how many each block has."""
    from arabic_llm_pipeline.arabic import classifier_kernel as kernel

    column = from_series(keys)
    counts = kernel.measure(column.data, column.offsets, column.valid)
    starts = np.concatenate([[0], np.cumsum(counts.ravel())])
    begins = starts[:-1].reshape(-1, 2)
    found = kernel.extract(column.data, column.offsets, column.valid, 64 - bits, begins, int(starts[-1]))
    return found, starts, counts


def weighed(texts: Texts, how: Fitting, classes: int) -> tuple[Features, np.ndarray, float]:
    """Texts as rows of weighed features; what each bucket is worth; and the unit that makes rows about as long as one.

    A bucket's value is its count by its worth, by the unit, by the root of the number of features in its block.
    """
    from arabic_llm_pipeline.arabic import classifier_fit_kernel as kernel

    found, starts, counts = blocks(texts.keys, how.bits)
    scales = (np.array([1.0, how.word_weight]) / np.sqrt(np.maximum(counts, 1))).ravel()
    buckets, values, begins = kernel.merge(found, starts, scales)
    begins = begins[::2]
    worth = _worth(Features(begins, buckets, values), texts, counts.size, how, classes)
    values *= worth[buckets].astype(np.float32)
    unit = float(np.sqrt(len(counts) / max(float((values.astype(np.float64) ** 2).sum()), 1e-12)))
    kept = values != 0
    ends = np.concatenate([[0], np.cumsum(kept)])[begins]
    return Features(ends, buckets[kept], values[kept] * np.float32(unit)), worth, unit


def _worth(features: Features, texts: Texts, blocks: int, how: Fitting, classes: int) -> np.ndarray:
    """What each bucket is worth: its rarity, by a power of what it tells; none, if it is in too few blocks."""
    from arabic_llm_pipeline.arabic import classifier_fit_kernel as kernel

    size = 1 << how.bits
    seen = kernel.document_counts(features.buckets, size)
    rarity = np.where(seen >= how.min_texts, np.log((1 + blocks) / (1 + seen)), 0.0)
    if how.divergence == 0:
        return rarity
    by_class = kernel.class_counts(features.starts, features.buckets, texts.labels, texts.counts, size, classes)
    told = divergence(by_class, _sizes(texts, classes))
    worth: np.ndarray = rarity * (LEAST_TOLD + told) ** how.divergence
    return worth


def divergence(seen: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """How far the classes of texts with a feature are from evenly spread, were there as many texts of each class.

    The divergence of Kullback and Leibler from the even distribution, in nats.

    Args:
        seen: texts that have it, by feature and class.
        sizes: texts of each class; one without any has no part.
    """
    there = sizes > 0
    shares = (seen[:, there] + UNSEEN) / (sizes[there] + 2 * UNSEEN)
    shares /= shares.sum(axis=1, keepdims=True)
    told: np.ndarray = (shares * np.log(shares * shares.shape[1])).sum(axis=1)
    return told


def _sizes(texts: Texts, classes: int) -> np.ndarray:
    return np.bincount(texts.labels, texts.counts, classes)


def _costs(texts: Texts, how: Fitting, classes: int) -> np.ndarray:
    """C of each text."""
    sizes = _sizes(texts, classes)
    there = sizes > 0
    share = np.divide(sizes.sum(), sizes * there.sum(), where=there, out=np.ones_like(sizes))
    costs: np.ndarray = how.cost * texts.counts * share[texts.labels] ** how.balance
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


def _calibrated(model: Model, held: Texts) -> Model:
    """The model with its sums made into shares: by a temperature, and a bias of each class (Guo et al., ICML 2017).

    The likelihood of the texts' classes is climbed by steps of Adam; it has one peak. A text counts what it counts in
    training: else the classes of the largest sets would seem the likeliest.
    """
    sums, _ = logits(held.keys, model)
    wanted = np.eye(len(model.names))[held.labels]
    parts = (held.counts / held.counts.sum())[:, None]
    place, first, second = np.zeros((3, 1 + len(model.names)))
    for step in range(1, CALIBRATION_STEPS + 1):
        heat = np.exp(place[0])
        wrong = (softmax(sums * heat + place[1:]) - wanted) * parts
        gradient = np.concatenate([[(wrong * sums * heat).sum()], wrong.sum(axis=0)])
        first, second = 0.9 * first + 0.1 * gradient, 0.99 * second + 0.01 * gradient**2
        place = place - CALIBRATION_RATE * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-9)
    heat = float(np.exp(place[0]))
    return make_model(model.weights, model.scales * heat, model.bias * heat + place[1:], model.names, model.about)
