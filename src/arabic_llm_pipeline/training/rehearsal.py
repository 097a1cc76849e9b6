"""A stage's time and memory, told from its first steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from arabic_llm_pipeline.parameters.dry_run import DryRunSettings
from arabic_llm_pipeline.parameters.preference import DnoSettings
from arabic_llm_pipeline.parameters.training import AdapterLoopSettings

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """Seconds: the likeliest, and the ends of an interval."""

    value: float
    low: float
    high: float


def seconds_of(measured: Sequence[float], steps: int) -> Estimate:
    """What so many steps take, from some that were timed.

    The interval is Student's for the mean of the steps, times their number: it is about chance among batches, not about
    a machine that gets busy or a card that gets hot.

    Args:
        measured: seconds of steps; two at least.
        steps: of the stage.
    """
    from scipy.stats import t

    found = np.asarray(measured, dtype=float)
    error = found.std(ddof=1) / np.sqrt(len(found))
    half = float(t.ppf((1 + CONFIDENCE) / 2, len(found) - 1) * error)
    mean = float(found.mean())
    return Estimate(steps * mean, steps * max(0.0, mean - half), steps * (mean + half))


def shortened(settings: AdapterLoopSettings, dry: DryRunSettings) -> dict[str, Any]:
    """What a stage's settings are in a dry run; all that makes the shape of a step stays.

    Args:
        settings: of the method.
        dry: how many steps.
    """
    changes: dict[str, Any] = {"steps": dry.steps, "save_steps": 10 * dry.steps}
    if isinstance(settings, DnoSettings):  # its sampling is timed on as few prompts as tell the time of one
        changes |= {"rounds": 1, "prompts": _sampled(settings), "margin": 1e-9}
    return changes


def whole_steps(settings: AdapterLoopSettings, rows: int) -> int:
    """Optimizer steps of the stage itself, all rounds together.

    Args:
        settings: of the method, as they are.
        rows: of a pass over its data.
    """
    rounds = 1
    if isinstance(settings, DnoSettings):
        rows, rounds = settings.prompts, settings.rounds  # at most: a pair of each prompt
    return rounds * (settings.steps or max(1, round(rows * settings.epochs / settings.batch)))


def row(
    name: str,
    settings: AdapterLoopSettings,
    dry: DryRunSettings,
    log: pl.DataFrame,
    cost: Mapping[str, Any],
    wall: float,
) -> dict[str, Any]:
    """A stage's row in the table.

    Args:
        name: of the stage.
        settings: of the method, as they are without the dry run.
        dry: how many steps, and which of them count.
        log: a row a step, as the dry run left it.
        cost: what it cost.
        wall: seconds from its start to its end.
    """
    timed = log["seconds"].to_list()[dry.skipped :]
    steps = whole_steps(settings, int(cost["data"]["rows"]))
    found, sampling = seconds_of(timed, steps), _sampling(settings, cost)
    start = max(0.0, wall - float(log["seconds"].sum()) - cost.get("seconds_sampling_and_judging", 0.0))
    rest, card = start + sampling, cost["peak_device_allocated_mb"] is not None
    peak = cost["peak_device_allocated_mb"] if card else cost["peak_process_mb"]
    planned = cost.get("planned_allocated_mb" if card else "planned_host_mb")
    return {
        "stage": name,
        "device": cost["device"],
        "processes": cost["processes"],
        "micro_batch": cost.get("micro_batch", settings.micro_batch),
        "accumulation": cost.get("accumulation", settings.accumulation),
        "measured_steps": len(timed),
        "seconds_per_step": float(np.mean(timed)),
        "tokens_per_second": float(log["tokens_per_second"][dry.skipped :].median()),  # type: ignore[arg-type]
        "start_seconds": start,
        "steps": steps,
        "estimated_seconds": found.value + rest,
        "estimated_seconds_low": found.low + rest,
        "estimated_seconds_high": found.high + rest,
        "peak_mib": peak,
        "planned_mib": planned,
        "planned_to_peak": planned / peak if planned else None,
    }


def _sampling(settings: AdapterLoopSettings, cost: Mapping[str, Any]) -> float:
    """Seconds that a method takes for answers of its own, all rounds together, as few of them took."""
    if not isinstance(settings, DnoSettings):
        return 0.0
    return float(cost["seconds_sampling_and_judging"]) * settings.rounds * settings.prompts / _sampled(settings)


def _sampled(settings: DnoSettings) -> int:
    """Prompts that are answered in a dry run."""
    return min(settings.prompts, 2 * settings.micro_batch)
