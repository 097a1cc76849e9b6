"""Plots: what is drawn is what was given, the same bytes each time."""

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arabic_llm_pipeline.reporting import plots, style
from arabic_llm_pipeline.reporting.plots import Series

NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60)


@given(NUMBERS, st.integers(1, 80))
def test_running_mean_against_the_slow_way(values: list[float], width: int) -> None:
    slow = [np.mean(values[max(0, i - width // 2) : i + width // 2 + 1]) for i in range(len(values))]
    assert plots.running_mean(np.array(values), width) == pytest.approx(slow, abs=1e-6)


@given(NUMBERS, st.integers(1, 20))
def test_thinned_keeps_the_mean_and_the_ends(values: list[float], most: int) -> None:
    found = plots.thinned(np.array(values), most)
    assert len(found) == min(len(values), most)
    assert min(values) - 1e-6 <= found.min() <= found.max() <= max(values) + 1e-6
    if len(values) % len(found) == 0:
        assert found.mean() == pytest.approx(np.mean(values), abs=1e-5)


def bars(name: str = "documents") -> str:
    return style.to_svg(plots.stacked(["a", "b"], {name: [3, 4], "pairs": [1, 0]}, "records", "Title"), "key")


def test_svg_is_the_same_each_time_and_well_formed() -> None:
    assert bars() == bars()
    ET.fromstring(bars())


def test_ids_belong_to_the_plot() -> None:
    found = re.findall(r' id="([^"]+)"', bars())
    assert found
    assert all(name.startswith("key-") for name in found)
    assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', bars())) <= set(found)


@pytest.mark.parametrize("name", ["a$b$c", "$\\frac{", "<b>&amp;--></b>", "مفرد وجمع", "x" * 300, ""])
def test_any_name_can_be_drawn(name: str) -> None:
    """Names come from data: no TeX is read into them, and no mark-up out of them."""
    ET.fromstring(bars(name))
    if name:
        assert name not in bars(name)  # outlines, no text


def test_bars_are_as_long_as_their_numbers() -> None:
    figure = plots.stacked(["a", "b"], {"x": [3, 4], "y": [1, 6]}, "records", "Title")
    boxes = [(box.get_x(), box.get_width(), box.get_y()) for box in figure.axes[0].patches]
    assert [(left, width) for left, width, _ in boxes] == [(0, 3), (0, 4), (3, 1), (4, 6)]


def test_dots_show_values_with_their_intervals_and_leave_gaps() -> None:
    series = [
        Series("sft", [10.0, None], [(5.0, 15.0), None]),
        Series("baseline", [20.0, 30.0], [None, (25.0, 35.0)], baseline=True),
    ]
    axes = plots.dots(["a", "b"], series, "percent", "Title").axes[0]
    lines = [list(line.get_xdata()) for line in axes.lines]
    assert lines == [[5.0, 15.0], [10.0], [25.0, 35.0], [20.0, 30.0]]
    assert axes.lines[1].get_markerfacecolor() != axes.lines[3].get_markerfacecolor()


def test_curves_leave_out_what_is_no_number() -> None:
    figure = plots.curves([1, 2, 3], {"loss": [1.0, float("nan"), 3.0]}, "Loss", smooth=False)
    line = figure.axes[0].lines[0]
    assert list(line.get_xdata()) == [1, 3]
    assert list(line.get_ydata()) == [1.0, 3.0]


def test_panels_draw_each_line_in_axes_of_its_own() -> None:
    figure = plots.panels([("sft", [1, 2], [3.0, 2.0]), ("sft_dpo", [1, 2], [0.7, 0.2])], "loss")
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["sft", "sft_dpo"]
    assert [list(axes.lines[-1].get_ydata()) for axes in figure.axes] == [[3.0, 2.0], [0.7, 0.2]]


@pytest.mark.parametrize(
    "names",
    [
        ["base", "sft, adapter", "sft, merged", "sft_dpo, adapter", "sft_dpo, merged"],
        ["a", "b", "c"],
        ["a name that is longer than most names of candidates are"] * 2,
    ],
)
def test_the_legend_of_lines_lies_within_the_plot_and_powers_are_whole(names: list[str]) -> None:
    lines = {f"{name}{i or ''}": ([1, 2, 4], [20.0, 40.0, 60.0]) for i, name in enumerate(names)}
    figure = plots.powers(lines, "Tokens written", "prompts at once", "tokens a second")
    figure.draw_without_rendering()
    box = figure.legends[0].get_window_extent()
    assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
    ticks = {label.get_text() for label in figure.axes[0].get_xticklabels()}
    assert {"1", "2", "4"} <= ticks


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(a: str, b: str) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.fixture(scope="module")
def themes() -> list[dict[str, str]]:
    from importlib.resources import files

    css = (files("arabic_llm_pipeline.reporting") / "templates/style.css").read_text(encoding="utf-8")
    return [
        dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block))
        for block in re.findall(r":root \{(.*?)\}", css, re.DOTALL)[:2]
    ]


def test_text_has_the_contrast_of_wcag_aa_in_both_themes(themes: list[dict[str, str]]) -> None:
    for theme in themes:
        for ground in ("paper", "panel"):
            for ink in ("ink", "muted", "accent", "good", "bad"):
                assert contrast(theme[ink], theme[ground]) >= 4.5, (ink, ground)
        for place in range(len(style.SERIES)):
            assert contrast(theme[f"c{place}"], theme["paper"]) >= 3
        assert contrast(theme["ink"], theme["removed"]) >= 4.5
        assert contrast(theme["ink"], theme["added"]) >= 4.5


def test_the_light_theme_has_the_colours_of_the_plots(themes: list[dict[str, str]]) -> None:
    assert [themes[0][f"c{place}"] for place in range(len(style.SERIES))] == list(style.SERIES)
    assert (themes[0]["ink"], themes[0]["muted"], themes[0]["grid"]) == (style.INK, style.MUTED, style.GRID)
