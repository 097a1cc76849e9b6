"""Questions with choices: accuracy by set and subject beside chance, what is taken for what, and how sure it is."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from arabic_llm_pipeline.evaluation.calibration import reliability
from arabic_llm_pipeline.evaluation.choices.asking import CLASSIFICATION, LABELS
from arabic_llm_pipeline.evaluation.choices.scoring import SUM, decided
from arabic_llm_pipeline.evaluation.choices.tables import CULTURE, MULTIPLE_CHOICE, metric
from arabic_llm_pipeline.evaluation.classes import confusion
from arabic_llm_pipeline.evaluation.results import ALL
from arabic_llm_pipeline.parameters.choices import ChoicesSettings
from arabic_llm_pipeline.reporting import plots
from arabic_llm_pipeline.reporting.choices_plots import confusion_plot, reliability_plot
from arabic_llm_pipeline.reporting.inputs import Inputs
from arabic_llm_pipeline.reporting.measured import Bounds
from arabic_llm_pipeline.reporting.metrics import TITLES, called, is_share
from arabic_llm_pipeline.reporting.plots import Series, percent, percents
from arabic_llm_pipeline.reporting.style import to_svg
from arabic_llm_pipeline.reporting.view import Block, Column, Figure, Table, count, decimal, interval, share, words

MEASURES = (MULTIPLE_CHOICE, CLASSIFICATION, CULTURE)
GUESSES = {"chance": "chance", "most_frequent": "most frequent label"}
FAMILY = "family"
MOST = 24  # subjects in a plot: those with most items; the table has all
Frames = Mapping[str, pl.DataFrame]  # by candidate
Row = Mapping[str, Any]


def blocks(inputs: Inputs) -> Iterator[Block]:
    """A block for multiple choice, classification, culture and lm-eval; what could not be measured says why."""
    scores, answers = inputs.of("choices"), inputs.of("choices_answers")
    settings: ChoicesSettings = inputs.settings["choices"]
    found = False
    for measure in MEASURES:
        rows = {name: frame.filter(measure=measure) for name, frame in scores.items()}
        if all(frame["value"].is_null().all() for frame in rows.values()):
            continue
        found = True
        parts = {name: frame.filter(measure=measure) for name, frame in answers.items()}
        yield _block(TITLES[measure], measure, rows, parts, settings)
    if not found:
        yield Block("", [f"Not measured: {_why(scores)}."])
    yield from _by_lm_eval(inputs.of("lm_eval"))


def _by_lm_eval(scores: Frames) -> Iterator[Block]:
    """What lm-evaluation-harness says, where it was asked."""
    if all(frame["value"].is_null().all() for frame in scores.values()):
        return
    first = next(iter(scores.values())).row(0, named=True)
    text = f"Tasks as {first['harness']} ships them, on local copies of their data (docs/evaluation.md)."
    yield Block("By lm-evaluation-harness", [text], tables=[_all_scores(scores, "Figures of lm-eval")])


def _why(scores: Frames) -> str:
    return next((why for frame in scores.values() for why in frame["why"].drop_nulls()), "nothing was asked")


def _block(title: str, measure: str, scores: Frames, answers: Frames, settings: ChoicesSettings) -> Block:
    headline = _headline(next(iter(answers.values())), settings)
    sets = _sets(scores)
    figures = [_by_set(title, measure, scores, headline, sets)]
    more = [figure for of in sets if (figure := _by_subject(measure, scores, headline, of))]
    told = {name: _decided(frame, settings) for name, frame in answers.items()}
    figures += list(_reliabilities(measure, told, settings.bins))
    last = list(told)[-1]
    more += list(_confusions(last, told[last]))
    text = [
        f"Shown is {called(headline)}: the choice that a model finds the most likely is its answer. "
        "Folded below: by subject, all ways of asking and all rules (docs/evaluation.md).",
        *_left_out(scores),
    ]
    return Block(title, text, figures, lists=[_all_scores(scores, f"All figures: {title.lower()}")], more=more)


def _headline(answers: pl.DataFrame, settings: ChoicesSettings) -> str:
    """The metric of the first way, by all of the log-probability, with the first number of examples."""
    way = LABELS if (answers["way"] == LABELS).all() else settings.ways[0]
    return metric(way, "acc", SUM, settings.shots[0])


def _decided(answers: pl.DataFrame, settings: ChoicesSettings) -> pl.DataFrame:
    """The choices behind the headline."""
    ways = (LABELS, settings.ways[0])
    return decided(answers.filter(pl.col("way").is_in(ways), shots=settings.shots[0]), SUM)


def _sets(scores: Frames) -> list[str]:
    return list(dict.fromkeys(of for frame in scores.values() for of in frame.drop_nulls("value")["set"]))


def _left_out(scores: Frames) -> list[str]:
    """Why some items have no score, once for all candidates."""
    rows = [row for frame in scores.values() for row in frame.filter(pl.col("why").is_not_null()).iter_rows(named=True)]
    return list(dict.fromkeys(f"{words(row['set'])}, {called(row['metric'])}: {row['why']}." for row in rows))


def _find(frame: pl.DataFrame, of: str, name: str, by: str, group: str) -> Row | None:
    found = frame.filter(set=of, metric=name, by=by, group=group)
    return found.row(0, named=True) if len(found) else None


def _ends(row: Row | None) -> Bounds:
    return None if row is None or row["low"] is None else (row["low"], row["high"])


def _dots(key: str, title: str, scores: Frames, name: str, groups: Mapping[str, tuple[str, str, str]]) -> Figure:
    """Accuracy of all candidates and of guessing, with its numbers.

    Args:
        key: of the figure.
        title: what is shown.
        scores: rows by candidate.
        name: the metric.
        groups: what stands at the left -> set, by, group.
    """
    cells: dict[str, list[Row | None]] = {
        candidate: [_find(frame, of, name, by, group) for of, by, group in groups.values()]
        for candidate, frame in scores.items()
    }
    first = next(iter(scores.values()))
    for guess, name_of_guess in GUESSES.items():
        rows = [_find(first, of, guess, by, group) for of, by, group in groups.values()]
        if any(rows):
            cells[name_of_guess] = rows
    shown = {candidate: rows[:MOST] for candidate, rows in cells.items()}
    series = [
        Series(
            candidate,
            [percent(row["value"] if row else None) for row in rows],
            [percents(_ends(row)) for row in rows],
            baseline=candidate not in scores,
        )
        for candidate, rows in shown.items()
    ]
    drawn = plots.dots(list(groups)[:MOST], series, "percent right", title)
    left_out = (
        f" The plot has the {MOST} with most items; the table has all {len(groups)}." if len(groups) > MOST else ""
    )
    caption = f"{title}: {called(name)}, with 95% intervals; hollow marks need no model.{left_out}"
    return Figure(key, to_svg(drawn, key), caption, _dots_table(title, cells, list(groups)))


def _dots_table(title: str, cells: Mapping[str, Sequence[Row | None]], groups: Sequence[str]) -> Table:
    columns = [Column(""), Column("Items", "number"), *(Column(name, "number") for name in cells)]
    rows = []
    for place, group in enumerate(groups):
        of_group = [rows[place] for rows in cells.values()]
        items = next((row["items"] for row in of_group if row), None)
        rows.append([group, count(items), *map(_cell, of_group)])
    return Table(title, columns, rows)


def _cell(row: Row | None) -> str:
    """A score as people read it: a share with its interval, or why it is not there."""
    if row is None or row["value"] is None:
        return "n/a" if row is None else str(row["why"])
    plain = not is_share(row["metric"])
    number = decimal(row["value"], 3) if plain else share(row["value"])
    around = _ends(row)
    return number if around is None else f"{number} {interval(around, *((3, 1) if plain else ()))}"


def _by_set(title: str, measure: str, scores: Frames, name: str, sets: Sequence[str]) -> Figure:
    return _dots(
        f"choices-{measure}".replace("_", "-"), title, scores, name, {words(of): (of, ALL, ALL) for of in sets}
    )


def _by_subject(measure: str, scores: Frames, name: str, of: str) -> Figure | None:
    """Of a set with several subjects, those with most items first."""
    first = next(iter(scores.values())).filter(set=of, metric=name, by=FAMILY).sort("items", descending=True)
    groups = {words(group): (of, FAMILY, group) for group in first["group"]}
    if len(groups) < 2:
        return None
    return _dots(f"choices-{measure}-{of}".replace("_", "-"), f"{words(of)}, by subject", scores, name, groups)


def _reliabilities(measure: str, told: Frames, bins: int) -> Iterator[Figure]:
    """How far each candidate's probabilities can be relied on, over all sets."""
    lines = {name: reliability(frame["confidence"], frame["right"], bins) for name, frame in told.items() if len(frame)}
    if not lines:
        return
    key = f"choices-sure-{measure}".replace("_", "-")
    columns = [
        Column("Candidate"),
        *(Column(name, "number") for name in ("Items", "Said, mean", "Right", "95% interval")),
    ]
    rows = [
        [name, count(row["items"]), share(row["confidence"]), share(row["accuracy"]), interval(row["interval"])]
        for name, found in lines.items()
        for row in found
    ]
    caption = (
        "The probability that each gives to its choice, in bins of equally many items, against the share that was "
        "right, with 95% Wilson intervals; on the line it is as sure as it should be."
    )
    yield Figure(key, to_svg(reliability_plot(lines), key), caption, Table(caption, columns, rows))


def _confusions(candidate: str, told: pl.DataFrame) -> Iterator[Figure]:
    """Of each set of classification, what the last candidate takes for what."""
    for (of,), part in told.filter(way=LABELS).group_by("set", maintain_order=True):
        labels = part["choices"][0].to_list()
        if any(choices != labels for choices in part["choices"].to_list()):
            continue  # the places of labels are not the same in all items
        table = confusion(part["label"].to_list(), part["chosen"].to_list(), len(labels))
        key = f"choices-told-{of}".replace("_", "-")
        caption = (
            f"{words(str(of))}: what {candidate} takes for what. Rows are what is right; a row's shares are in percent."
        )
        columns = [Column("Right", "arabic"), *(Column(label, "number") for label in labels)]
        rows = [[label, *map(count, counts)] for label, counts in zip(labels, table.tolist(), strict=True)]
        drawn = confusion_plot(table, labels, words(str(of)))
        yield Figure(key, to_svg(drawn, key), caption, Table(f"{caption} Numbers of items.", columns, rows))


def _all_scores(scores: Frames, title: str) -> Table:
    """Every score over all items, candidates beside each other, with how it was asked and what was seen in training."""
    names = ["Set", "Figure", "Items", "Seen in training", "Format", *scores]
    columns = [Column(name, "text" if name in ("Set", "Figure", "Format") else "number") for name in names]
    rows = []
    for of, name, by in _kinds(scores):
        found = [_find(frame, of, name, by, ALL if by == ALL else "families") for frame in scores.values()]
        first: Row = next(row for row in found if row)
        figure = called(name) if by == ALL else f"{called(name)}, mean of subjects"
        formats = " / ".join(dict.fromkeys(words(row["format"]) for row in found if row and row["format"]))
        rows.append([words(of), figure, count(first["items"]), share(first["seen"]), formats, *map(_cell, found)])
    return Table(f"{title}, over all items, with 95% intervals where there are any", columns, rows, title)


def _kinds(scores: Frames) -> list[tuple[str, str, str]]:
    """Set, metric and kind of mean of all scores over whole sets, in the order of the first candidate that has them."""
    whole = [frame.filter(pl.col("by").is_in((ALL, "macro"))) for frame in scores.values()]
    return list(dict.fromkeys(row for frame in whole for row in frame.select("set", "metric", "by").rows()))
