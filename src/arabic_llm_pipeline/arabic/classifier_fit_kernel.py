"""Fitting a classifier's weights, compiled by numba."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def merge(buckets: np.ndarray, starts: np.ndarray, scales: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count equal features of a block, and weigh them.

    Args:
        buckets: the features of all blocks of all texts, one block after another.
        starts: where each block begins, and the end of the last.
        scales: what a feature of each block counts.

    Returns:
        buckets without repetition, what each counts in its block, and where each block now begins.
    """
    blocks, size = len(starts) - 1, 0
    found, values = np.empty_like(buckets), np.empty(len(buckets), dtype=np.float32)
    begins = np.zeros(blocks + 1, dtype=np.int64)
    for block in range(blocks):
        ordered = np.sort(buckets[starts[block] : starts[block + 1]])
        for place in range(len(ordered)):
            if place == 0 or ordered[place] != ordered[place - 1]:
                found[size], values[size] = ordered[place], 0.0
                size += 1
            values[size - 1] += scales[block]
        begins[block + 1] = size
    return found[:size], values[:size], begins


@njit(cache=True, nogil=True)
def document_counts(buckets: np.ndarray, size: int) -> np.ndarray:
    """In how many blocks each bucket is."""
    counts = np.zeros(size, dtype=np.int64)
    for bucket in buckets:
        counts[bucket] += 1
    return counts


@njit(cache=True, nogil=True)
def class_counts(
    starts: np.ndarray, buckets: np.ndarray, labels: np.ndarray, counts: np.ndarray, size: int, classes: int
) -> np.ndarray:
    """What the texts of each class that have a bucket count together; twice, where both blocks of a text have it.

    Args:
        starts: where each text's buckets begin, and the end of the last one's.
        buckets: those of a block without repetition.
        labels: the class of each text.
        counts: what each text counts.
        size: number of buckets.
        classes: number of classes.
    """
    found = np.zeros((size, classes))
    for row in range(len(labels)):
        for place in range(starts[row], starts[row + 1]):
            found[buckets[place], labels[row]] += counts[row]
    return found


@njit(cache=True, nogil=True)
def _add_up(
    buckets: np.ndarray, values: np.ndarray, begin: int, end: int, weights: np.ndarray, margins: np.ndarray
) -> float:
    """Add the weights of a text's features to its margins; returns the square of its length, the constant included."""
    norm = 1.0
    for place in range(begin, end):
        value = np.float64(values[place])
        norm += value * value
        for k in range(len(margins)):
            margins[k] += weights[buckets[place], k] * value
    return norm


@njit(cache=True, nogil=True)
def descend(
    order: np.ndarray,
    starts: np.ndarray,
    buckets: np.ndarray,
    values: np.ndarray,
    labels: np.ndarray,
    costs: np.ndarray,
    alphas: np.ndarray,
    weights: np.ndarray,
    bias: np.ndarray,
) -> float:
    """One round of dual coordinate descent over all texts, for all classes (one against the rest, squared hinge).

    The step is that of Hsieh et al., A Dual Coordinate Descent Method for Large-scale Linear SVM (ICML 2008),
    algorithm 1 with D = 1 / 2C. The constant is a feature of value 1.

    Args:
        order: of the texts in this round.
        starts: where each text's features begin, and the end of the last one's.
        buckets, values: the features.
        labels: the class of each text.
        costs: C of each text.
        alphas: dual variables by text and class; changed.
        weights, bias: of the features and the constant, by class; changed.

    Returns:
        the largest violation of optimality that was met.
    """
    classes, worst = weights.shape[1], 0.0
    margins = np.empty(classes, dtype=np.float64)
    for row in order:
        begin, end = starts[row], starts[row + 1]
        margins[:] = bias
        norm = _add_up(buckets, values, begin, end, weights, margins)
        slack = 0.5 / costs[row]
        for k in range(classes):
            sign = 1.0 if labels[row] == k else -1.0
            gradient = sign * margins[k] - 1.0 + slack * alphas[row, k]
            violation = min(gradient, 0.0) if alphas[row, k] == 0.0 else gradient
            worst = max(worst, abs(violation))
            new = max(alphas[row, k] - gradient / (norm + slack), 0.0)
            margins[k] = (new - alphas[row, k]) * sign  # from here on: what the weights move by
            alphas[row, k] = new
            bias[k] += margins[k]
        for place in range(begin, end):
            for k in range(classes):
                weights[buckets[place], k] += np.float32(margins[k] * values[place])
    return worst
