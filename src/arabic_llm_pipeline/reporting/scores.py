"""The section of scores, with the paired tests."""

from collections.abc import Iterator

from arabic_llm_pipeline.reporting.accuracy import accuracy_figure, candidates_table, formats_table
from arabic_llm_pipeline.reporting.inputs import Inputs
from arabic_llm_pipeline.reporting.likelihood import preference_figure
from arabic_llm_pipeline.reporting.measured import Row, beyond, bounds, families, value
from arabic_llm_pipeline.reporting.metrics import called
from arabic_llm_pipeline.reporting.view import (
    Block,
    Column,
    Table,
    count,
    interval,
    listed,
    points,
    probability,
    words,
)

MOST = 60  # rows of a table of paired tests; the artifact has all
BEYOND = (
    "A family counts as beyond a model where the lower bound of its accuracy is not above the best simple baseline "
    "(the most frequent answer, the answer of the nearest training prompt)."
)


def blocks(inputs: Inputs) -> list[Block]:
    """The section's parts."""
    last = inputs.candidates[-1]
    told = f"Families beyond {last}: {listed(beyond(inputs, last))}. {BEYOND}"
    text = told if families(inputs.scores) else "No held-out prompt with an exact answer was asked."
    shown = [accuracy_figure(inputs), *filter(None, [preference_figure(inputs)])]
    return [
        Block("Held-out prompts and pairs", [text], shown, [candidates_table(inputs)], [formats_table(inputs)]),
        Block("Paired tests", lists=[comparison_table(inputs), *paired_tables(inputs)]),
    ]


def comparison_table(inputs: Inputs) -> Table:
    """Paired tests between candidates on the same items."""
    names = ("Measure", "From", "To", "Difference", "95% interval", "p", "p (Holm)", "Items")
    columns = [Column(name, "text" if i < 3 else "number") for i, name in enumerate(names)]
    rows = [_compared(row) for row in inputs["comparison"]]
    caption = (
        "Differences on the same items (shares in percentage points; perplexity in bits a byte). p (Holm) allows for "
        "the number of tests in this table."
    )
    return Table(caption, columns, rows, "All paired tests")


def _compared(row: Row) -> list[str]:
    difference, bits = value(row, "difference"), str(row["measure"]).startswith("bits_per_byte")
    shown = points(difference) if not bits else "n/a" if difference is None else f"{difference:+.3f}"
    limits = interval(bounds(row), 3, 1) if bits else interval(bounds(row))
    tests = [probability(value(row, "p")), probability(value(row, "p_holm")), count(value(row, "items"))]
    return [words(row["measure"]), row["a"], row["b"], shown, limits, *tests]


def paired_tables(inputs: Inputs) -> Iterator[Table]:
    """Of each kind of measure, every candidate against the base and the stage before, the surest differences first."""
    names = ("Set", "Metric", "From", "To", "Difference", "95% interval", "p", "p (Holm)", "Items")
    columns = [Column(name, "text" if i < 4 else "number") for i, name in enumerate(names)]
    for part in inputs["paired_tests"].partition_by("measure", maintain_order=True):
        title = words(part["measure"][0]).capitalize()
        shown = part.sort("p_holm", "p", maintain_order=True).head(MOST)
        caption = (
            f"{title}: differences on the same items, in the metric's own unit (of a share, 0.01 is a point). p: of "
            "right and wrong by McNemar's exact test, else by a paired bootstrap; p (Holm) allows for all tests of the "
            f"metric. {len(shown)} of {len(part)} tests."
        )
        yield Table(caption, columns, [_of_kind(row) for row in shown.to_dicts()], f"{title}: paired tests")


def _of_kind(row: Row) -> list[str]:
    limits = interval((row["low"], row["high"]), 3, 1)
    names = [words(row["set"]), called(row["metric"]), row["a"], row["b"]]
    return [
        *names,
        f"{row['difference']:+.3f}",
        limits,
        probability(row["p"]),
        probability(row["p_holm"]),
        count(row["items"]),
    ]
