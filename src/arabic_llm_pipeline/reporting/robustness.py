"""Answers under noise: scores by its level, by its kind, and of the worst of several perturbations."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl
from matplotlib.figure import Figure as Drawn

from arabic_llm_pipeline.reporting import plots
from arabic_llm_pipeline.reporting.inputs import Inputs
from arabic_llm_pipeline.reporting.plots import Series
from arabic_llm_pipeline.reporting.style import MARKERS, SERIES, drawing, to_svg
from arabic_llm_pipeline.reporting.view import ABSENT, Block, Column, Figure, Table, count, decimal, interval, words

NOISE, KIND, WORST, MEAN = "noise", "kind", "worst", "mean_of_perturbations"
DIALECT = "noise, dialect"
LIKENESS, EXACT, CHOICE, CHANGE = "chrf++_to_clean", "exact_match", "choice_accuracy", "_change"
F1, REFERENCE = "f1_squad", "chrf_sentence"  # of questions on a text, and of free answers
TITLES = {
    EXACT: "right answers", CHOICE: "right choices", F1: "words shared with the right answer (F1)",
    REFERENCE: "likeness to the reference", LIKENESS: "likeness to the answer without noise",
}  # fmt: skip
PERCENT = {EXACT: 100.0, CHOICE: 100.0, F1: 100.0, REFERENCE: 1.0, LIKENESS: 1.0}  # chrF goes to 100 already
LABELS = {EXACT: "percent", CHOICE: "percent", F1: "percent", REFERENCE: "chrF", LIKENESS: "chrF++"}
JITTER = 0.008  # of the horizontal axis, so that intervals of candidates do not hide each other
INTRODUCTION = (
    "Noise is the share of words of a question that are altered as people alter them (docs/evaluation.md): by mistake, "
    "by habit, in another dialect or script. Words altered at one level are altered at every higher one."
)
PAPER = (
    "Of its Figure 6 the paper says: at noise 0.5 a semantic similarity score of 3.5 for the fine-tuned model, and of "
    "0 for its base. It gives neither the scale nor how noise was made, so these stand here and in no plot."
)
Row = Mapping[str, Any]


def blocks(inputs: Inputs) -> list[Block]:
    """The section's parts; what could not be measured says why."""
    tables = {name: table for name, table in inputs.of("robustness").items() if len(table)}
    whys = [f"{name}: {why}." for name, table in tables.items() for why in table["why"].drop_nulls().unique()]
    pairs = _pairs(tables)
    if not pairs:
        return [Block("", whys)] if whys else []
    by_level = [_level_figure(tables, *pair) for pair in pairs]
    by_kind = [found for pair in pairs if (found := _kind_figure(tables, *pair))]
    return [
        Block("", [INTRODUCTION, PAPER, *whys], by_level[:2], more=by_level[2:]),
        Block("By dialect", lists=list(_dialect_tables(tables, pairs))),
        Block("By kind of noise", figures=by_kind[:2], more=by_kind[2:]),
        Block("The worst of several perturbations", tables=[_worst_table(tables)]),
    ]


def levels(lines: Mapping[str, Sequence[Row]], factor: float, label: str, title: str) -> Drawn:
    """Values with their intervals over levels of noise, a line a candidate.

    Args:
        lines: rows of scores of each candidate, by rising level.
        factor: by which values are multiplied.
        label: unit of the vertical axis.
        title: what the plot shows.
    """
    with drawing(2.6) as (figure, (axes,)):
        for place, (name, rows) in enumerate(lines.items()):
            colour = SERIES[place % len(SERIES)]
            shift = JITTER * (place - (len(lines) - 1) / 2)
            x = [float(row["group"]) + shift for row in rows]
            axes.plot(
                x,
                [factor * row["value"] for row in rows],
                color=colour,
                marker=MARKERS[place % len(MARKERS)],
                label=name,
            )
            for at, row in zip(x, rows, strict=True):
                if row["low"] is not None:
                    axes.plot((at, at), (factor * row["low"], factor * row["high"]), color=colour, linewidth=1.2)
        figure.suptitle(title, x=0.01, ha="left", fontsize=9.5, fontweight="bold")
        axes.set(xlabel="noise: share of words altered", ylabel=label, ylim=(-3, 104))
        figure.legend(loc="outside lower center", ncols=min(3, len(lines)))
    return figure


def _pairs(tables: Mapping[str, pl.DataFrame]) -> list[tuple[str, str]]:
    """Sets and metrics that were measured by level, the task's before the likeness, in a stable order."""
    found = {
        (of, metric)
        for table in tables.values()
        for of, metric in table.filter(pl.col("value").is_not_null(), by=NOISE).select("set", "metric").rows()
    }
    return sorted(
        ((of, metric) for of, metric in found if metric in TITLES), key=lambda one: (one[0], [*TITLES].index(one[1]))
    )


def _rows(table: pl.DataFrame, of: str, metric: str, by: str) -> list[dict[str, Any]]:
    return list(table.filter(pl.col("value").is_not_null(), set=of, metric=metric, by=by).iter_rows(named=True))


def _level_figure(tables: Mapping[str, pl.DataFrame], of: str, metric: str) -> Figure:
    lines = {
        name: sorted(_rows(table, of, metric, NOISE), key=lambda row: float(row["group"]))
        for name, table in tables.items()
    }
    key = f"noise-{of}-{metric.replace('+', 'p')}"
    drawn = levels(lines, PERCENT[metric], LABELS[metric], f"{words(of)}: {TITLES[metric]}")
    caption = f"{TITLES[metric].capitalize()} of {words(of)} by noise, with 95% intervals ({_how(lines)})."
    return Figure(key, to_svg(drawn, key), caption, _table(caption, "Noise", lines, tables, metric, of, NOISE))


def _kind_figure(tables: Mapping[str, pl.DataFrame], of: str, metric: str) -> Figure | None:
    lines = {name: _rows(table, of, metric, KIND) for name, table in tables.items()}
    kinds = list(dict.fromkeys(row["group"] for rows in lines.values() for row in rows))
    if not kinds:
        return None
    factor, series = PERCENT[metric], []
    for name, rows in lines.items():
        found = {row["group"]: row for row in rows}
        values = [factor * found[kind]["value"] if kind in found else None for kind in kinds]
        bounds = [_bounds(found.get(kind), factor) for kind in kinds]
        series.append(Series(name, values, bounds))
    key = f"noise-kinds-{of}-{metric.replace('+', 'p')}"
    drawn = plots.dots(kinds, series, LABELS[metric], f"{words(of)}: {TITLES[metric]}")
    by = "by kind of noise, each alone"
    caption = f"{TITLES[metric].capitalize()} of {words(of)} {by}, with 95% intervals ({_how(lines)})."
    return Figure(key, to_svg(drawn, key), caption, _table(caption, "Kind", lines, tables, metric, of, KIND))


def _bounds(row: Row | None, factor: float) -> tuple[float, float] | None:
    return None if row is None or row["low"] is None else (factor * row["low"], factor * row["high"])


def _how(lines: Mapping[str, Sequence[Row]]) -> str:
    return next((str(row["interval"]) for rows in lines.values() for row in rows if row["interval"]), "none")


def _table(
    caption: str,
    first: str,
    lines: Mapping[str, Sequence[Row]],
    tables: Mapping[str, pl.DataFrame],
    metric: str,
    of: str,
    by: str,
) -> Table:
    names = (first, "Candidate", "Value", "95% interval", "Change from none", "95% interval", "Words altered", "Items")
    cells = []
    for name, rows in lines.items():
        changes = {row["group"]: row for row in _rows(tables[name], of, metric + CHANGE, by)}
        altered = {row["group"]: row for row in _rows(tables[name], of, "words_altered", by)}
        for row in rows:
            change = _change(changes.get(row["group"]), PERCENT[metric])
            share = decimal(100 * altered[row["group"]]["value"], 1)
            numbers = [*_cells(row, PERCENT[metric]), *change, f"{share}%", count(row["items"])]
            cells.append([row["group"], name, *numbers])
    return Table(caption, [Column(n, "text" if i < 2 else "number") for i, n in enumerate(names)], cells)


def _cells(row: Row, factor: float) -> list[str]:
    return [decimal(factor * row["value"], 1), interval((row["low"], row["high"]), 1, factor)]


def _with_interval(row: Row, factor: float) -> str:
    """A value with its interval in one cell; of a single item there is no interval."""
    return " ".join(cell for cell in _cells(row, factor) if cell != ABSENT)


def _change(row: Row | None, factor: float) -> list[str]:
    if row is None:
        return ["", ""]
    return [f"{factor * row['value']:+.1f}", interval((row["low"], row["high"]), 1, factor)]


def _worst_table(tables: Mapping[str, pl.DataFrame]) -> Table:
    """Of several perturbations of an item the worst, beside their mean."""
    names = ("Set", "Measure", "Candidate", "Noise", "Mean", "95% interval", "Worst", "95% interval", "Items")
    columns = [Column(n, "text" if i < 3 else "number") for i, n in enumerate(names)]
    return Table(
        "The same items, perturbed several times at one level: the mean of the scores, and the worst of each item's.",
        columns,
        list(_worst_rows(tables)),
    )


def _worst_rows(tables: Mapping[str, pl.DataFrame]) -> Iterator[list[str]]:
    for of, metric in _pairs(tables):
        for name, table in tables.items():
            means = {row["group"]: row for row in _rows(table, of, metric, MEAN)}
            for row in _rows(table, of, metric, WORST):
                both = [*_cells(means[row["group"]], PERCENT[metric]), *_cells(row, PERCENT[metric])]
                yield [words(of), TITLES[metric], name, row["group"], *both, count(row["items"])]


def _dialect_tables(tables: Mapping[str, pl.DataFrame], pairs: Sequence[tuple[str, str]]) -> Iterator[Table]:
    """A row a dialect and candidate, a column a level."""
    for of, metric in pairs:
        found = {
            (name, *row["group"].split(", ", 1)): row
            for name, table in tables.items()
            for row in _rows(table, of, metric, DIALECT)
        }
        levels = sorted({level for _, level, _ in found}, key=float)
        named = [Column("Dialect"), Column("Candidate"), Column("Items", "number")]
        columns = [*named, *(Column(f"Noise {level}", "number") for level in levels)]
        rows = [
            [dialect, name, count(found[name, levels[0], dialect]["items"])]
            + [_with_interval(found[name, level, dialect], PERCENT[metric]) for level in levels]
            for dialect in sorted({dialect for *_, dialect in found})
            for name in tables
            if all((name, level, dialect) in found for level in levels)
        ]
        caption = f"{TITLES[metric].capitalize()} of {words(of)} by dialect and noise, with 95% intervals."
        if rows:
            yield Table(caption, columns, rows)
