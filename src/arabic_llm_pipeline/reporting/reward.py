"""Reward models: whether they put the chosen answer first, and how far what they say can be relied on."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Plot

from arabic_llm_pipeline.reporting.inputs import Inputs
from arabic_llm_pipeline.reporting.measured import bounds, value
from arabic_llm_pipeline.reporting.style import INK, MARKERS, MUTED, SERIES, drawing, to_svg
from arabic_llm_pipeline.reporting.view import Block, Column, Figure, Table, count, decimal, interval, measured, share

ANSWERS = ("chosen", "rejected")
BINS = 24
NOTHING = 0.5  # the accuracy of one who knows nothing
Scores = Mapping[str, Any]


def rewards_plot(scores: Scores, details: pl.DataFrame) -> Plot:
    """Rewards of chosen and of rejected answers, and beside it how often the model is right by how sure it is."""
    with drawing(2.6, 2) as (figure, (left, right)):
        _distributions(left, details)
        _reliability(right, scores)
    return figure


def _distributions(axes: Axes, details: pl.DataFrame) -> None:
    rewards = {name: details.filter(pl.col("kind") == f"{name}_reward")["value"].to_numpy() for name in ANSWERS}
    every = np.concatenate(list(rewards.values()))
    axes.set_title("Rewards of held-out answers")
    axes.set_xlabel("reward")
    axes.set_ylabel("answers")
    if not len(every):
        axes.text(0.5, 0.5, "no held-out pairs", transform=axes.transAxes, ha="center", color=MUTED)
        return
    edges = np.histogram_bin_edges(every, BINS)
    for place, (name, values) in enumerate(rewards.items(), 1):
        heights, _ = np.histogram(values, edges)
        axes.stairs(heights, edges, color=SERIES[place], label=name, linewidth=1.4, fill=place == 1, alpha=0.75)
    axes.legend(loc="upper left")


def _reliability(axes: Axes, scores: Scores) -> None:
    bins = [row for row in scores.get("calibration", {}).get("bins", ()) if row["pairs"]]
    axes.plot((0.5, 1), (0.5, 1), color=MUTED, linewidth=0.8, linestyle=(0, (4, 1.5)))
    for row in bins:
        axes.plot((row["said"],) * 2, row["interval"], color=SERIES[1], linewidth=1.6, solid_capstyle="butt")
    axes.plot(
        [row["said"] for row in bins], [row["right"] for row in bins], linestyle="none", marker=MARKERS[0],
        color=SERIES[1], clip_on=False,
    )  # fmt: skip
    axes.set_title("Right as often as it says?")
    axes.set_xlabel("probability given to its choice")
    axes.set_ylabel("share that was right")
    axes.set_xlim(0.48, 1.02)
    axes.set_ylim(0, 1.04)
    axes.text(0.98, 0.86, "as it says", color=INK, fontsize=7, ha="right")


def blocks(inputs: Inputs) -> Iterator[Block]:
    """A block of the page for each reward model."""
    for name, (scores, details) in inputs.rewards.items():
        if not scores["pairs"]:
            yield Block(f"Reward model {name}", [f"Not measured: {scores['why']}."])
            continue
        key = f"reward-{name}".replace("_", "-")
        figure = Figure(key, to_svg(rewards_plot(scores, details), key), _caption(name, scores), _bins(scores))
        yield Block(f"Reward model {name}", [_text(scores)], [figure], lists=[_groups(scores)])


def _text(scores: Scores) -> str:
    length = scores["length"]
    along = length["correlation"]
    told = "" if along is None else f" Rank correlation of reward and length: {along:+.2f}."
    return (
        f"Of {count(scores['pairs'])} held-out pairs it puts the chosen answer first in "
        f"{measured(scores['accuracy'], bounds(scores))}; mean margin {decimal(scores['margin_mean'], 2)} "
        f"{interval(bounds(scores, 'margin_interval'), 2, 1)}, loss {decimal(scores['loss'])} (0.693 knows nothing). "
        f"Who always takes the longer answer is right in "
        f"{measured(length['longer_accuracy'], bounds(length, 'longer_interval'))}.{told}"
    )


def _caption(name: str, scores: Scores) -> str:
    return (
        f"{name} on held-out pairs. Left: its rewards. Right: the probability that it gives to its choice, sigmoid of "
        "the margin, against the share that was right, with 95% Wilson intervals; on the line it is as sure as it "
        f"should be. Mean distance from the line: {share(scores['calibration']['error'])}."
    )


def _bins(scores: Scores) -> Table:
    columns = [Column("It says"), *(Column(name, "number") for name in ("Pairs", "Said, mean", "Right"))]
    rows = []
    for row in scores["calibration"]["bins"]:
        between = f"{row['low']:.1f} to {row['high']:.1f}"
        rows.append([between, count(row["pairs"]), decimal(row["said"], 2), measured(row["right"], bounds(row))])
    return Table("By the probability that it gives to its choice", columns, rows)


def _groups(scores: Scores) -> Table:
    columns = [Column(""), Column("Group"), Column("Pairs", "number"), Column("Chosen answer first", "number")]
    rows = [
        [row["by"], row["group"] or "unknown", count(row["pairs"]), measured(row["accuracy"], bounds(row))]
        for row in scores["by"]
    ]
    return Table("Accuracy by source and dialect, with 95% Wilson interval", columns, rows, "By source and dialect")


def sentences(inputs: Inputs) -> Iterator[str]:
    """What was found, a sentence a reward model."""
    for name, (scores, _) in inputs.rewards.items():
        if scores["pairs"]:
            yield (
                f"{name} puts the chosen answer first in {measured(scores['accuracy'], bounds(scores))} of "
                f"{count(scores['pairs'])} held-out pairs."
            )


def short_of(inputs: Inputs) -> Iterator[str]:
    """Where a reward model is no better than chance, or than the length of answers."""
    for name, (scores, _) in inputs.rewards.items():
        around, length = bounds(scores), scores.get("length", {})
        if around is None:
            continue
        rule = max(NOTHING, value(length, "longer_accuracy") or 0, 1 - (value(length, "longer_accuracy") or 1))
        if around[0] <= rule:
            than = "chance" if rule == NOTHING else "the length of the answers"
            yield f"{name} tells chosen from rejected answers no better than {than} does ({share(rule)})."
