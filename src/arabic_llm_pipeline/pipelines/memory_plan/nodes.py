"""Steps from settings to the plan, and to its plot."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from arabic_llm_pipeline.parameters.devices import DeviceSettings
from arabic_llm_pipeline.parameters.memory import MemorySettings
from arabic_llm_pipeline.parameters.model import AdapterSettings, ModelSettings
from arabic_llm_pipeline.parameters.tokenize import TokenizeSettings

log = logging.getLogger(__name__)


def plan_memory(
    base_files: Path | None,
    model: ModelSettings,
    adapter: AdapterSettings,
    memory: MemorySettings,
    devices: DeviceSettings,
    tokenize: TokenizeSettings,
    stages: Sequence[tuple[str, str, bool]],
    judge: Path | None = None,
    **methods: Any,
) -> pl.DataFrame:
    """What each stage takes of card, machine and disk.

    Args:
        base_files: folder of the base; None for one on the hub, whose configuration alone is looked at.
        model: how the base is held.
        adapter: what is trained.
        memory: the limits.
        devices: how many processes share a step.
        tokenize: the length.
        stages: name, method, and whether it goes on from an adapter.
        judge: directory of DNO's, which may not be there yet; None: it is a rule.
        methods: settings by method.
    """
    from arabic_llm_pipeline.training.memory.table import stage_table

    loops = {method: dict(settings) for method, settings in methods.items()}  # a model of fields, or a mapping
    if judge is not None:
        loops["dno"]["judge"] = str(judge)
    wanted = [(name, method, continues, loops[method]) for name, method, continues in stages]
    found = stage_table(wanted, base_files, model, adapter, memory, devices, tokenize.window)
    for row in found.iter_rows(named=True):
        told = "fits" if row["fits"] else f"does not fit; what would: {row['advice'] or 'a smaller base'}"
        log.info(
            "%s: %.2f GB on the %s, %.2f GB of the machine's memory (estimated); %s",
            row["stage"], row["device_mib"] * 2**20 / 1e9, row["device"], row["host_mib"] * 2**20 / 1e9, told,
        )  # fmt: skip
        if row["note"]:
            log.warning("%s: %s", row["stage"], row["note"])
    return found


def draw_memory_plan(memory_plan: pl.DataFrame) -> Any:
    """The parts of every stage, as a matplotlib figure."""
    from arabic_llm_pipeline.reporting.memory import memory_plot

    return memory_plot(memory_plan)
