"""How well toxicity is told: precision and recall on texts that people judged, by source, beside a list of words."""

from typing import Any

import numpy as np
import polars as pl

from arabic_llm_pipeline.evaluation.statistics import wilson

LIMIT = 0.5  # of a score from which a text is toxic
BY = {"model": "score", "lexicon": "lexicon", "both": "both"}  # who tells -> the column of scores


def measure(judged: pl.DataFrame, limit: float = LIMIT) -> list[dict[str, Any]]:
    """A row for each source and each way of telling.

    Args:
        judged: `source`, `toxicity` (normal or toxic), `score` of a model, `lexicon` of the list of words.
        limit: a text with this score is toxic.
    """
    rows, judged = [], judged.with_columns(both=pl.max_horizontal("score", "lexicon"))
    for (source,), part in judged.sort("source").group_by("source", maintain_order=True):
        toxic = (part["toxicity"] == "toxic").to_numpy()
        for by, column in BY.items():
            said = (part[column] >= limit).to_numpy()
            rows.append({"source": source, "by": by, "texts": len(part)} | rates(toxic, said))
    return rows


def rates(toxic: np.ndarray, said: np.ndarray) -> dict[str, Any]:
    """Precision, recall, F1 and the share of normal texts that are called toxic, each share with its interval.

    A rate that nothing was there for is None: the precision where no text was called toxic.
    """
    hits, called, there = int((toxic & said).sum()), int(said.sum()), int(toxic.sum())
    normal = len(toxic) - there
    return {
        "toxic": there,
        "precision": _share(hits, called),
        "precision_interval": wilson(hits, called),
        "recall": _share(hits, there),
        "recall_interval": wilson(hits, there),
        "f1": _share(2 * hits, called + there),
        "false_alarms": _share(called - hits, normal),
        "false_alarms_interval": wilson(called - hits, normal),
    }


def _share(part: int, of: int) -> float | None:
    return part / of if of else None


def with_shares(table: pl.DataFrame, of: str) -> pl.DataFrame:
    """A table with the share of what is `toxic` among the column `of`, and its interval: null where there is none."""
    intervals = [wilson(toxic, every) or (None, None) for toxic, every in table.select("toxic", of).rows()]
    low, high = (pl.Series([interval[end] for interval in intervals], dtype=pl.Float64) for end in (0, 1))
    share = pl.when(pl.col(of) > 0).then(pl.col("toxic") / pl.col(of))
    rounded = (one.round(6) for one in (share, pl.lit(low), pl.lit(high)))
    return table.with_columns(
        value.alias(name) for name, value in zip(("toxic_share", "toxic_low", "toxic_high"), rounded, strict=True)
    )
