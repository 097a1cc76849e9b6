"""Several tables of weights for the same features, blended into one that costs no more to read.

Linear machines learn which features tell classes apart together; naive Bayes counts each by itself, which tells more of
rare ones (Wang and Manning, ACL 2012, blend the two); a list of words knows some that were never seen. Each gives sums
by class. A softmax regression on texts held out learns what every sum says of every class (stacking: Wolpert, Neural
Networks 1992); as all of it is linear, its coefficients go into the table, and its shares are calibrated.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from arabic_llm_pipeline.arabic.classifier import Model, logits, make_model, softmax

LARGEST = 127  # of a weight in one byte
STEPS, HALVINGS, DONE = 50, 30, 1e-9  # of Newton's method; it needs about ten
DIGITS = 6  # of coefficients: what differs beyond them is the order in which a machine adds


def naive_bayes(sums: np.ndarray, smoothing: float) -> np.ndarray:
    """The logarithm of a feature's share of its class, beside the mean of all classes; 0 where nothing was seen.

    Args:
        sums: what the texts of each class have of each feature together, by feature and class.
        smoothing: what every class is taken to have of every feature beyond that.
    """
    seen = np.asarray((sums != 0).any(axis=1))
    shares = np.log((sums + smoothing) / (sums.sum(axis=0) + smoothing * max(seen.sum(), 1)))
    found: np.ndarray = np.where(seen[:, None], shares - shares.mean(axis=1, keepdims=True), 0.0)
    return found


def blended(
    tables: Sequence[np.ndarray],
    scales: np.ndarray,
    keys: pl.Series,
    labels: np.ndarray,
    counts: np.ndarray,
    names: tuple[str, ...],
    about: dict[str, Any],
) -> Model:
    """One model of several tables.

    Args:
        tables: weights by bucket and class.
        scales: what a unit of the weights is worth in each block.
        keys, labels, counts: texts held out, as in classifier_fit.Texts.
        names: of the classes.
        about: kept in the model.
    """
    none = np.zeros(len(names))
    sums = np.hstack([logits(keys, quantised(table, scales, none, names, about))[0] for table in tables])
    coefficients, bias = regression(sums, labels, counts, len(names))
    parts = np.split(coefficients, len(tables))
    table = sum((table @ part for table, part in zip(tables, parts, strict=True)), np.zeros(1))
    return quantised(table, scales, bias, names, about)


def quantised(
    weights: np.ndarray, scales: np.ndarray, bias: np.ndarray, names: tuple[str, ...], about: dict[str, Any]
) -> Model:
    """A model whose weights are of one byte each."""
    step = float(np.abs(weights).max()) / LARGEST or 1.0
    return make_model(np.rint(weights / step).astype(np.int8), step * scales, bias, names, about)


def regression(sums: np.ndarray, labels: np.ndarray, counts: np.ndarray, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Softmax regression by Newton's method: coefficients by sum and class, and a bias of each class.

    Sums are brought to one spread; a coefficient is taken to be normal around 0 with a variance of 1, so that few texts
    held out say little. The likelihood with that has one peak.

    Args:
        sums: by text.
        labels: of the texts.
        counts: what each text counts; together they count as many texts as tell as much evenly (Kish's size).
        classes: how many there are.
    """
    spread = sums.std(axis=0) + 1e-12
    middle = sums.mean(axis=0)
    rows = np.hstack([(sums - middle) / spread, np.ones((len(sums), 1))])
    wanted, parts = np.eye(classes)[labels], counts * (counts.sum() / (counts**2).sum())
    narrow = np.ones((rows.shape[1], classes))
    narrow[-1] = 1e-6  # of the bias nearly nothing is taken for granted

    def loss(place: np.ndarray) -> float:
        shares = softmax(rows @ place)[np.arange(len(rows)), labels]
        return float(0.5 * (narrow * place**2).sum() - (parts * np.log(shares + 1e-300)).sum())

    place = np.zeros_like(narrow)
    for _ in range(STEPS):
        step, gain = _newton(rows, place, wanted, parts, narrow)
        before, rate = loss(place), 1.0
        while loss(place - rate * step) > before and rate > 0.5**HALVINGS:
            rate /= 2
        place = place - rate * step
        if gain < DONE:
            break
    found = np.round(place[:-1] / spread[:, None], DIGITS)
    return found, np.round(place[-1] - middle @ found, DIGITS)


def _newton(
    rows: np.ndarray, place: np.ndarray, wanted: np.ndarray, parts: np.ndarray, narrow: np.ndarray
) -> tuple[np.ndarray, float]:
    """Newton's step from a place, to be taken off it, and what it is expected to gain."""
    size, classes = place.shape
    shares = softmax(rows @ place)
    gradient = rows.T @ ((shares - wanted) * parts[:, None]) + narrow * place
    hessian = np.zeros((classes, size, classes, size))
    for k in range(classes):
        for other in range(k + 1):
            curve = parts * shares[:, k] * ((k == other) - shares[:, other])
            hessian[k, :, other] = hessian[other, :, k] = rows.T @ (rows * curve[:, None])
    flat = hessian.reshape(classes * size, classes * size) + np.diag(narrow.T.ravel())
    step = np.linalg.solve(flat, gradient.T.ravel()).reshape(classes, size).T
    return step, float((gradient * step).sum())
