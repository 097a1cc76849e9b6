"""What training did, by task, dialect and noise: a sentence a kind of measure, one of dialects, one of noise."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from arabic_llm_pipeline.evaluation.held_out import TAGGED
from arabic_llm_pipeline.evaluation.statistics import wilson
from arabic_llm_pipeline.recipes import BASE
from arabic_llm_pipeline.reporting.cells import ends
from arabic_llm_pipeline.reporting.inputs import Inputs
from arabic_llm_pipeline.reporting.measured import Bounds, Row
from arabic_llm_pipeline.reporting.metrics import (
    PERPLEXITY,
    TITLES,
    called,
    first_of_sets,
    is_share,
    lower_is_better,
)
from arabic_llm_pipeline.reporting.robustness import CHANGE, CHOICE, EXACT, F1, LIKENESS, NOISE, REFERENCE
from arabic_llm_pipeline.reporting.view import interval, listed, probability, words

MOST = 8  # kinds of measure that have a sentence
SIGNIFICANT = 0.05  # of p after Holm's correction
SCORED = ("choices", "writing", "language", "lm_eval", "robustness")  # entries of each candidate
BY_DIALECT = ("choices", "writing", "language")
UNKNOWN = ("unknown", TAGGED.format("unknown"))  # no dialects
OF_NOISE = (EXACT, CHOICE, F1, REFERENCE, LIKENESS)  # the first of these


def sentences(inputs: Inputs) -> list[str]:
    """All of them about the last candidate; none where nothing of it was measured."""
    return [*by_measure(inputs), *by_dialect(inputs), *under_noise(inputs)]


def scored(inputs: Inputs) -> list[str]:
    """Which kinds of evaluation left a score of the last candidate."""
    frames = {kind: inputs.of(kind).get(inputs.candidates[-1]) for kind in SCORED}
    return [words(kind) for kind, frame in frames.items() if frame is not None and frame["value"].is_not_null().any()]


def by_measure(inputs: Inputs) -> list[str]:
    """The clearest differences of each kind, against the base and the stage before; of many kinds the clearest."""
    last = inputs.candidates[-1]
    tests = first_of_sets(inputs["paired_tests"].filter(b=last).to_dicts())
    found: dict[str, tuple[float, str]] = {}
    for measure in TITLES:
        if rows := [row for row in tests if row["measure"] == measure]:
            before = dict.fromkeys((BASE, inputs.parent(last)))
            said = "; ".join(filter(None, (_against([row for row in rows if row["a"] == a], a) for a in before)))
            metrics = " / ".join(dict.fromkeys(called(row["metric"]) for row in rows))
            found[measure] = min(row["p_holm"] for row in rows), f"{TITLES[measure]} ({metrics}): {last} is {said}."
    kept = sorted(found, key=lambda measure: found[measure][0])[:MOST]
    rest = [TITLES[measure].lower() for measure in found if measure not in kept]
    told = [sentence for measure, (_, sentence) in found.items() if measure in kept]
    return [*told, *([f"Less clear, and under Paired tests only: {listed(rest)}."] if rest else [])]


def _against(rows: Sequence[Row], before: str) -> str:
    """The clearest gain and the clearest loss; where there is neither, the surest of what is within chance."""
    if not rows:
        return ""
    surest = sorted(rows, key=lambda row: (row["p_holm"], row["p"]))
    told = {how: [row for row in surest if _told(row) == way] for how, way in (("better", 1), ("worse", -1))}
    parts = [f"{how} than {before} in {_difference(of[0])}{_more(of[1:])}" for how, of in told.items() if of]
    return " and ".join(parts) or f"not told apart from {before} (surest: {_difference(surest[0])})"


def _told(row: Row) -> int:
    """1 or -1: better or worse by more than chance; 0: not told apart."""
    apart = (row["low"] > 0) - (row["high"] < 0)
    return (row["p_holm"] < SIGNIFICANT) * apart * (-1 if lower_is_better(row["metric"]) else 1)


def _more(rows: Sequence[Row]) -> str:
    return f", and in {len(rows)} more set{'' if len(rows) == 1 else 's'}" if rows else ""


def _difference(row: Row) -> str:
    """Set, difference, interval and p: school, +13.9 points [2.8, 25.0], p (Holm) 0.021."""
    digits, factor, unit = (1, 100, " points") if is_share(row["metric"]) else (3, 1, "")
    around = interval((row["low"], row["high"]), digits, factor)
    return f"{words(row['set'])}, {factor * row['difference']:+.{digits}f}{unit} {around}, " + (
        f"p (Holm) {probability(row['p_holm'])}"
    )


@dataclass(frozen=True)
class _Scores:
    """One metric of one set, by dialect: values with their intervals and items."""

    called: str
    lower: bool  # is better
    share: bool
    of_prose: bool  # which is other text in each dialect
    last: Mapping[str, tuple[float, Bounds, int]]
    base: Mapping[str, tuple[float, Bounds, int]]

    @property
    def worth(self) -> tuple[bool, int, int]:
        """What is said of dialects is said of the set that has most of them, then most items."""
        return not self.of_prose, len(self.last), sum(items for *_, items in self.last.values())

    def best_first(self) -> list[str]:
        """The dialects, the best first."""
        return sorted(self.last, key=lambda name: self.last[name][0], reverse=not self.lower)

    def apart(self, one: str, other: str) -> bool:
        """Whether the intervals of two dialects do not meet."""
        a, b = self.last[one][1], self.last[other][1]
        return a is not None and b is not None and (a[1] < b[0] or b[1] < a[0])

    def shown(self, name: str, of: Mapping[str, tuple[float, Bounds, int]]) -> str:
        """A dialect's value with its interval."""
        value, around, _ = of[name]
        digits, factor, sign = (1, 100, "%") if self.share else (2, 1, "")
        return f"{factor * value:,.{digits}f}{sign}" + (f" {interval(around, digits, factor)}" if around else "")


def by_dialect(inputs: Inputs) -> list[str]:
    """Where the last candidate is best and worst, and where it changed most from the base: of one metric."""
    last = inputs.candidates[-1]
    known = [one for one in (*_accuracies(inputs), *_tables(inputs)) if len(one.last) > 1]
    if not known:
        return []
    chosen = max(known, key=lambda one: one.worth)
    best, *_, worst = chosen.best_first()
    text = f"By dialect, {chosen.called}: {last} is best in {best}, {chosen.shown(best, chosen.last)}, and worst in "
    text += f"{worst}, {chosen.shown(worst, chosen.last)}"
    text += "" if chosen.apart(best, worst) else " (the intervals overlap)"
    both = [name for name in chosen.last if name in chosen.base] if last != BASE else []
    if both:
        most = max(both, key=lambda name: abs(chosen.last[name][0] - chosen.base[name][0]))
        text += f"; from base it changed most in {most}, from {chosen.shown(most, chosen.base)} to "
        text += chosen.shown(most, chosen.last)
    prose = " Each dialect's prose is other text." if chosen.of_prose else ""
    return [f"{text}.{prose}"]


def _accuracies(inputs: Inputs) -> Iterator[_Scores]:
    """Exact answers to held-out prompts."""
    found = []
    for name in (inputs.candidates[-1], BASE):
        answers = inputs.answers.get(name)
        known = answers.filter(_known()) if answers is not None and len(answers) else None
        parts = known.partition_by("dialect", as_dict=True) if known is not None else {}
        right = {str(dialect): (int(part["strict"].sum()), len(part)) for (dialect,), part in sorted(parts.items())}
        found.append({dialect: (hits / of, wilson(hits, of), of) for dialect, (hits, of) in right.items()})
    yield _Scores("exact answers to held-out prompts", False, True, False, *found)


def _tables(inputs: Inputs) -> Iterator[_Scores]:
    """The first metric of each set of each kind."""
    for kind in BY_DIALECT:
        frames = inputs.of(kind)
        last, base = (_by_dialect(frames.get(name)) for name in (inputs.candidates[-1], BASE))
        for key in dict.fromkeys(map(_key, last)):
            both = [_figures([row for row in rows if _key(row) == key]) for rows in (last, base)]
            measure, of, name = key
            called_so = f"{called(name)} of {words(of)}"
            yield _Scores(called_so, lower_is_better(name), is_share(name), measure == PERPLEXITY, *both)


def _by_dialect(frame: pl.DataFrame | None) -> list[Row]:
    if frame is None:
        return []
    return first_of_sets(frame.filter(_known("group"), pl.col("value").is_not_null(), by="dialect").to_dicts())


def _known(column: str = "dialect") -> pl.Expr:
    return pl.col(column).is_not_null() & ~pl.col(column).is_in(UNKNOWN)


def _key(row: Row) -> tuple[str, str, str]:
    return row["measure"], row["set"], row["metric"]


def _figures(rows: Sequence[Row]) -> dict[str, tuple[float, Bounds, int]]:
    return {row["group"]: (row["value"], ends(row), row["items"]) for row in rows}


def under_noise(inputs: Inputs) -> list[str]:
    """What the most noise does to the last candidate and to the base, in the set with most items."""
    frames = inputs.of("robustness")
    names = [name for name in dict.fromkeys((inputs.candidates[-1], BASE)) if name in frames]
    rows = {name: frames[name].filter(pl.col("value").is_not_null(), by=NOISE).to_dicts() for name in names}
    if not names or not (key := _noisiest(rows[names[0]])):
        return []
    of, metric, level = key
    parts = [said for name in names if (said := _under(rows[name], name, of, metric, level))]
    what = f"{called(metric)} of {words(of)}"
    return [f"With {float(level):.0%} of the words of a question altered, {what} is {'; '.join(parts)}."]


def _noisiest(rows: Sequence[Row]) -> tuple[str, str, str] | None:
    """Set, metric and level of the sentence: the first of the metrics, most items, the highest level above none."""
    known = [row for row in rows if row["metric"] in OF_NOISE and float(row["group"])]
    if not known:
        return None
    order = {name: -place for place, name in enumerate(OF_NOISE)}
    row = max(known, key=lambda row: (order[row["metric"]], row["items"], float(row["group"])))
    return row["set"], row["metric"], row["group"]


def _under(rows: Sequence[Row], name: str, of: str, metric: str, level: str) -> str:
    """A candidate's score at that noise, and how far it is from that without."""
    found = {row["metric"]: row for row in rows if row["set"] == of and row["group"] == level}
    if metric not in found:
        return ""
    row, change = found[metric], found.get(metric + CHANGE)
    factor, sign, unit = (100, "%", " points") if is_share(metric) else (1, "", "")
    text = f"{factor * row['value']:.1f}{sign} {interval(ends(row), 1, factor)} for {name}"
    if change is None:
        return text
    return f"{text} ({factor * change['value']:+.1f}{unit} {interval(ends(change), 1, factor)} from none)"
