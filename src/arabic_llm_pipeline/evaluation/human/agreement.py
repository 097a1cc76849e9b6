"""Whether raters agree: Krippendorff's alpha, with an interval."""

import warnings
from typing import Literal

import krippendorff
import numpy as np
from numpy.typing import NDArray

from arabic_llm_pipeline.evaluation.statistics import Interval, percentiles

LEVEL: Literal["ordinal"] = "ordinal"  # 4 is nearer to 5 than 1 is, but nobody says how much
Counts = NDArray[np.int64]


def counts(values: NDArray[np.float64]) -> tuple[Counts, NDArray[np.float64]]:
    """How often each value was given to each unit, [units, values], and the values.

    Args:
        values: [raters, units]; NaN where a rater did not judge.
    """
    domain = np.unique(values[~np.isnan(values)])
    found = np.stack([(values == value).sum(axis=0) for value in domain], axis=1) if len(domain) else None
    return (np.zeros((values.shape[1], 0), np.int64) if found is None else found.astype(np.int64)), domain


def alpha(found: Counts, domain: NDArray[np.float64]) -> float | None:
    """Krippendorff's alpha for ordinal values: 1 is agreement, 0 what chance gives (Krippendorff 2011).

    None where it is not defined: no unit was judged twice, or all values are the same.
    """
    paired = found[found.sum(axis=1) > 1]
    if not len(paired) or (paired.sum(axis=0) > 0).sum() < 2:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of values that no resampled unit has
        value = krippendorff.alpha(value_counts=paired, value_domain=domain, level_of_measurement=LEVEL)
    return float(value)


def interval(found: Counts, domain: NDArray[np.float64], resamples: int, seed: int) -> Interval | None:
    """The middle 95% of alpha in resamples of the units (Zapf et al. 2016); those that have none are left out."""
    paired = found[found.sum(axis=1) > 1]
    if len(paired) < 2:
        return None
    drawn = np.random.default_rng(seed).integers(len(paired), size=(resamples, len(paired)))
    values = [value for places in drawn if (value := alpha(paired[places], domain)) is not None]
    return percentiles(np.array(values)) if len(values) > resamples // 2 else None
