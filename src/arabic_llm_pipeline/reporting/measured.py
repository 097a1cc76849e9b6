"""What stands in the scores: rows by family, values, intervals; and what is beyond a model."""

from collections.abc import Iterable, Mapping
from typing import Any

from arabic_llm_pipeline.reporting.inputs import Inputs

ALL = "all"  # the row over all families, or dialects
ROUNDING = 1e-9  # the lower bound of none right is 0, or a hair above it
Row = Mapping[str, Any]
Bounds = tuple[float, float] | None


def by_family(rows: Iterable[Row]) -> dict[str, Row]:
    """Accuracy rows by family, `all` among them."""
    return {str(row["family"]): row for row in rows}


def families(scores: Mapping[str, Row]) -> list[str]:
    """All families that some candidate was asked, in alphabetical order."""
    return sorted({family for found in scores.values() for family in by_family(found["accuracy"])} - {ALL})


def bounds(row: Row | None, name: str = "interval") -> Bounds:
    """An interval of a row, where it has one."""
    found = row and row.get(name)
    return (float(found[0]), float(found[1])) if found and None not in found else None


def value(row: Row | None, name: str) -> float | None:
    """A value of a row, where it has one."""
    return None if not row or row.get(name) is None else float(row[name])


def baseline_rows(baselines: Mapping[str, Row]) -> dict[str, dict[str, Row]]:
    """Accuracy rows of each baseline by family."""
    return {name: by_family(rows["accuracy"]) for name, rows in sorted(baselines.items())}


def best_baseline(inputs: Inputs, family: str) -> tuple[str, float] | None:
    """The simple baseline that does best in a family, and its accuracy."""
    baselines = baseline_rows(inputs["baseline_scores"])
    found = [(value(rows.get(family), "strict"), name) for name, rows in baselines.items()]
    known = [(accuracy, name) for accuracy, name in found if accuracy is not None]
    return (max(known)[1], max(known)[0]) if known else None


def beyond(inputs: Inputs, candidate: str) -> list[str]:
    """Families in which the lower bound of a candidate's accuracy is not above the best simple baseline."""
    rows = by_family(inputs.scores[candidate]["accuracy"])
    found = []
    for family in families(inputs.scores):
        baseline, reached = best_baseline(inputs, family), bounds(rows.get(family))
        if baseline and reached and reached[0] <= baseline[1] + ROUNDING:
            found.append(family)
    return found
