"""The few kinds of plot that the report has: dots with intervals, stacked bars, curves."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter
from numpy.typing import ArrayLike, NDArray

from arabic_llm_pipeline.reporting.measured import Bounds
from arabic_llm_pipeline.reporting.style import GRID, INK, MARKERS, MUTED, PAPER, SERIES, drawing

DOT_IN, BAR_IN, FRAME_IN = 0.115, 0.3, 0.85  # height of a dot's row, of a bar's, and of all that is no row
LEGEND = 52  # characters that a line of a legend holds, with those for each mark
DOT_MARK, LINE_MARK = 3, 6  # characters that a mark takes
LONG = 16  # characters: a longer name takes too much of the plot's width
MOST_POINTS = 400  # a longer curve is drawn by the means of so many stretches
SMOOTH = 0.05  # width of the running mean, as share of the curve
DASHES = ("-", "-", (0, (4, 1.5)), (0, (1, 1)))
HATCHES = ("", "", "..", "////", "xxxx", "\\\\\\\\", "----", "++++")


@dataclass(frozen=True)
class Series:
    """Values of one candidate, a group each; a baseline is drawn hollow."""

    name: str
    values: Sequence[float | None]
    bounds: Sequence[Bounds]
    baseline: bool = False


def dots(groups: Sequence[str], series: Sequence[Series], label: str, title: str) -> Figure:
    """Values with their intervals, groups from top to bottom, series beside each other in each group.

    Args:
        groups: what stands at the left.
        series: one mark a group each.
        label: unit of the horizontal axis.
        title: what the plot shows, in a few words.
    """
    span = len(series) + 1
    with drawing(FRAME_IN + 0.15 * _lines([one.name for one in series]) + DOT_IN * len(groups) * span) as (
        figure,
        (axes,),
    ):
        for place, one in enumerate(series):
            _marks(axes, place, one, len(series))
        for band in range(0, len(groups), 2):
            axes.axhspan(span * band - 1, span * (band + 1) - 1, color=GRID, alpha=0.25, linewidth=0)
        axes.set_yticks([span * i + (len(series) - 1) / 2 for i in range(len(groups))], [_wrapped(g) for g in groups])
        axes.set_ylim(span * len(groups) - 1, -1)
        _titles(figure, axes, title, label)
        figure.legend(
            loc="outside lower center",
            ncols=_columns([one.name for one in series]),
            handletextpad=0.3,
            columnspacing=1.2,
        )
    return figure


def _columns(names: Collection[str], mark: int = DOT_MARK) -> int:
    """Columns of a legend: long names need more of the width."""
    longest = max(map(len, names), default=0)
    return max(1, min(4, len(names), LEGEND // (longest + mark)))


def _lines(names: Collection[str], mark: int = DOT_MARK) -> int:
    return -(-len(names) // _columns(names, mark))


def _line_legend(figure: Figure, names: Collection[str]) -> None:
    """The legend of lines, whose marks are wider than dots, below all that is drawn."""
    figure.legend(loc="outside lower center", ncols=_columns(names, LINE_MARK), columnspacing=1.2)


def _marks(axes: Axes, place: int, series: Series, total: int) -> None:
    colour = SERIES[place % len(SERIES)]
    there = [(i, value) for i, value in enumerate(series.values) if value is not None]
    rows = [i * (total + 1) + place for i, _ in there]
    for row, (i, _) in zip(rows, there, strict=True):
        if bounds := series.bounds[i]:
            axes.plot(bounds, (row, row), color=colour, linewidth=1.6, solid_capstyle="butt")
    axes.plot(
        [value for _, value in there], rows, linestyle="none", marker=MARKERS[place % len(MARKERS)], color=colour,
        markerfacecolor=PAPER if series.baseline else colour, label=series.name, clip_on=False, zorder=3,
    )  # fmt: skip


def stacked(rows: Sequence[str], parts: Mapping[str, Sequence[float]], label: str, title: str) -> Figure:
    """Horizontal bars, each of several parts; parts differ in colour and hatch.

    Args:
        rows: names of the bars.
        parts: name of a part -> its length in each bar.
        label: unit of the horizontal axis.
        title: what the plot shows, in a few words.
    """
    with drawing(FRAME_IN + 0.15 * ((len(parts) + 2) // 3) + BAR_IN * max(1, len(rows))) as (figure, (axes,)):
        left = np.zeros(len(rows))
        for place, (name, lengths) in enumerate(parts.items()):
            colour, hatch = SERIES[(place + 1) % len(SERIES)], HATCHES[(place + 1) % len(HATCHES)]
            bars = axes.barh(range(len(rows)), lengths, left=left, height=0.62, color=colour, label=name, hatch=hatch)
            for bar in bars:
                bar.set(edgecolor=PAPER, linewidth=0.5)
            left += np.asarray(lengths, dtype=float)
        axes.set_yticks(range(len(rows)), [_wrapped(row) for row in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        _titles(figure, axes, title, label)
        if parts:
            figure.legend(loc="outside lower center", ncols=min(3, len(parts)), handlelength=1.2, columnspacing=1.0)
    return figure


def histogram(edges: Sequence[float], heights: Sequence[int], line: float, title: str, label: str) -> Figure:
    """Bars between edges, and an upright line with its value: where a limit lies.

    Args:
        edges: bounds of the bars, one more than there are bars.
        heights: of the bars.
        line: where the limit is.
        title: what the plot shows.
        label: of the horizontal axis.
    """
    with drawing(1.9) as (figure, (axes,)):
        axes.stairs(heights, edges, fill=True, color=SERIES[1])
        if edges[0] > 0:  # each bar is twice as wide as the one before
            axes.set_xscale("log")
        axes.axvline(line, color=INK, linewidth=1.2, linestyle=DASHES[2])
        axes.set_ylim(0, 1.15 * max(1, *heights))  # room for the number above the bars
        axes.annotate(f" {line:g}", (line, 1), xycoords=("data", "axes fraction"), va="top", fontsize=8, color=INK)
        axes.set_ylabel("texts")
        axes.margins(x=0)
        _titles(figure, axes, title, label)
        axes.grid(visible=True, axis="y")
    return figure


def curves(steps: ArrayLike, lines: Mapping[str, ArrayLike], title: str, *, smooth: bool) -> Figure:
    """One or more measures over the steps of a training.

    Args:
        steps: the horizontal axis.
        lines: name -> values, one a step; NaN where there is none.
        title: what the plot shows, with its unit.
        smooth: draw each value faint and their running mean strong.
    """
    with drawing(2.25) as (figure, (axes,)):
        for place, (name, values) in enumerate(lines.items(), start=1):
            _curve(axes, np.asarray(steps, dtype=float), np.asarray(values, dtype=float), place, name, smooth=smooth)
        _titles(figure, axes, title, "step")
        axes.grid(visible=True, axis="y")
        axes.margins(x=0.02)
        if len(lines) > 1:
            _line_legend(figure, lines)
    return figure


def powers(lines: Mapping[str, tuple[Sequence[float], Sequence[float]]], title: str, across: str, up: str) -> Figure:
    """Lines over a scale of powers of two.

    Args:
        lines: name -> places and values.
        title: what the plot shows.
        across: label of the horizontal axis.
        up: label of the vertical axis.
    """
    with drawing(2.25 + 0.15 * _lines(lines, LINE_MARK)) as (figure, (axes,)):
        for place, (name, (places, values)) in enumerate(lines.items()):
            colour, marker = SERIES[place % len(SERIES)], MARKERS[place % len(MARKERS)]
            axes.plot(places, values, color=colour, marker=marker, linestyle=DASHES[place % len(DASHES)], label=name)
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        _titles(figure, axes, title, across)
        axes.set_ylabel(up)
        axes.grid(visible=True, axis="y")
        _line_legend(figure, lines)
    return figure


def panels(lines: Sequence[tuple[str, ArrayLike, ArrayLike]], label: str) -> Figure:
    """Curves beside each other, each with axes of its own.

    Args:
        lines: title, steps, values of each.
        label: unit of the vertical axes.
    """
    with drawing(2.35, len(lines)) as (figure, beside):
        for one, (title, steps, values) in zip(beside, lines, strict=True):
            _curve(one, np.asarray(steps, dtype=float), np.asarray(values, dtype=float), 1, title, smooth=True)
            one.set(title=title, xlabel="step", ylabel=label)
    return figure


def overlaid(lines: Mapping[str, tuple[ArrayLike, ArrayLike]], title: str) -> Figure:
    """One measure of several trainings in one plot, each over its own steps.

    Args:
        lines: name -> steps and values.
        title: what the plot shows.
    """
    with drawing(2.25) as (figure, (axes,)):
        for place, (name, (steps, values)) in enumerate(lines.items(), start=1):
            _curve(axes, np.asarray(steps, dtype=float), np.asarray(values, dtype=float), place, name, smooth=True)
        _titles(figure, axes, title, "step")
        axes.grid(visible=True, axis="y")
        axes.margins(x=0.02)
        if len(lines) > 1:
            _line_legend(figure, lines)
    return figure


def scatter(points: Mapping[str, tuple[float, float, bool]], across: str, upward: str, title: str) -> Figure:
    """Points with their names in a legend; those on a front are full and joined, the others hollow.

    Args:
        points: name -> across, upward, whether it is on the front.
        across: of the horizontal axis.
        upward: of the vertical axis.
        title: what the plot shows.
    """
    with drawing(2.5 + 0.15 * (-(-len(points) // 2))) as (figure, (axes,)):
        front = sorted((x, y) for x, y, on in points.values() if on)
        axes.plot([x for x, _ in front], [y for _, y in front], color=MUTED, linewidth=0.9, linestyle=DASHES[2])
        for place, (name, (x, y, on)) in enumerate(points.items(), start=1):
            colour = SERIES[place % len(SERIES)]
            axes.plot(
                [x], [y], linestyle="none", marker=MARKERS[place % len(MARKERS)], color=colour, label=name,
                markerfacecolor=colour if on else PAPER, clip_on=False, zorder=3,
            )  # fmt: skip
        _titles(figure, axes, title, across)
        axes.set_ylabel(upward)
        axes.grid(visible=True, axis="both")
        axes.margins(0.08)
        figure.legend(loc="outside lower center", ncols=2, handletextpad=0.3, columnspacing=1.2)
    return figure


def _curve(axes: Axes, steps: NDArray[Any], values: NDArray[Any], place: int, name: str, *, smooth: bool) -> None:
    there = np.isfinite(values)
    steps, values = thinned(steps[there], MOST_POINTS), thinned(values[there], MOST_POINTS)
    width, colour = max(1, int(len(values) * SMOOTH)) if smooth else 1, SERIES[place % len(SERIES)]
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if width > 1:
        axes.plot(steps, values, color=colour, alpha=0.35, linewidth=0.8)
    line = running_mean(values, width)
    axes.plot(
        steps,
        line,
        color=colour,
        label=name,
        linestyle=DASHES[place % len(DASHES)],
        marker="" if len(line) > 1 else "o",
    )


def thinned(values: NDArray[Any], most: int) -> NDArray[Any]:
    """Means of at most so many stretches of equal length (the values themselves, where there are no more)."""
    if len(values) <= most:
        return values
    edges = np.linspace(0, len(values), most + 1).astype(int)
    return np.array([values[start:end].mean() for start, end in pairwise(edges)])


def running_mean(values: NDArray[Any], width: int) -> NDArray[Any]:
    """The mean of each value and its neighbours: an odd number of them, `width` or one more, fewer at the ends."""
    if width <= 1:
        return values
    sums = np.cumsum(np.concatenate([[0.0], values]))
    places = np.arange(len(values))
    starts, ends = np.maximum(0, places - width // 2), np.minimum(len(values), places + width // 2 + 1)
    return (sums[ends] - sums[starts]) / (ends - starts)


def _titles(figure: Figure, axes: Axes, title: str, label: str) -> None:
    """The title stands over the whole figure: over the axes alone it would be cut off at the left."""
    figure.suptitle(title, x=0.01, ha="left", fontsize=9.5, fontweight="bold", color=INK)
    axes.set_xlabel(label)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.spines["bottom"].set_color(MUTED)
    axes.spines["left"].set_color(GRID)


def _wrapped(name: str) -> str:
    """A long name on two lines, broken at a space or underscore near its middle."""
    if len(name) <= LONG:
        return name
    middle = len(name) // 2
    breaks = sorted((abs(i - middle), i) for i, letter in enumerate(name) if letter in " _")
    return f"{name[: breaks[0][1] + 1].rstrip()}\n{name[breaks[0][1] + 1 :]}" if breaks else name


def percent(number: float | None) -> float | None:
    """A share as percent, where there is one."""
    return None if number is None else 100 * number


def percents(found: Bounds) -> Bounds:
    """An interval of a share as percent, where there is one."""
    return found and (100 * found[0], 100 * found[1])
