"""Intervals and tests. Every figure of the report that could be chance has one of these beside it."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

Interval = tuple[float, float]
Floats = NDArray[np.float64]
CONFIDENCE = 0.95
CHUNK = 1 << 21  # resampled counts held at once
REMEMBERED = 1 << 18  # resampled counts that are kept for the next metric: 2 MB


def wilson(successes: int, trials: int) -> Interval | None:
    """Score interval of a share (Wilson 1927), 95%; None without trials.

    Unlike the normal approximation it holds for few trials and for shares near 0 and 1.
    """
    if trials == 0:
        return None
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    share, spread = successes / trials, z * z / trials
    middle = (share + spread / 2) / (1 + spread)
    half = z * sqrt(share * (1 - share) / trials + spread / (4 * trials)) / (1 + spread)
    low = middle - half if successes else 0.0  # exact at both ends, where rounding would leave 1e-17
    return low, middle + half if successes < trials else 1.0


def resampled_ratios(numerators: ArrayLike, denominators: ArrayLike, resamples: int, seed: int) -> Floats:
    """Sum of numerators over sum of denominators in bootstrap resamples of their units (Efron 1979); [resamples].

    Args:
        numerators: one of each unit (a document's loss, say).
        denominators: one of each unit (its bytes).
        resamples: how many.
        seed: the same seed and number of units draw the same resamples, so that two calls are paired.
    """
    above, below = np.asarray(numerators, np.float64), np.asarray(denominators, np.float64)
    # no matrix product: its last bits hang on how many resamples there are at once, and on the threads
    drawn = resampled_counts(len(above), resamples, seed)
    with np.errstate(invalid="ignore"):  # a resample of units that have nothing to divide by
        return np.concatenate([(counts * above).sum(axis=1) / (counts * below).sum(axis=1) for counts in drawn])


def resampled_counts(units: int, resamples: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """How often each unit is in bootstrap resamples, some resamples at a time; [some, units]."""
    if units * resamples <= REMEMBERED:
        yield _few_counts(units, resamples, seed)
        return
    yield from _counts(units, resamples, seed)


def _counts(units: int, resamples: int, seed: int | np.random.SeedSequence) -> Iterator[NDArray[np.int64]]:
    random, shares = np.random.default_rng(seed), np.full(units, 1 / units)
    for start in range(0, resamples, step := max(1, CHUNK // units)):
        yield random.multinomial(units, shares, size=min(step, resamples - start))


@lru_cache(maxsize=64)
def _few_counts(units: int, resamples: int, seed: int) -> NDArray[np.int64]:
    """Drawn once for all metrics of the same items: drawing takes longer than all that follows."""
    counts: NDArray[np.int64] = np.random.default_rng(seed).multinomial(
        units, np.full(units, 1 / units), size=resamples
    )
    return counts


def percentiles(values: Floats) -> Interval:
    """The middle 95% of resampled values: the percentile interval."""
    low, high = np.quantile(values, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def bootstrap(numerators: Sequence[float], denominators: Sequence[float], resamples: int, seed: int) -> Interval | None:
    """Percentile interval of a ratio of sums; None for less than two units, which tell nothing of their spread.

    Units whose denominator is 0 count as units; resamples of nothing else have no ratio and are left out.
    """
    if sum(below > 0 for below in denominators) < 2:
        return None
    found = resampled_ratios(numerators, denominators, resamples, seed)
    return percentiles(found[np.isfinite(found)])


def stratified_mean(strata: Sequence[Floats], resamples: int, seed: int) -> Interval:
    """95% percentile interval of the mean of the strata's means, each resampled by itself.

    A mean of n resampled units varies by (n - 1) / n of what one of n new ones would, which with two or three units
    is far too little: deviations are scaled by sqrt(n / (n - 1)) (Rao and Wu 1988).

    Args:
        strata: values of the units of each; two at least, as one says nothing of its spread.
        resamples: how many.
        seed: each stratum has a stream of its own from it.
    """
    streams = np.random.SeedSequence(seed).spawn(len(strata))
    total = np.zeros(resamples)
    for values, stream in zip(strata, streams, strict=True):
        units, mean = len(values), values.mean()
        apart = [(counts * (values - mean)).sum(axis=1) for counts in _counts(units, resamples, stream)]
        total += mean + np.concatenate(apart) / sqrt(units * (units - 1))
    return percentiles(total / len(strata))


def sign_p(differences: Floats) -> float:
    """Two-sided p that a difference is 0, from its bootstrap resamples.

    Twice the share of them on the other side of 0, the sample itself counted as one resample (Davison and Hinkley
    1997, section 4.2), so that no finite number of them gives 0.
    """
    other = min(int(np.sum(differences <= 0)), int(np.sum(differences >= 0)))
    return min(1.0, 2 * (other + 1) / (len(differences) + 1))


def resampled_change(before: Floats, after: Floats) -> dict[str, float]:
    """`low` and `high` of the 95% interval of after less before, and `p` that it is 0 (`percentiles`, `sign_p`).

    Args:
        before: a score in each bootstrap resample; not finite where a resample has none, and so left out.
        after: the same of another candidate, in the same resamples.
    """
    changes = after - before
    changes = changes[np.isfinite(changes)]
    low, high = percentiles(changes)
    return {"low": low, "high": high, "p": sign_p(changes)}


def mcnemar(a: ArrayLike, b: ArrayLike) -> float:
    """Exact two-sided p that two candidates are right equally often on the same items (McNemar 1947).

    Only items that one got right and the other wrong count; each is a toss of a fair coin under the hypothesis.
    """
    left, right = np.asarray(a, bool), np.asarray(b, bool)
    gained, lost = int(np.sum(~left & right)), int(np.sum(left & ~right))
    tosses = gained + lost
    ways = tail = 1
    for heads in range(min(gained, lost)):
        ways = ways * (tosses - heads) // (heads + 1)  # of getting so many heads, and one more; exact
        tail += ways
    return min(1.0, 2 * tail / 2**tosses)


def holm(ps: Sequence[float]) -> list[float]:
    """Values of p adjusted for their number (Holm 1979): one below 0.05 is chance in 5% of such lists at most."""
    order = sorted(range(len(ps)), key=lambda place: ps[place])
    adjusted, largest = [0.0] * len(ps), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[place]))
        adjusted[place] = largest
    return adjusted
