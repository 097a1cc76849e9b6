"""What a score costs: fronts against memory and time, methods side by side, the Performance-Efficiency Score."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from arabic_llm_pipeline.evaluation.efficiency import in_gigabytes
from arabic_llm_pipeline.parameters.compare import CompareSettings
from arabic_llm_pipeline.reporting import plots
from arabic_llm_pipeline.reporting.style import to_svg
from arabic_llm_pipeline.reporting.view import (
    ABSENT,
    Block,
    Column,
    Figure,
    Table,
    count,
    decimal,
    duration,
    listed,
    short,
    words,
)

COSTS = {
    "memory_mb": ("memory", "most memory of training, MB"),
    "seconds": ("time", "training of all its stages, s"),
}
Row = Mapping[str, Any]


def blocks(rows: Sequence[Row], settings: CompareSettings) -> Iterator[Block]:
    """The parts; none where nothing was trained."""
    trained = [row for row in rows if row["method"] is not None]
    if not trained:
        return
    figures = [figure for key in COSTS if (figure := _front(trained, key, settings))]
    text = (
        "On the front is a run that no other beats: none has at least its score at no more cost. Time is that of the "
        "machine it was trained on, memory that of the device, or of the process where there is none."
    )
    yield Block("Score against memory and time", [text], figures)
    yield Block("Methods side by side", [_equal(trained)], tables=[_methods(trained, settings)])
    yield Block("Performance-Efficiency Score", _told(settings), tables=[_efficiency(trained, settings)])


def _front(rows: Sequence[Row], key: str, settings: CompareSettings) -> Figure | None:
    known = [row for row in rows if row[key] is not None and row["score"] is not None]
    if not known:
        return None
    name, label = COSTS[key]
    points = {row["run"]: (float(row[key]), float(row["score"]), bool(row[f"pareto_{key}"])) for row in known}
    plot = plots.scatter(points, label, words(settings.score.replace("/", " ")), f"Score against {name}")
    columns = [Column("Run"), Column(label.capitalize(), "number"), Column("Score", "number"), Column("On the front")]
    cells = [[run, short(cost), decimal(score), "yes" if on else "no"] for run, (cost, score, on) in points.items()]
    caption = f"Score ({settings.score}) against {label}. Full marks are on the front; the line joins them."
    svg = to_svg(plot, f"front-{name}")
    return Figure(f"front-{name}", svg, caption, Table(f"Score against {name}", columns, cells))


def _equal(rows: Sequence[Row]) -> str:
    samples = {row["samples"] for row in rows}
    if len(samples) == 1:
        return "The last stage of every run was trained on the same number of samples."
    told = listed(f"{row['run']} {count(row['samples'])}" for row in rows)
    return f"Trained on different numbers of samples, so that times and scores are not of equal data: {told}."


def _methods(rows: Sequence[Row], settings: CompareSettings) -> Table:
    heads = ("Run", "Method", "Samples", "Epochs", "Time", "Last loss", "Peak memory, MB", "Held-out score",
             "First token, ms", "Efficiency")  # fmt: skip
    columns = [Column(name, "number" if place > 1 else "text") for place, name in enumerate(heads)]
    cells = [
        [
            row["run"], row["method"], count(row["samples"]), decimal(row["epochs"], 2), duration(row["stage_seconds"]),
            decimal(row["loss"]), _memory(row), decimal(row["score"]), _latency(row["latency"]),
            short(row["samples_per_second"]),
        ]
        for row in rows
    ]  # fmt: skip
    caption = (
        f"The last stage of each run. Held-out score: {settings.score}. Efficiency: samples times epochs over the "
        "seconds of training. First token: latency of one prompt at a time, where speed was measured (speed)."
    )
    return Table(caption, columns, cells)


def _memory(row: Row) -> str:
    return ABSENT if row["memory_mb"] is None else f"{count(row['memory_mb'])} ({row['memory_of']})"


def _latency(value: float | None) -> str:
    return "not measured" if value is None else decimal(value, 1)


def _told(settings: CompareSettings) -> list[str]:
    weights = listed(f"{name} {weight:g}" for name, weight in settings.weights.items())
    return [
        "Weighted mean of scores over log P times log V: P all parameters in millions, not the trained ones alone, V "
        f"the most gigabytes (10^9 bytes) of memory. Logarithms to base {settings.log_base}, as the paper names none; "
        f"weights: {weights}. It is compared within one base and one set of weights only, and not computed where V is "
        "1 GB or less: there log V is not above 0, and a better score would count as worse."
    ]


def _efficiency(rows: Sequence[Row], settings: CompareSettings) -> Table:
    heads = ("Run", "P, millions", "Trained, millions", "V, GB", "Score", "Why not")
    columns = [Column(name, "number" if 0 < place < 5 else "text") for place, name in enumerate(heads)]
    cells = [
        [
            row["run"], _millions(row["parameters"]), _millions(row["trainable_parameters"]),
            ABSENT if row["memory_mb"] is None else f"{in_gigabytes(row['memory_mb']):.2f}",
            decimal(row["performance_efficiency"], 4), row["performance_efficiency_why"] or "",
        ]
        for row in rows
    ]  # fmt: skip
    return Table(f"Performance-Efficiency Score, base {settings.log_base}", columns, cells)


def _millions(number: float | None) -> str:
    return ABSENT if number is None else decimal(number / 1e6, 2)
