"""Two plots of choices: what is taken for what, and whether a model is as often right as it is sure."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from arabic_llm_pipeline.reporting.style import INK, MARKERS, MUTED, SERIES, drawing

CELL_IN, FRAME_IN = 0.3, 1.0
STRONGEST = 0.6  # opacity of a whole row's share: what is written on it stays legible


def confusion_plot(table: NDArray[np.int64], labels: Sequence[str], title: str) -> Figure:
    """A square for each pair of labels, the darker the larger its share of the row.

    Args:
        table: how often each label (row) was told as each (column).
        labels: their names.
        title: what the plot shows.
    """
    sums = table.sum(1, keepdims=True)
    shares = np.divide(table, sums, out=np.zeros(table.shape), where=sums > 0)
    with drawing(FRAME_IN + CELL_IN * len(labels)) as (figure, (axes,)):
        for (row, column), part in np.ndenumerate(shares):
            box = Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=SERIES[1], alpha=STRONGEST * part, linewidth=0)
            axes.add_patch(box)
            if table[row, column]:
                axes.text(column, row, f"{100 * part:.0f}", ha="center", va="center", fontsize=7.5, color=INK)
        places = range(len(labels))
        axes.set_xticks(places, labels, rotation=90 if len(labels) > 6 else 0)
        axes.set_yticks(places, labels)
        axes.set_xlim(-0.5, len(labels) - 0.5)
        axes.set_ylim(len(labels) - 0.5, -0.5)
        axes.grid(visible=False)
        axes.tick_params(length=0)
        axes.set(xlabel="told as", ylabel="right", title=title)
    return figure


def reliability_plot(lines: Mapping[str, Sequence[Mapping[str, Any]]]) -> Figure:
    """Confidence against the share that was right, and the line on which the two are equal.

    Args:
        lines: by candidate, rows as `evaluation.calibration.reliability` makes them.
    """
    with drawing(2.7) as (figure, (axes,)):
        axes.plot((0, 1), (0, 1), color=MUTED, linewidth=0.8, linestyle=(0, (4, 1.5)))
        for place, (name, rows) in enumerate(lines.items()):
            colour, marker = SERIES[place % len(SERIES)], MARKERS[place % len(MARKERS)]
            for row in rows:
                axes.plot((row["confidence"],) * 2, row["interval"], color=colour, linewidth=1.2, alpha=0.7)
            said, right = [row["confidence"] for row in rows], [row["accuracy"] for row in rows]
            axes.plot(said, right, color=colour, marker=marker, label=name, linewidth=0.8)
        axes.set(title="Right as often as it says?", xlabel="probability given to its choice", ylabel="share right")
        axes.set_xlim(0, 1.02)
        axes.set_ylim(0, 1.02)
        figure.legend(loc="outside lower center", ncols=min(4, len(lines)))
    return figure
