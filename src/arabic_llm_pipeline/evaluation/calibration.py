"""Whether a model is as often right as it is sure."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arabic_llm_pipeline.evaluation.statistics import Interval, percentiles, wilson


def reliability(confidence: ArrayLike, right: ArrayLike, bins: int) -> list[dict[str, Any]]:
    """Mean confidence and share right in bins of equal mass, from the least sure to the surest.

    Args:
        confidence: the probability of what was chosen, one an item.
        right: whether it was right.
        bins: how many; fewer where there are fewer items.

    Returns:
        Rows of items, confidence, accuracy and its interval (Wilson).
    """
    sure, hits = np.asarray(confidence, np.float64), np.asarray(right, bool)
    return [
        {
            "items": len(part),
            "confidence": float(sure[part].mean()),
            "accuracy": float(hits[part].mean()),
            "interval": wilson(int(hits[part].sum()), len(part)),
        }
        for part in _parts(sure, bins)
    ]


def ece(confidence: ArrayLike, right: ArrayLike, bins: int) -> float:
    """Expected calibration error: the mean over items of their bin's distance between confidence and share right.

    Bins of equal mass (Nguyen and O'Connor 2015), not of equal width (Naeini et al. 2015), whose empty and nearly empty
    bins say nothing. It is biased upwards where items are few.
    """
    sure, hits = np.asarray(confidence, np.float64), np.asarray(right, np.float64)
    gaps = [len(part) * abs(sure[part].mean() - hits[part].mean()) for part in _parts(sure, bins)]
    return float(sum(gaps) / len(sure))


def ece_interval(confidence: ArrayLike, right: ArrayLike, bins: int, resamples: int, seed: int) -> Interval | None:
    """95% interval of it by a bootstrap over items; None for less than two.

    Resampling adds to the bias that the value has already; percentiles are moved back by what their mean is above it.
    """
    sure, hits = np.asarray(confidence, np.float64), np.asarray(right, np.float64)
    if len(sure) < 2:
        return None
    random = np.random.default_rng(seed)
    drawn = (random.integers(len(sure), size=len(sure)) for _ in range(resamples))
    found = np.array([ece(sure[rows], hits[rows], bins) for rows in drawn])
    low, high = percentiles(found - found.mean() + ece(sure, hits, bins))
    return max(low, 0.0), min(high, 1.0)


def _parts(confidence: NDArray[np.float64], bins: int) -> list[NDArray[np.intp]]:
    order = np.argsort(confidence, kind="stable")
    return [part for part in np.array_split(order, bins) if len(part)]
