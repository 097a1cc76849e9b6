"""The summary in plain words. Every sentence is decided by the figures; none is written beforehand."""

from collections.abc import Iterator
from dataclasses import dataclass

from arabic_llm_pipeline.recipes import BASE
from arabic_llm_pipeline.reporting import clearest, data, reward
from arabic_llm_pipeline.reporting.cells import ends, find
from arabic_llm_pipeline.reporting.inputs import Inputs
from arabic_llm_pipeline.reporting.measured import ALL, Row, beyond, bounds, by_family, families, value
from arabic_llm_pipeline.reporting.view import (
    Column,
    Fact,
    Table,
    count,
    duration,
    interval,
    listed,
    measured,
    points,
    probability,
    share,
)

UNSTOPPED = 0.05  # more answers than this that do not end by themselves are worth a word
SIGNIFICANT = 0.05  # of p after Holm's correction
MEASURES = {  # in a sentence, in a table, in the comparison
    "accuracy": ("accuracy on held-out prompts", "accuracy", "strict"),
    "preference": ("preference accuracy on held-out pairs", "preference accuracy", "preference_sum"),
    "form": ("the share of answers in the preferred form", "preferred form", "preferred_form"),
}
Measured = tuple[float, tuple[float, float]]


def reached(inputs: Inputs, candidate: str, measure: str) -> Measured | None:
    """A candidate's figure over all items, with its interval."""
    scores = inputs.scores[candidate]
    overall = by_family(scores["accuracy"]).get(ALL)
    row, name, limits = {
        "accuracy": (overall, "strict", "interval"),
        "form": (overall, "preferred_form", "preferred_form_interval"),
        "preference": (scores.get("preference"), "sum_accuracy", "sum_interval"),
    }[measure]
    found, around = value(row, name), bounds(row, limits)
    return None if found is None or around is None else (found, around)


@dataclass(frozen=True)
class Step:
    """A stage's result against what it was trained from, by one measure."""

    measure: str
    before: str
    after: str
    a: Measured
    b: Measured
    paired: Row | None  # the test on the same items, where there is one

    @property
    def change(self) -> int:
        """1 or -1: higher or lower by more than chance; 0: not told apart.

        By the paired test, corrected for the number of tests; without one, by whether the intervals are apart.
        """
        if self.paired is None:
            return apart(self.a, self.b)
        low, high = bounds(self.paired) or (0.0, 0.0)
        told = float(self.paired["p_holm"]) < SIGNIFICANT
        return told * ((low > 0) - (high < 0))


def apart(a: Measured, b: Measured) -> int:
    """1 or -1: b is higher or lower and the intervals do not meet; 0: they do."""
    return (b[1][0] > a[1][1]) - (b[1][1] < a[1][0])


def steps(inputs: Inputs) -> Iterator[Step]:
    """Each stage by each measure that it and what it was trained from both have."""
    tests = _tests(inputs)
    for after in inputs.writing:
        before = inputs.parent(after)
        for measure, (*_, name) in MEASURES.items():
            a, b = reached(inputs, before, measure), reached(inputs, after, measure)
            if a and b:
                yield Step(measure, before, after, a, b, tests.get((name, before, after)))


def _tests(inputs: Inputs) -> dict[tuple[str, str, str], Row]:
    """The paired tests by measure, from and to."""
    return {(row["measure"], row["a"], row["b"]): row for row in inputs["comparison"]}


def found(inputs: Inputs) -> list[str]:
    """What was found: a plain sentence a step and measure, one a reward model, and those by kind, dialect and noise."""
    told = [*map(_sentence, steps(inputs)), *reward.sentences(inputs), *clearest.sentences(inputs)]
    if told:
        return told
    measured_kinds = clearest.scored(inputs)
    below = f"No test compares candidates; what was measured stands below: {listed(measured_kinds)}."
    return [below if measured_kinds else "Nothing was measured."]


def _sentence(step: Step) -> str:
    what, before, after = MEASURES[step.measure][0], share(step.a[0]), share(step.b[0])
    if step.change == 0:
        return f"{step.after} left {what} where it was, within chance: {before} ({step.before}) and {after}."
    return f"{step.after} {'raised' if step.change > 0 else 'lowered'} {what} from {before} ({step.before}) to {after}."


def found_table(inputs: Inputs) -> Table:
    """The same with intervals and tests."""
    rows = [_row(step) for step in steps(inputs)]
    names = ("Measure", "From", "To", "Before", "After", "Difference", "p (Holm)", "Told apart")
    columns = [Column(name, "number" if 3 <= place <= 6 else "text") for place, name in enumerate(names)]
    caption = (
        "Shares with their 95% intervals; differences in percentage points, on the same items, with the interval of "
        "the paired bootstrap; p of the paired test, corrected for the number of tests."
    )
    return Table(caption, columns, rows)


def _row(step: Step) -> list[str]:
    paired = step.paired
    difference = (
        f"{points(paired['difference'])} {interval(bounds(paired))}" if paired else points(step.b[0] - step.a[0])
    )
    told = {1: "yes, higher", -1: "yes, lower", 0: "no"}[step.change]
    if step.change and not apart(step.a, step.b):
        told += "; the two intervals overlap"
    figures = [measured(*step.a), measured(*step.b), difference, probability(paired["p_holm"] if paired else None)]
    return [MEASURES[step.measure][1], step.before, step.after, *figures, told]


def short_of(inputs: Inputs) -> list[str]:
    """What fell short of what training is for."""
    parts = (_steps_short, _families_short, _unstopped, _prose_short, reward.short_of)
    return [sentence for part in parts for sentence in part(inputs)]


def judged_well(inputs: Inputs) -> str:
    """What is said where nothing of what was judged fell short; empty where nothing was judged."""
    if not any(True for _ in steps(inputs)):
        return ""
    text = "Nothing of what this page checks: each step that was judged raised what it is for by more than chance"
    asked = families(inputs.scores)
    return f"{text}, and no family is beyond {inputs.candidates[-1]}." if asked else f"{text}."


def not_judged(inputs: Inputs) -> list[str]:
    """What each stage is for and could not be judged, and why."""
    known = {(step.after, step.measure) for step in steps(inputs)}
    wanted = [(stage, "accuracy" if inputs.parent(stage) == BASE else "preference") for stage in inputs.writing]
    return [
        f"Whether {stage} raised {MEASURES[measure][0]} was not judged: {_why(inputs, stage, measure)}."
        for stage, measure in wanted
        if (stage, measure) not in known
    ]


def _why(inputs: Inputs, stage: str, measure: str) -> str:
    scores = inputs.scores[stage]
    row = by_family(scores["accuracy"]).get(ALL) if measure == "accuracy" else scores.get("preference")
    return str((row or {}).get("why") or f"it was not measured of both {inputs.parent(stage)} and {stage}")


def _steps_short(inputs: Inputs) -> Iterator[str]:
    """A first stage has to raise accuracy; a later one to raise a preference, and to lose no accuracy."""
    for step in steps(inputs):
        what, first = MEASURES[step.measure][0], step.before == BASE
        if first and step.measure != "accuracy":
            continue
        if step.change < 0:
            yield f"{step.after} lowered {what} by {points(step.a[0] - step.b[0])[1:]} points against {step.before}."
        elif step.change == 0 and (first or step.measure != "accuracy"):
            yield f"{step.after} did not raise {what} above {step.before} by more than chance."


def _families_short(inputs: Inputs) -> Iterator[str]:
    last = inputs.candidates[-1]
    if weak := beyond(inputs, last):
        yield (
            f"{len(weak)} of {len(families(inputs.scores))} families are beyond {last}: {listed(weak)} "
            "(the interval of its accuracy is not above the best simple baseline)."
        )


def _unstopped(inputs: Inputs) -> Iterator[str]:
    for name in inputs.writing:
        stopped = inputs.scores[name].get("stopped")
        if stopped is not None and 1 - stopped > UNSTOPPED:
            yield f"{share(1 - stopped)} of the answers of {name} did not end by themselves and were cut."


def _prose_short(inputs: Inputs) -> Iterator[str]:
    """Tuning on instructions costs some prose; where that is more than chance, it is said."""
    tests = _tests(inputs)
    for name in inputs.writing:
        before = inputs.parent(name)
        a, b = _prose(inputs, before), _prose(inputs, name)
        if a and b and Step("prose", before, name, a, b, tests.get(("bits_per_byte_text", before, name))).change > 0:
            yield f"{name} predicts held-out prose less well than {before}: {b[0]:.3f} against {a[0]:.3f} bits a byte."


def _prose(inputs: Inputs, candidate: str) -> Measured | None:
    row = find(inputs.of("language")[candidate], measure="perplexity", set="prose", metric="bits_per_byte")
    bits, around = value(row, "value"), ends(row)
    return None if bits is None or around is None else (bits, around)


def done(inputs: Inputs) -> list[str]:
    """What was done, in figures: the corpus, then each stage."""
    found = [data.sentence(inputs)]
    for stage in inputs.stages:
        cost = inputs.resources[stage]
        place = cost.get("device", "an unnamed device")
        steps_taken, time = count(cost.get("steps")), duration(cost.get("seconds"))
        found.append(f"{stage} from {inputs.parent(stage)}: {steps_taken} steps in {time} on {place}.")
    items, pairs = (_asked(inputs, measure) for measure in ("items", "pairs"))
    return [*found, f"Asked {listed(inputs.candidates)} {items} test prompts, and to tell apart {pairs} test pairs."]


def _asked(inputs: Inputs, what: str) -> str:
    scores = inputs.scores[inputs.candidates[-1]]
    row = by_family(scores["accuracy"]).get(ALL) if what == "items" else scores.get("preference")
    return count(value(row, what))


def facts(inputs: Inputs) -> list[Fact]:
    """The main figures, from the base to the last candidate."""
    first, last = inputs.candidates[0], inputs.candidates[-1]
    made = [
        _fact(inputs, "Accuracy", "accuracy", first, last),
        _fact(inputs, "Preference accuracy", "preference", first, last),
        _fact(inputs, "Preferred form", "form", first, last),
    ]
    seconds = [inputs.resources[stage].get("seconds") for stage in inputs.stages]
    time = Fact("Training", duration(sum(filter(None, seconds))), listed(inputs.stages))
    read = [split["all"] for split in inputs["token_summary"].get("documents", {}).values()]
    documents = sum(figures["documents"] for figures in read)
    tokens = Fact("Tokens", count(sum(figures["tokens"] for figures in read)), f"in {count(documents)} documents")
    return [*(fact for fact in made if fact), tokens, time]


def _fact(inputs: Inputs, title: str, measure: str, first: str, last: str) -> Fact | None:
    a, b = reached(inputs, first, measure), reached(inputs, last, measure)
    if not b:
        return None
    return Fact(title, share(b[0]), f"{last} {interval(b[1])}; {first} {share(a[0]) if a else 'not measured'}")
