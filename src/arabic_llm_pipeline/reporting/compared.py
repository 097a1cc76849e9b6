"""The page of runs side by side: what differs in their settings, scores with paired tests, curves, cost."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from arabic_llm_pipeline.evaluation.results import ALL
from arabic_llm_pipeline.evaluation.runs import Run, pairs
from arabic_llm_pipeline.parameters.compare import CompareSettings
from arabic_llm_pipeline.recipes import chain_of
from arabic_llm_pipeline.reporting import compared_cost, plots
from arabic_llm_pipeline.reporting.metrics import called
from arabic_llm_pipeline.reporting.page import Section, filled
from arabic_llm_pipeline.reporting.plots import Series
from arabic_llm_pipeline.reporting.style import to_svg
from arabic_llm_pipeline.reporting.view import (
    ABSENT,
    Block,
    Column,
    Figure,
    Table,
    count,
    decimal,
    flat,
    interval,
    listed,
    probability,
    words,
)

SIGNIFICANT = 0.05
METRICS = 14  # in a figure: so many rows of dots can be read on a phone
NOT_COUNTED = ("experiment", "compare")  # parameters that say what is looked at, not how it was made


@dataclass(frozen=True)
class Compared:
    """What the page is made from."""

    runs: Sequence[Run]
    experiments: Mapping[str, Mapping[str, Any]]
    tests: Sequence[Mapping[str, Any]]  # rows of `paired.PAIRED`
    rows: Sequence[Mapping[str, Any]]  # of `runs.rows`
    settings: CompareSettings


def render(compared: Compared) -> str:
    """One HTML page that needs nothing else."""
    made: Sequence[tuple[str, str, Callable[[Compared], Iterator[Block]]]] = (
        ("settings", "Settings that differ", settings),
        ("scores", "Scores", scores),
        ("tests", "Paired tests", tests),
        ("curves", "Training curves", curves),
        ("cost", "What a score costs", cost),
        ("origins", "Where it was made", origins),
    )
    sections = [Section(key, title, blocks) for key, title, say in made if (blocks := list(say(compared)))]
    return filled("compared.html", title=title(compared), sections=sections, **summary(compared))


def title(compared: Compared) -> str:
    """What stands over the page."""
    return f"{len(compared.runs)} runs of {listed(compared.experiments)}"


def summary(compared: Compared) -> dict[str, Any]:
    """Asked, done and found in words."""
    told = [row for row in compared.tests if row.get("p_holm") is not None and row["p_holm"] < SIGNIFICANT]
    tested = [row for row in compared.tests if row.get("p") is not None]
    main = [row for row in tested if f"{row['measure']}/{row['metric']}" == compared.settings.score]
    return {
        "asked": f"How do {listed(run.name for run in compared.runs)} differ: in settings, scores and cost?",
        "done": [
            "Nothing was trained or scored for this page: it reads what the runs left.",
            f"{count(len(tested))} paired tests on the items that both of two runs were asked; p is corrected for all "
            f"of a metric (Holm). {count(len(told))} differences are more than chance.",
        ],
        "found": [_sentence(row) for row in main],
    }


def _sentence(row: Mapping[str, Any]) -> str:
    what, around = words(f"{row['measure']} {row['metric']}"), interval((row["low"], row["high"]), 3, 1)
    if row["p_holm"] >= SIGNIFICANT:
        return f"{row['a']} and {row['b']} are not told apart by {what} ({row['difference']:+.3f} {around})."
    higher = "higher" if row["difference"] > 0 else "lower"
    return f"{row['b']} is {higher} than {row['a']} by {what}: {row['difference']:+.3f} {around}."


def settings(compared: Compared) -> Iterator[Block]:
    """Parameters whose values are not the same in all experiments, and the chains of the runs."""
    chains = [
        [run.name, run.experiment, " then ".join(chain_of(run.candidate)) or "as it came"] for run in compared.runs
    ]
    columns = [Column("Run"), Column("Experiment"), Column("Trained by")]
    yield Block(tables=[Table("The runs", columns, chains)])
    names = list(compared.experiments)
    told = {name: dict(flat(_parameters(compared.experiments[name]))) for name in names}
    every = dict.fromkeys(key for values in told.values() for key in values)
    rows = [[key, *(values.get(key, ABSENT) for values in told.values())] for key in every]
    differ = [row for row in rows if len(set(row[1:])) > 1]
    if len(names) == 1:
        yield Block(text=["All runs are of one experiment: they share every setting but their methods'."])
    else:
        heads = [Column("Parameter", "code"), *(Column(name, "code") for name in names)]
        caption = f"{len(differ)} of {len(rows)} parameters differ; {ABSENT}: what the experiment left does not use it."
        yield Block(tables=[Table(caption, heads, differ)])


def _parameters(experiment: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in experiment["parameters"].items() if name not in NOT_COUNTED}


def scores(compared: Compared) -> Iterator[Block]:
    """A figure a measure, with all of its numbers."""
    every = pl.concat([run.scores.with_columns(run=pl.lit(run.name)) for run in compared.runs])
    for (measure,), rows in every.group_by("measure", maintain_order=True):
        name, title = str(measure), words(str(measure)).capitalize()
        if rows.filter(by=ALL)["value"].is_not_null().any():
            yield Block(title, figures=[_figure(compared, name, rows)])
        else:
            yield Block(title, ["No score over all items: the table says why."], tables=[_numbers(name, rows)])


def _figure(compared: Compared, measure: str, rows: pl.DataFrame) -> Figure:
    overall = rows.filter(by=ALL)
    keys = overall.select("set", "metric").unique(maintain_order=True).rows()
    cells = {(row["run"], row["set"], row["metric"]): row for row in overall.iter_rows(named=True)}
    shown = [key for key in keys if any(_of(cells, run, key, "value") is not None for run in compared.runs)][:METRICS]
    series = [
        Series(
            run.name,
            [_of(cells, run, key, "value") for key in shown],
            [_bounds(cells.get((run.name, *key))) for key in shown],
        )
        for run in compared.runs
    ]
    one_set = len({of for of, _ in keys}) == 1
    groups = [called(metric) if one_set else f"{words(of)} {called(metric)}" for of, metric in shown]
    key = f"scores-{measure}".replace("_", "-")
    caption = f"{words(measure).capitalize()}: scores over all items, with 95% intervals where they are known."
    if len(shown) < len(keys):
        caption += f" The first {len(shown)} of {len(keys)} metrics that have a value; the table has all."
    svg = to_svg(plots.dots(groups, series, "score", words(measure).capitalize()), key)
    return Figure(key, svg, caption, _numbers(measure, rows))


def _of(cells: Mapping[Any, Mapping[str, Any]], run: Run, key: tuple[str, str], name: str) -> Any:
    return cells.get((run.name, *key), {}).get(name)


def _bounds(row: Mapping[str, Any] | None) -> tuple[float, float] | None:
    return None if not row or row["low"] is None or row["high"] is None else (row["low"], row["high"])


def _numbers(measure: str, rows: pl.DataFrame) -> Table:
    heads = ("Run", "Set", "Group", "Metric", "Score", "95% interval", "Items", "Seen in training")
    columns = [Column(name, "number" if place > 3 else "text") for place, name in enumerate(heads)]
    cells = []
    for row in rows.iter_rows(named=True):
        value = decimal(row["value"], 3) if row["value"] is not None else row["why"] or ABSENT
        seen = ABSENT if row["seen"] is None else f"{100 * row['seen']:.1f}%"
        around = interval((row["low"], row["high"]), 3, 1)
        names = [row["run"], row["set"], row["group"], called(row["metric"])]
        cells.append([*names, value, around, count(row["items"]), seen])
    return Table(f"All scores of {words(measure)}", columns, cells)


def tests(compared: Compared) -> Iterator[Block]:
    """Those that tell two runs apart; all of them, folded."""
    told = [row for row in compared.tests if row.get("p_holm") is not None and row["p_holm"] < SIGNIFICANT]
    told = sorted(told, key=lambda row: (row["p_holm"], -abs(row["difference"])))
    caption = "Differences that are more than chance, after correction for the number of tests of the metric (Holm)"
    everything = _tests(f"All {len(compared.tests)} tests", compared.tests)
    tested = {(row["a"], row["b"]) for row in compared.tests}
    apart = [f"{a} and {b}" for a, b in pairs(compared.runs) if (a, b) not in tested]
    text = [f"Not tested, as they were asked no item in common: {listed(apart)}."] if apart else []
    yield Block(text=text, tables=[_tests(caption, told)], lists=[everything])


def _tests(caption: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    heads = ("Measure", "Set", "Metric", "From", "To", "Difference", "95% interval", "p (Holm)", "Items", "Test")
    columns = [Column(name, "number" if 4 < place < 9 else "text") for place, name in enumerate(heads)]
    cells = []
    for row in rows:
        difference = f"{row['difference']:+.3f}"
        around, p = interval((row["low"], row["high"]), 3, 1), probability(row["p_holm"])
        names = [words(row["measure"]), row["set"], called(row["metric"]), row["a"], row["b"]]
        cells.append([*names, difference, around, p, count(row["items"]), row["test"] or ABSENT])
    return Table(caption, columns, cells)


def curves(compared: Compared) -> Iterator[Block]:
    """The loss of each stage, of all runs that have it, in one plot."""
    stages = dict.fromkeys(stage for run in compared.runs for stage in run.logs)
    figures = [_curve(compared, stage) for stage in stages]
    if figures:
        text = "Losses of one method compare; those of different methods are different quantities."
        yield Block(text=[text], figures=figures)


def _curve(compared: Compared, stage: str) -> Figure:
    logs = {run.experiment: run.logs[stage] for run in compared.runs if stage in run.logs}
    lines = {name: (log["step"].to_numpy(), log["loss"].cast(pl.Float64).to_numpy()) for name, log in logs.items()}
    key = f"curve-{stage}".replace("_", "-")
    svg = to_svg(plots.overlaid(lines, f"Loss of {stage}"), key)
    rows = [[name, count(len(log)), *(decimal(value) for value in _ends(log))] for name, log in logs.items()]
    columns = [Column("Experiment"), *(Column(name, "number") for name in ("Steps", "First tenth", "Last tenth"))]
    numbers = Table(f"Loss of {stage}: medians of the first and the last tenth of the steps", columns, rows)
    caption = f"Loss of {stage} by step. The line is the running mean over {plots.SMOOTH:.0%} of the steps."
    return Figure(key, svg, caption, numbers)


def _ends(log: pl.DataFrame) -> tuple[float | None, float | None]:
    losses = log["loss"].drop_nulls()
    tenth = max(1, len(losses) // 10)
    first, last = losses.head(tenth).median(), losses.tail(tenth).median()
    return first, last  # type: ignore[return-value]


def cost(compared: Compared) -> Iterator[Block]:
    """Score against memory and time, methods side by side, the Performance-Efficiency Score."""
    yield from compared_cost.blocks(compared.rows, compared.settings)


def origins(compared: Compared) -> Iterator[Block]:
    """Versions and machines of each experiment: time and memory compare on one kind of machine only."""
    names = list(compared.experiments)
    told = {name: dict(flat(dict(found["origins"]))) for name, found in compared.experiments.items()}
    every = dict.fromkeys(key for values in told.values() for key in values)
    rows = [[key, *(told[name].get(key, ABSENT) for name in names)] for key in every]
    heads = [Column("", "code"), *(Column(name, "code") for name in names)]
    yield Block(lists=[Table("Versions and machines", heads, rows)])
