"""Some steps of each stage, one on the adapter of the other, in a folder that goes when they are timed."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from arabic_llm_pipeline.parameters.dry_run import DryRunSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rehearsed:
    """A stage: what it is called, the one before it (empty: none), and how it is trained."""

    name: str
    before: str
    method: str
    step: Callable[..., Any]
    inputs: Mapping[str, str]  # argument of the step -> argument of the node
    changes: Mapping[str, Any]
    rate: float
    domain: bool


def rehearse(
    dry_run: DryRunSettings,
    stages: Sequence[Rehearsed],
    workspace: Path,
    **given: Any,
) -> pl.DataFrame:
    """Train some steps of each stage and tell what all of them would take; what they learned is thrown away.

    Args:
        dry_run: how many steps.
        stages: of the recipes, each after the one that it goes on from.
        workspace: goes when the table is made.
        given: data, models and settings, by name and in their types; settings of a method by the method's. `memory` and
            `devices` are asked for because what is measured hangs on them; stages are told of them by
            `training.conditions`.

    Returns:
        A row a stage: seconds a step, tokens a second, the time of the whole stage with an interval of 95%, and the
        highest memory beside the planned one (of the card what torch handed out, of a CPU the process).
    """
    from arabic_llm_pipeline.pipelines.stages.nodes import changed
    from arabic_llm_pipeline.training import rehearsal

    rows: list[dict[str, Any]] = []
    adapters: dict[str, Path | None] = {"": given["start_adapter"]}
    for stage in stages:
        settings = changed(given[stage.method], stage.changes, stage.rate, None)
        folder = workspace / f"{stage.name}_adapter" / "work"
        folder.mkdir(parents=True, exist_ok=True)
        begun = time.perf_counter()
        adapters[stage.name], steps, cost = stage.step(
            settings=given[stage.method],
            model=given["model"],
            lora=given["adapter"],
            changes={**stage.changes, **rehearsal.shortened(settings, dry_run)},
            rate=stage.rate,
            workspace=folder,
            adapter=adapters[stage.before],
            **({"domain": given["domain"].model_dump()} if stage.domain else {}),
            **{argument: given[name] for argument, name in stage.inputs.items()},
        )
        wall = time.perf_counter() - begun
        rows.append(rehearsal.row(stage.name, settings, dry_run, steps, cost, wall))
        _tell(rows[-1])
    return pl.DataFrame(rows)


def _tell(row: Mapping[str, Any]) -> None:
    told = "" if row["planned_mib"] is None else f", {row['planned_mib']:,.0f} planned"
    log.info(
        "%s: %.2f s a step, %s tokens/s; all %d steps about %s (%s to %s); at most %s MiB%s",
        row["stage"], row["seconds_per_step"], f"{row['tokens_per_second']:,.0f}", row["steps"],
        *(_time(row[f"estimated_seconds{end}"]) for end in ("", "_low", "_high")), f"{row['peak_mib']:,.0f}", told,
    )  # fmt: skip


def _time(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes else f"{seconds:.0f} s"
