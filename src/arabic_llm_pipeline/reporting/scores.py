"""The section of scores, with the paired tests."""

from arabic_llm_pipeline.reporting.accuracy import accuracy_figure, candidates_table, formats_table
from arabic_llm_pipeline.reporting.inputs import Inputs
from arabic_llm_pipeline.reporting.likelihood import preference_figure
from arabic_llm_pipeline.reporting.measured import Row, beyond, bounds, value
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

BEYOND = (
    "A family counts as beyond a model where the lower bound of its accuracy is not above the best simple baseline "
    "(the most frequent answer, the answer of the nearest training prompt)."
)


def blocks(inputs: Inputs) -> list[Block]:
    """The section's parts."""
    last = inputs.candidates[-1]
    text = f"Families beyond {last}: {listed(beyond(inputs, last))}. {BEYOND}"
    shown = [accuracy_figure(inputs), *filter(None, [preference_figure(inputs)])]
    return [
        Block("Held-out prompts and pairs", [text], shown, [candidates_table(inputs)], [formats_table(inputs)]),
        Block("Paired tests", lists=[comparison_table(inputs)]),
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
