"""Held-out pairs: which answer the candidates find more probable."""

from collections.abc import Mapping

from arabic_llm_pipeline.reporting import plots
from arabic_llm_pipeline.reporting.inputs import Inputs
from arabic_llm_pipeline.reporting.measured import ALL, Bounds, Row, bounds, by_family, value
from arabic_llm_pipeline.reporting.plots import Series, percent, percents
from arabic_llm_pipeline.reporting.style import to_svg
from arabic_llm_pipeline.reporting.view import Column, Figure, Table, count, decimal, listed, measured

PREFERENCE = {
    "sum": "sum of log-probabilities",
    "mean": "mean per token",
    "implicit": "implicit reward, against the stage before",
}


def preference_figure(inputs: Inputs) -> Figure | None:
    """Accuracy on held-out preference pairs, and the share of answers in the preferred form."""
    groups = {"sum": "sum", "mean": "mean", "implicit": "implicit reward", "form": "preferred form"}
    found = {name: _preference(inputs.scores[name]) for name in inputs.candidates}
    shown = [key for key in groups if any(rows[key][0] is not None for rows in found.values())]
    if not shown:
        return None
    series = [
        Series(name, [percent(rows[key][0]) for key in shown], [percents(rows[key][1]) for key in shown])
        for name, rows in found.items()
    ]
    labels = [groups[key] for key in shown]
    figure = plots.dots(labels, series, "percent", "Preference")
    text = (
        "Share of held-out pairs in which the chosen answer gets the higher score, by three measures: "
        f"{listed(PREFERENCE.values())}; and the share of generated answers that have the preferred form."
    )
    return Figure("preference", to_svg(figure, "preference"), text, _preference_table(inputs, found))


def _preference(scores: Row) -> dict[str, tuple[float | None, Bounds]]:
    pairs, overall = scores.get("preference"), by_family(scores["accuracy"]).get(ALL)
    found = {key: (value(pairs, f"{key}_accuracy"), bounds(pairs, f"{key}_interval")) for key in PREFERENCE}
    return found | {"form": (value(overall, "preferred_form"), bounds(overall, "preferred_form_interval"))}


def _preference_table(inputs: Inputs, found: Mapping[str, Mapping[str, tuple[float | None, Bounds]]]) -> Table:
    names = ["Candidate", "Pairs", "Sum", "Mean", "Implicit", "Mean margin", "Preferred form"]
    rows = []
    for name, cells in found.items():
        pairs = inputs.scores[name].get("preference")
        shown = [measured(*cells[key]) for key in ("sum", "mean", "implicit")]
        numbers = [count(value(pairs, "pairs")), *shown, decimal(value(pairs, "margin_mean"), 2)]
        rows.append([name, *numbers, measured(*cells["form"])])
    return Table(
        "Preference on held-out pairs", [Column(n, "number" if n != "Candidate" else "text") for n in names], rows
    )
