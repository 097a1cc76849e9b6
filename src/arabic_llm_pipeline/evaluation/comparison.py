"""Candidates against each other, and against the baselines, by the few measures that the summary is decided by.

The tests are those of `paired`; what differs is which are made, every two candidates and the baselines, and that Holm's
correction allows for all of them together, as the summary reads them all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import polars as pl

from arabic_llm_pipeline.evaluation import perplexity
from arabic_llm_pipeline.evaluation.collected import ACCURACY, HELD_OUT, PREFERENCE, all_values
from arabic_llm_pipeline.evaluation.paired import differences
from arabic_llm_pipeline.evaluation.statistics import holm
from arabic_llm_pipeline.parameters.evaluate import EvaluateSettings
from arabic_llm_pipeline.recipes import BASE

STRICT = (ACCURACY, HELD_OUT, "strict")  # what baselines have, too
NAMES = {  # measure, set and metric of values -> measure of the comparison
    STRICT: "strict",
    (ACCURACY, HELD_OUT, "preferred_form"): "preferred_form",
    **{(PREFERENCE, HELD_OUT, rule): f"preference_{rule}" for rule in ("sum", "mean")},
    **{(perplexity.MEASURE, of, perplexity.COMPARED): f"bits_per_byte_{view}" for view, of in perplexity.SETS.items()},
}
Row = dict[str, Any]


@dataclass(frozen=True)
class Measured:
    """What is known of one candidate, one row an item, pair or document."""

    answers: pl.DataFrame
    details: pl.DataFrame
    language: pl.DataFrame  # values of held-out prose


def compare(
    measured: Mapping[str, Measured], baselines: Mapping[str, Any], settings: EvaluateSettings, seed: int
) -> list[Row]:
    """Every two candidates by every measure, b against a; and the trained ones against each baseline.

    Each row is a test as `paired.differences` has it; `p_holm` allows for the number of rows.

    Args:
        measured: by candidate, from the base to the last.
        baselines: from `baselines.score`.
        settings: resamples.
        seed: of the bootstrap.
    """
    values = {name: _values(of) for name, of in measured.items()}
    values |= {name: _of_baseline(scores, values) for name, scores in baselines.items()}
    trained = [name for name in measured if name != BASE]
    pairs = [*combinations(measured, 2), *((name, candidate) for name in baselines for candidate in trained)]
    rows = [_row(found) for found in differences(values, pairs, settings.resamples, seed)]
    adjusted = holm([row["p"] for row in rows])
    return [row | {"p_holm": p} for row, p in zip(rows, adjusted, strict=True)]


def _values(of: Measured) -> pl.DataFrame:
    """Rows of `results.VALUES` of the measures that are compared."""
    found = all_values({"answers": of.answers, "details": of.details, "language_values": of.language})
    return pl.concat([found.filter(_is(key)) for key in NAMES])


def _is(key: tuple[str, str, str]) -> pl.Expr:
    return pl.all_horizontal(pl.col(name) == of for name, of in zip(("measure", "set", "metric"), key, strict=True))


def _of_baseline(scores: Mapping[str, Any], values: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Right and wrong of what needs no model, on the items that the candidates were asked."""
    asked = next(iter(values.values())).filter(_is(STRICT))
    return asked.with_columns(value=pl.col("id").is_in(list(scores["right"])).cast(pl.Float64))


def _row(found: Row) -> Row:
    return {
        "measure": NAMES[found["measure"], found["set"], found["metric"]],
        "a": found["a"],
        "b": found["b"],
        "difference": found["difference"],
        "interval": [found["low"], found["high"]],
        "p": found["p"],
        "items": found["items"],
    }
