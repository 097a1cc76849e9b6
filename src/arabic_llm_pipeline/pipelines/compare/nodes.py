"""Steps from artifacts of several runs to one page."""

from typing import Any

import polars as pl

from arabic_llm_pipeline.parameters.compare import CompareSettings

Compared = tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, dict[str, Any]]


def compare_runs(experiments: dict[str, dict[str, Any]], compare: CompareSettings, seed: int) -> Compared:
    """Scores, paired tests and costs of the runs as tables; and all of it in one JSON."""
    from arabic_llm_pipeline.evaluation.paired import paired
    from arabic_llm_pipeline.evaluation.runs import pairs, rows, runs

    found = runs(experiments, compare.named("candidates"))
    scores = [run.scores.select(pl.lit(run.name).alias("run"), pl.lit(run.experiment).alias("experiment"), pl.all())
              for run in found]  # fmt: skip
    values = {run.name: run.values for run in found}
    tables = {
        "scores": pl.concat(scores),
        "tests": paired(values, compare.resamples, seed, pairs(found)),
        "runs": pl.DataFrame(rows(found, compare), infer_schema_length=None),
    }
    return *tables.values(), {name: table.to_dicts() for name, table in tables.items()}  # type: ignore[return-value]


def make_compared_page(
    experiments: dict[str, dict[str, Any]], compared: dict[str, Any], compare: CompareSettings
) -> str:
    """The page of the comparison."""
    from arabic_llm_pipeline.evaluation.runs import runs
    from arabic_llm_pipeline.reporting.compared import Compared, render

    found = runs(experiments, compare.named("candidates"))
    return render(Compared(found, experiments, compared["tests"], compared["runs"], compare))
