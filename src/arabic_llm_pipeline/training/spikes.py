"""Losses that are no numbers, or leap: when it is one, and which records made it."""

from collections.abc import Sequence

import numpy as np

JUDGED_BY = 20  # earlier steps, without which nothing is a spike (or the window, if that is shorter)
FLAT = 0.01  # of the median: the least deviation, so that a loss that hardly moved does not leap at every move
SHOWN = 12  # records in a message


def limit(losses: Sequence[float], window: int, deviations: float) -> float | None:
    """Above which a loss is a spike: the median of those before, and so many median absolute deviations.

    Args:
        losses: of the steps before, in their order.
        window: how many of the last count.
        deviations: by which a spike is above their median.
    """
    last = np.asarray(losses[-window:], dtype=float)
    if len(last) < min(window, JUDGED_BY):
        return None
    middle = float(np.median(last))
    apart = float(np.median(np.abs(last - middle)))
    return middle + deviations * max(apart, FLAT * abs(middle))


def named(records: Sequence[tuple[str, str]]) -> str:
    """Records for a message.

    Args:
        records: id and source of each.
    """
    shown = ", ".join(f"{name} (source {source})" for name, source in records[:SHOWN])
    more = len(records) - SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
