"""A run, to be held against others: a candidate of an experiment with its scores and what it cost."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median
from typing import Any

import polars as pl

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.evaluation.collected import all_scores, all_values, of_candidates
from arabic_llm_pipeline.evaluation.efficiency import in_gigabytes, pareto, performance_efficiency, samples_per_second
from arabic_llm_pipeline.evaluation.results import ALL
from arabic_llm_pipeline.parameters.compare import CompareSettings
from arabic_llm_pipeline.recipes import BASE, chain_of, last_stage, name, prefixes

MEMORY = {"device": "peak_device_reserved_mb", "process": "peak_process_mb"}  # on a card its own memory counts
LATENCY = ("speed", "time_to_first_token_ms", "adapter")  # measure, metric, and the form that is looked at first


@dataclass(frozen=True)
class Run:
    """What one candidate of one experiment left."""

    name: str  # unique among the runs
    experiment: str
    candidate: str
    scores: pl.DataFrame  # rows of `results.SCORES`
    values: pl.DataFrame  # rows of `results.VALUES`
    logs: Mapping[str, pl.DataFrame]  # of each stage of its chain that is there, the last one last
    costs: Mapping[str, Mapping[str, Any]]

    @property
    def stages(self) -> list[str]:
        """The stages that made it, itself last; none for the base."""
        return [name(prefix) for prefix in prefixes(chain_of(self.candidate))]

    @property
    def ancestors(self) -> list[str]:
        """The candidates that it was trained from, the nearest last."""
        return [BASE, *self.stages[:-1]] if self.stages else []

    @property
    def last(self) -> Mapping[str, Any]:
        """What the last stage cost; empty where that is not known."""
        return self.costs.get(self.candidate, {})

    @property
    def seconds(self) -> float | None:
        """Training of all its stages; none where one is not known."""
        known = [cost.get("seconds") for cost in self.costs.values()]
        return sum(filter(None, known)) if self.stages and len(known) == len(self.stages) and all(known) else None

    @property
    def memory(self) -> tuple[float | None, str]:
        """Most megabytes that any of its stages took, and of what: device, or process where there is no device."""
        for kind, key in MEMORY.items():
            known = [cost[key] for cost in self.costs.values() if cost.get(key) is not None]
            if known and len(known) == len(self.stages):
                return max(known), kind
        return None, ""

    @property
    def epochs(self) -> float | None:
        """Passes of the last stage over its data."""
        log = self.logs.get(self.candidate)
        found: Any = None if log is None else log["epoch"].max()
        return found

    @property
    def loss(self) -> float | None:
        """Median of the last tenth of the last stage's steps."""
        log = self.logs.get(self.candidate)
        values = [] if log is None else log["loss"].drop_nulls().to_list()
        return median(values[-max(1, len(values) // 10) :]) if values else None

    @property
    def latency(self) -> float | None:
        """Milliseconds to the first token of the smallest batch that was timed, where speed was measured."""
        measure, metric, form = LATENCY
        rows = self.scores.filter(pl.col("value").is_not_null(), measure=measure, metric=metric, by="batch")
        rows = rows.sort(pl.col("set") != form, pl.col("group").cast(pl.Int64, strict=False))
        return rows["value"][0] if len(rows) else None

    def score(self, key: str) -> float | None:
        """A score over all items by measure and metric (`accuracy/strict`): the mean over its sets."""
        measure, _, metric = key.partition("/")
        rows = self.scores.filter(measure=measure, metric=metric, by=ALL)
        found: Any = rows["value"].mean() if len(rows) and not rows["value"].has_nulls() else None
        return found


def runs(experiments: Mapping[str, Mapping[str, Any]], candidates: Sequence[str]) -> list[Run]:
    """The candidates of experiments, in this order; those with fewer stages first.

    Args:
        experiments: as `datasets.experiments` reads them.
        candidates: which of them; empty: all.

    Raises:
        UserError: no experiment has a candidate of that name.
    """
    found = []
    for experiment, left in experiments.items():
        own = of_candidates(left["entries"])
        for candidate in own:
            if not candidates or candidate in candidates:
                label = candidate if len(experiments) == 1 else f"{experiment}: {candidate}"
                found.append(_run(label, experiment, candidate, own[candidate], left["entries"]))
    if lacking := [one for one in candidates if one not in {run.candidate for run in found}]:
        known = dict.fromkeys(one for left in experiments.values() for one in of_candidates(left["entries"]))
        raise UserError(
            f"compare.candidates: {lacking[0]!r} was evaluated in none of {', '.join(experiments)}. There are: "
            f"{', '.join(known)}."
        )
    return found


def _run(label: str, experiment: str, candidate: str, own: Mapping[str, Any], entries: Mapping[str, Any]) -> Run:
    stages = [name(prefix) for prefix in prefixes(chain_of(candidate))]
    logs, costs = ({one: entries[f"{one}_{kind}"] for one in stages if f"{one}_{kind}" in entries}
                   for kind in ("log", "resources"))  # fmt: skip
    return Run(label, experiment, candidate, all_scores(own, candidate), all_values(own), logs, costs)


def pairs(found: Sequence[Run]) -> Iterator[tuple[str, str]]:
    """Which runs are tested against each other, so that no test is made that nobody asks for: a candidate against all
    that it was trained from, and against those that were trained from the same; and the same one of two experiments.
    """
    for a, b in combinations(found, 2):
        if a.experiment != b.experiment:
            if a.candidate == b.candidate:
                yield a.name, b.name
        elif a.candidate in b.ancestors or (a.ancestors and a.ancestors == b.ancestors):
            yield a.name, b.name


def rows(found: Sequence[Run], settings: CompareSettings) -> list[dict[str, Any]]:
    """What each run cost and reached, a row a run; what cannot be had is none, with the reason beside it."""
    made = [_row(run, settings) for run in found]
    for cost in ("memory_mb", "seconds"):
        front = pareto([(row["score"], row[cost]) for row in made])
        made = [row | {f"pareto_{cost}": on} for row, on in zip(made, front, strict=True)]
    return made


def _row(run: Run, settings: CompareSettings) -> dict[str, Any]:
    made, cost, (memory, kind) = last_stage(run.candidate), run.last, run.memory
    samples = cost.get("data", {}).get("rows")
    weighed = {key: run.score(key) for key in settings.weights}
    gigabytes = None if memory is None else in_gigabytes(memory)
    pes, why = performance_efficiency(weighed, settings.weights, cost.get("parameters"), gigabytes, settings.log_base)
    return {
        "run": run.name,
        "experiment": run.experiment,
        "candidate": run.candidate,
        "method": made.method if made else None,
        "samples": samples,
        "epochs": run.epochs,
        "stage_seconds": cost.get("seconds"),
        "seconds": run.seconds,
        "loss": run.loss,
        "memory_mb": memory,
        "memory_of": kind,
        "parameters": cost.get("parameters"),
        "trainable_parameters": cost.get("trainable_parameters"),
        "device": cost.get("device"),
        "score": run.score(settings.score),
        "latency": run.latency,
        "samples_per_second": samples_per_second(samples, run.epochs, cost.get("seconds")),
        "performance_efficiency": pes,
        "performance_efficiency_why": why,
    }
