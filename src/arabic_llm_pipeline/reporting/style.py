"""The house style of plots, and a figure as SVG that takes its colours from the page."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

ABREAST = 3  # axes in a row; as many recipes have more stages
WIDTH_IN = 3.75  # 360 px: legible on a phone; wider screens get several beside each other
INK, MUTED, GRID, PAPER = "#1b2430", "#55606e", "#d5dae1", "#fefefe"
SERIES = ("#6b7280", "#1769aa", "#c2570c", "#2e7d32", "#7b3fa0", "#00796b", "#8d6e00", "#b3264a")
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "h")
ROLES = {INK: "ink", MUTED: "muted", GRID: "grid", PAPER: "paper"} | {c: f"c{i}" for i, c in enumerate(SERIES)}
STYLE: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib and has Arabic glyphs
    "font.size": 8.5,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "axes.linewidth": 0.7,
    "axes.formatter.limits": (-4, 6),
    "figure.facecolor": PAPER,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.4,
    "lines.markersize": 4.5,
    "hatch.linewidth": 0.5,
    "text.parse_math": False,  # a name with dollar signs is a name
}
SVG: Any = {"svg.fonttype": "path", "svg.hashsalt": "arabic-llm-pipeline"}  # outlines look alike on every machine
NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


@contextmanager
def drawing(height_in: float, columns: int = 1) -> Iterator[tuple[Figure, list[Axes]]]:
    """A figure of the house style with axes beside each other, in rows; the style holds within the block."""
    rows, abreast = -(-columns // ABREAST), min(columns, ABREAST)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH_IN * abreast, height_in * rows), layout="constrained")
        yield figure, [figure.add_subplot(rows, abreast, place) for place in range(1, columns + 1)]


def to_svg(figure: Figure, key: str) -> str:
    """The figure as an `svg` element to stand in a page: same figure, same bytes.

    Args:
        figure: what was drawn in the house style.
        key: unique in the page; ids inside the element start with it.
    """
    buffer = io.StringIO()
    with mpl.rc_context(STYLE | SVG):
        figure.savefig(buffer, format="svg", transparent=True, metadata=NO_METADATA)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>|<style.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:xlink)?="[^"]*"| (width|height)="[0-9.]+pt"', "", text).replace("xlink:href", "href")
    text = re.sub("#[0-9a-f]{6}\\b", lambda found: _role(found[0]), _own_ids(text, key))
    return re.sub(r"\s*\n\s*", "\n", text).strip()


def _role(colour: str) -> str:
    return f"var(--{ROLES[colour]})" if colour in ROLES else colour


def _own_ids(text: str, key: str) -> str:
    """Ids that something refers to become the page's own; the others go."""
    used = {*re.findall(r'href="#([^"]+)"', text), *re.findall(r"url\(#([^)]+)\)", text)}
    text = re.sub(r' id="([^"]+)"', lambda found: f' id="{key}-{found[1]}"' if found[1] in used else "", text)
    return re.sub(r'(href="#|url\(#)', rf"\g<1>{key}-", text)
