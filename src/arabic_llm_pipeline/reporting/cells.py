"""Rows of scores in their common shape, found by what they are of."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from arabic_llm_pipeline.reporting.measured import Bounds, Row
from arabic_llm_pipeline.reporting.view import ABSENT, interval

WHOLE = {"by": "all", "group": "all"}


def rows(scores: pl.DataFrame, **wanted: Any) -> Sequence[Row]:
    """Rows of `results.SCORES` whose columns have these values, in their order."""
    return scores.filter(*(pl.col(name) == value for name, value in wanted.items())).to_dicts()


def find(scores: pl.DataFrame, **wanted: Any) -> Row | None:
    """The first such row, over all items unless a group is asked for; None where there is none."""
    return next(iter(rows(scores, **({} if "by" in wanted else WHOLE), **wanted)), None)


def ends(row: Row | None) -> Bounds:
    """The ends of a row's interval, where it has one."""
    return None if row is None or row["low"] is None or row["high"] is None else (row["low"], row["high"])


def shown(row: Row | None, digits: int, factor: float = 1) -> str:
    """A score with its interval, or why there is none."""
    if row is None:
        return ABSENT
    if row["value"] is None:
        return str(row["why"] or ABSENT)
    around = ends(row)
    number = f"{factor * row['value']:,.{digits}f}"
    return f"{number} {interval(around, digits, factor)}" if around else number
