"""What people said about answers, as a plot."""

from collections.abc import Iterator

import polars as pl
from matplotlib.figure import Figure

from arabic_llm_pipeline.parameters.human import AXES
from arabic_llm_pipeline.recipes import chain_of
from arabic_llm_pipeline.reporting import plots
from arabic_llm_pipeline.reporting.cells import ends
from arabic_llm_pipeline.reporting.measured import ALL, Row, value
from arabic_llm_pipeline.reporting.plots import Series, percent, percents

PREFERRED = "_preferred"  # a metric of pairs: an axis, and this; one of scales is the axis alone
Group = tuple[str, str, str]  # axis, by, group


def human_plot(scores: pl.DataFrame) -> Figure:
    """Ratings, or preferences, of each axis over all answers and by dialect, with their intervals.

    Args:
        scores: rows of `evaluation.human.scores.HUMAN`.
    """
    pairs = scores["metric"].str.ends_with(PREFERRED).any()
    metric = PREFERRED if pairs else ""
    told = {_key(row, metric): row for row in _told(scores, metric)}
    groups = [one for axis in AXES for one in _of_axis(axis, told)]
    series = []
    for candidate, against in sorted({key[:2] for key in told}, key=lambda two: (len(chain_of(two[0])), two[0])):
        of = [told.get((candidate, against, one)) for one in groups]
        values, bounds = [value(row, "value") for row in of], [ends(row) for row in of]
        name = f"{candidate} over {against}" if pairs else candidate
        series.append(
            Series(name, [*map(percent, values)], [*map(percents, bounds)]) if pairs else Series(name, values, bounds)
        )
    if not series:
        return plots.dots(["all"], [Series("nothing was judged", [None], [None])], "", "What people said")
    label = "percent preferred, no difference counting half" if pairs else "mean rating, 1 is the worst"
    return plots.dots([_named(*one) for one in groups], series, label, f"What {_raters(told)} said")


def _told(scores: pl.DataFrame, metric: str) -> Iterator[Row]:
    wanted = scores.filter(
        pl.col("metric").is_in([f"{axis}{metric}" for axis in AXES]),
        pl.col("by").is_in([ALL, "dialect"]),
        pl.col("value").is_not_null(),
    )
    yield from wanted.iter_rows(named=True)


def _key(row: Row, metric: str) -> tuple[str, str, Group]:
    return row["candidate"], row["against"], (row["metric"].removesuffix(metric), row["by"], row["group"])


def _of_axis(axis: str, told: dict[tuple[str, str, Group], Row]) -> list[Group]:
    """Over all answers first, then by dialect."""
    found = {group for _, _, group in told if group[0] == axis}
    return sorted(found, key=lambda group: (group[1] != ALL, group))


def _named(axis: str, by: str, group: str) -> str:
    return axis if by == ALL else f"{axis}, {group}"


def _raters(told: dict[tuple[str, str, Group], Row]) -> str:
    count = max(row["raters"] for row in told.values())
    return "one rater" if count == 1 else f"{count} raters"
