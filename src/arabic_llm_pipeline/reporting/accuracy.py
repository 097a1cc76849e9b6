"""Held-out prompts: accuracy of candidates and baselines, prompt formats."""

from collections.abc import Iterable, Mapping

from matplotlib.figure import Figure as Plot

from arabic_llm_pipeline.reporting import plots
from arabic_llm_pipeline.reporting.inputs import Inputs
from arabic_llm_pipeline.reporting.measured import ALL, Row, baseline_rows, bounds, by_family, families, value
from arabic_llm_pipeline.reporting.plots import Series, percent, percents
from arabic_llm_pipeline.reporting.style import to_svg
from arabic_llm_pipeline.reporting.view import Column, Figure, Table, count, measured, share, words


def accuracy_plot(scores: Mapping[str, Row], baselines: Mapping[str, Row]) -> Plot:
    """Strict accuracy by family, all candidates and baselines beside each other."""
    groups = [ALL, *families(scores)]
    series = [
        Series(
            name,
            [percent(value(rows.get(group), "strict")) for group in groups],
            [percents(bounds(rows.get(group))) for group in groups],
            baseline=name not in scores,
        )
        for name, rows in _named(scores, baselines).items()
    ]
    return plots.dots(groups, series, "percent right", "Accuracy on held-out prompts")


def _named(scores: Mapping[str, Row], baselines: Mapping[str, Row]) -> dict[str, dict[str, Row]]:
    candidates = {name: by_family(found["accuracy"]) for name, found in scores.items()}
    return candidates | {words(name): rows for name, rows in baseline_rows(baselines).items()}


def accuracy_figure(inputs: Inputs) -> Figure:
    """The plot with its numbers."""
    named = _named(inputs.scores, inputs["baseline_scores"])
    columns = [Column("Family"), Column("Items", "number"), *(Column(name, "number") for name in named)]
    rows = [
        [group, count(_items(named.values(), group)), *(_accuracy(rows.get(group)) for rows in named.values())]
        for group in (ALL, *families(inputs.scores))
    ]
    table = Table("Strict accuracy by family, with 95% Wilson interval", columns, rows)
    caption = (
        "Share of held-out test prompts answered right: the first line of the answer, without final punctuation, "
        "equals an accepted answer. Lines are 95% Wilson intervals; hollow marks are baselines that need no model."
    )
    return Figure(
        "accuracy", to_svg(accuracy_plot(inputs.scores, inputs["baseline_scores"]), "accuracy"), caption, table
    )


def _accuracy(row: Row | None) -> str:
    return measured(value(row, "strict"), bounds(row))


def _items(tables: Iterable[Mapping[str, Row]], group: str) -> float | None:
    return next((value(rows[group], "items") for rows in tables if group in rows), None)


def candidates_table(inputs: Inputs) -> Table:
    """One row a candidate: how it was asked, and its figures over all items."""
    names = ("Candidate", "Format", "Quantisation", "Strict", "Normalised", "Preferred form", "Ended by itself")
    rows = []
    for name in inputs.candidates:
        scores = inputs.scores[name]
        overall = by_family(scores["accuracy"]).get(ALL)
        form = measured(value(overall, "preferred_form"), bounds(overall, "preferred_form_interval"))
        normalized = share(value(overall, "normalized"))
        about = [scores.get("format"), scores.get("quantization")]
        rows.append([name, *about, _accuracy(overall), normalized, form, share(scores.get("stopped"))])
    caption = (
        "All candidates on the same items. Normalised: spelling variants, diacritics and punctuation do not count. "
        "Preferred form: right or wrong, the answer has the form of the accepted full sentence."
    )
    return Table(caption, [Column(name, "text" if i < 3 else "number") for i, name in enumerate(names)], rows)


def formats_table(inputs: Inputs) -> Table:
    """Accuracy of each candidate on development items in each prompt format that was tried."""
    tried = {name: inputs.scores[name].get("formats_dev") or {} for name in inputs.candidates}
    formats = sorted({name for scores in tried.values() for name in scores})
    rows = [[name, *(share(scores.get(one)) for one in formats)] for name, scores in tried.items() if scores]
    caption = "The prompt format is chosen on the development split; strict accuracy there."
    return Table(
        caption, [Column("Candidate"), *(Column(one, "number") for one in formats)], rows, "Prompt formats tried"
    )
