"""What a score costs: the Performance-Efficiency Score, the Pareto front, samples a second."""

from collections.abc import Mapping, Sequence
from math import e, log

LOG_BASES = {"e": e, "2": 2.0, "10": 10.0}
MILLION = 1e6
MB, GB = 2**20, 1e9  # bytes: of a megabyte as memory is measured in training, of a gigabyte as it is sold


def in_gigabytes(megabytes: float) -> float:
    """Gigabytes (10^9 bytes) of as many megabytes (2^20 bytes) as costs of training are given in."""
    return megabytes * MB / GB


def performance_efficiency(
    scores: Mapping[str, float | None],
    weights: Mapping[str, float],
    parameters: float | None,
    gigabytes: float | None,
    base: str = "e",
) -> tuple[float | None, str]:
    """Weighted mean of scores over log P times log V, or none and the reason.

    From the comparison of fine-tuning methods for Persian by Salimi Sartakhti and others, Equation 1: sum(W_i M_i) /
    (log P x log V x sum(W_i)). P is all parameters in millions, not only the trained ones; V gigabytes (10^9 bytes) of
    memory. The paper does not say the base of its logarithms. At one gigabyte log V is 0, and below it is negative, so
    that a better score would count as worse: nothing is computed there, nor for a million parameters or less.

    Args:
        scores: shares from 0 to 1, by name.
        weights: of those that count.
        parameters: of the whole model.
        gigabytes: most memory that training took.
        base: e, 2 or 10.
    """
    if lacking := [name for name in weights if scores.get(name) is None]:
        return None, f"no score {', '.join(lacking)}"
    if parameters is None or gigabytes is None:
        return None, "parameters or memory are not known"
    if gigabytes <= 1:
        return None, f"log V is not above 0: {gigabytes:.2f} GB"
    if parameters <= MILLION:
        return None, f"log P is not above 0: {parameters / MILLION:.2f} million parameters"
    mean = sum(weight * float(scores[name] or 0) for name, weight in weights.items()) / sum(weights.values())
    return mean / (log(parameters / MILLION, LOG_BASES[base]) * log(gigabytes, LOG_BASES[base])), ""


def pareto(points: Sequence[tuple[float | None, float | None]]) -> list[bool]:
    """Which points, of a score and a cost, no other one beats: at least as good, at most as dear, and one of the two
    truly. A point without score or cost is not on the front.
    """
    known = [(score, cost) for score, cost in points if score is not None and cost is not None]

    def beaten(score: float, cost: float) -> bool:
        return any(s >= score and c <= cost and (s, c) != (score, cost) for s, c in known)

    return [score is not None and cost is not None and not beaten(score, cost) for score, cost in points]


def samples_per_second(samples: float | None, epochs: float | None, seconds: float | None) -> float | None:
    """Training samples times epochs over the time they took: the efficiency of the five-method report."""
    return None if samples is None or epochs is None or not seconds else samples * epochs / seconds
