"""The plan of all stages of a run as a table."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from arabic_llm_pipeline.parameters.devices import DeviceSettings
from arabic_llm_pipeline.parameters.memory import MemorySettings
from arabic_llm_pipeline.parameters.model import AdapterSettings, ModelSettings
from arabic_llm_pipeline.training import models
from arabic_llm_pipeline.training.memory import architecture, fit
from arabic_llm_pipeline.training.memory.drawing import drawing
from arabic_llm_pipeline.training.memory.judge import Judge, planned_judge
from arabic_llm_pipeline.training.memory.limits import Room, room
from arabic_llm_pipeline.training.memory.methods import is_summed
from arabic_llm_pipeline.training.memory.plan import MIB, Plan, Stage, dtype_of, plan
from arabic_llm_pipeline.training.quiet import hush

Wanted = tuple[str, str, bool, Mapping[str, Any]]  # name, method, whether it goes on from an adapter, settings


def stage_table(
    stages: Iterable[Wanted],
    base: Path | None,
    model: ModelSettings,
    lora: AdapterSettings,
    memory: MemorySettings,
    devices: DeviceSettings,
    window: int,
) -> pl.DataFrame:
    """A row a stage: its settings, its parts in MiB, whether it fits and what would make it.

    A judge counts as what it is now or, where it is not there yet, as what its stage will make of it; `note` says what
    was assumed of it. For the card of this machine; without one, for a card of `memory.limit_gb`; with no limit either,
    for a CPU.

    Args:
        stages: of a run.
        base: folder of the base; None: its configuration is looked for by name.
        model: how the base is held.
        lora: the adapter.
        memory: the limits, and whether settings are chosen.
        devices: how many processes share a step.
        window: tokens of a sequence.
    """
    hush()
    config = architecture.find_config(model, base)
    real = models.device().type == "cuda"
    limits = room(memory, on_card=real, empty=True)  # what else runs now says little about later
    rows = []
    for name, method, continues, loop in stages:
        stage = Stage(
            method=method,
            model=model,
            lora=lora,
            micro_batch=loop["micro_batch"],
            accumulation=loop["accumulation"],
            checkpointing=loop["activation_checkpointing"],
            optimizer=loop["optimizer"],
            length=window,
            continues=continues,
            precomputed=bool(loop.get("precompute_reference")),
            on_card=real or memory.limit_gb is not None,
            compared=not is_summed(method, loop),
            processes=devices.processes,
            sharded=devices.sharding == "full",
        )
        judge = planned_judge(loop["judge"], base, config, model, lora, dtype_of(stage)) if "judge" in loop else Judge()
        stage = replace(stage, drawing=drawing(loop, judge.held))
        found = (fit.choose(stage, config, limits.has) if memory.fit else None) or plan(stage, config)
        rows.append(_row(name, found, config, limits) | {"note": judge.note})
    return pl.DataFrame(rows)


def _row(name: str, found: Plan, config: Any, limits: Room) -> dict[str, Any]:
    stage, lack = found.stage, limits.lack(found)
    return {
        "stage": name,
        "method": stage.method,
        "device": "card" if stage.on_card else "CPU",
        "model": stage.model.name,
        "quantization": stage.model.quantization,
        "length": stage.length,
        "processes": stage.processes,
        "micro_batch": stage.micro_batch,
        "accumulation": stage.accumulation,
        "activation_checkpointing": stage.checkpointing,
        "optimizer": stage.optimizer,
        "parameters": found.parameters,
        "trained_parameters": found.trainable,
        **found.row(),
        "device_limit_mib": None if limits.device is None else round(limits.device / MIB, 1),
        "host_limit_mib": None if limits.host is None else round(limits.host / MIB, 1),
        "fits": not lack,
        "advice": "; ".join(fit.advice(stage, config, limits.has)) if lack else "",
    }
