"""Classes told right: a confusion matrix, and F1 that counts every class alike."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from arabic_llm_pipeline.evaluation.statistics import CHUNK, Interval, percentiles

Counts = NDArray[np.float64]


def confusion(gold: Sequence[int], chosen: Sequence[int], classes: int) -> NDArray[np.int64]:
    """How often each class (row) was told as each (column)."""
    table = np.zeros((classes, classes), np.int64)
    np.add.at(table, (np.asarray(gold, int), np.asarray(chosen, int)), 1)
    return table


def macro_f1(gold: Sequence[int], chosen: Sequence[int], classes: int) -> float:
    """The mean of the classes' F1, over the classes that occur as gold or as chosen; 0 for one that is never right.

    As scikit-learn's `f1_score(average="macro")`. For two classes it is what AceGPT calls the F1 of ACVA: the mean of
    the F1 of yes and of no, over all subjects together.
    """
    return float(_macro(*_hits(gold, chosen, classes), np.ones((1, len(gold))))[0])


def macro_f1_interval(
    gold: Sequence[int], chosen: Sequence[int], classes: int, resamples: int, seed: int
) -> Interval | None:
    """95% percentile interval by a bootstrap over items; None for less than two."""
    return percentiles(resampled_macro_f1(gold, chosen, classes, resamples, seed)) if len(gold) > 1 else None


def resampled_macro_f1(gold: Sequence[int], chosen: Sequence[int], classes: int, resamples: int, seed: int) -> Counts:
    """Macro F1 of bootstrap resamples of items; the same seed draws the same items for every candidate; [resamples]."""
    units, hits, random = len(gold), _hits(gold, chosen, classes), np.random.default_rng(seed)
    found = []
    for start in range(0, resamples, step := max(1, CHUNK // units)):
        counts = random.multinomial(units, np.full(units, 1 / units), size=min(step, resamples - start))
        found.append(_macro(*hits, counts.astype(np.float64)))
    return np.concatenate(found)


def _hits(gold: Sequence[int], chosen: Sequence[int], classes: int) -> tuple[Counts, Counts, Counts]:
    """Of each item and class that occurs: whether it is right in it, is of it, was told as it."""
    known, told = np.eye(classes)[np.asarray(gold, int)], np.eye(classes)[np.asarray(chosen, int)]
    there = (known.sum(0) + told.sum(0)) > 0
    return (known * told)[:, there], known[:, there], told[:, there]


def _macro(right: Counts, known: Counts, told: Counts, weights: Counts) -> Counts:
    """One a row of weights, which are how often each item counts."""
    both = weights @ known + weights @ told
    f1: Counts = np.divide(2 * (weights @ right), both, out=np.zeros_like(both), where=both > 0)
    return f1.mean(1)
