"""How well a dialect tagger does: macro-F1 by source, confusion, and whether its scores mean what they say."""

from typing import Any

import numpy as np
import polars as pl

BINS = 10  # of scores, for the error of calibration


def macro_f1(labels: pl.Series, tags: pl.Series) -> float:
    """The mean of F1 over the dialects that the labels have; another tag, `unknown` too, is a miss of the label's."""
    scores = []
    for dialect in labels.unique().sort():
        hit = int(((labels == dialect) & (tags == dialect)).sum())
        said = int((labels == dialect).sum() + (tags == dialect).sum())
        scores.append(2 * hit / said)
    return float(np.mean(scores)) if scores else 0.0


def calibration_error(right: np.ndarray, scores: np.ndarray) -> float:
    """Expected calibration error: how far scores and shares of right tags lie apart, over bins of equal width."""
    bins = np.minimum((scores * BINS).astype(int), BINS - 1)
    sizes = np.bincount(bins, minlength=BINS)
    apart = np.abs(np.bincount(bins, right, BINS) - np.bincount(bins, scores, BINS))
    return float(apart[sizes > 0].sum() / max(len(scores), 1))


def measure(tagged: pl.DataFrame) -> list[dict[str, Any]]:
    """A row for each source, and one for each dialect in it.

    Args:
        tagged: `source`, `dialect` (right), `tag`, `score`.
    """
    rows = []
    for (source,), part in tagged.sort("source").group_by("source", maintain_order=True):
        right = (part["dialect"] == part["tag"]).to_numpy()
        known = (part["tag"] != "unknown").to_numpy()
        error = calibration_error(right[known].astype(float), part["score"].to_numpy()[known])
        said = part.group_by("dialect", "tag").len().sort("dialect", "tag").rows()
        rows.append({
            "source": source,
            "texts": len(part),
            "macro_f1": macro_f1(part["dialect"], part["tag"]),
            "right": float(right.mean()),
            "unknown": float(1 - known.mean()),
            "calibration_error": error,
            "confusion": [{"dialect": dialect, "tag": tag, "texts": count} for dialect, tag, count in said],
        })  # fmt: skip
    return rows
