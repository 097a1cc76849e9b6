"""The table of a stage's steps, and what they cost."""

from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy as np
import polars as pl
import torch

from arabic_llm_pipeline.training.gauges import MB, Gauges, device_mb, process_mb

Row = dict[str, Any]
COLUMNS = (
    "step", "epoch", "loss", "learning_rate", "grad_norm", "tokens", "tokens_per_second", "samples_per_second",
    "seconds", "process_memory_mb", "process_memory_now_mb", "device_memory_mb", "device_used_mb",
    "device_utilisation", "device_watts", "device_celsius", "energy_joules",
)  # fmt: skip
OF_THE_MACHINE = COLUMNS[COLUMNS.index("tokens_per_second") :]  # another run of the same training has others
SLOPE_STEPS = 1_000  # the last ones, over which the memory's slope is taken
SETTLING = 20  # first steps of a process, in which it takes what it keeps
LEAST = 30  # steps that say anything of a slope


def table(rows: list[Row]) -> pl.DataFrame:
    """The rows of steps as a frame; the named columns first, then the method's own by name."""
    rows = [row for row in rows if "loss" in row]
    others = sorted({name for row in rows for name in row} - set(COLUMNS))
    integers = {"step", "tokens"}
    schema = {name: pl.Int64 if name in integers else pl.Float64 for name in (*COLUMNS, *others)}
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)


def resources(
    frame: pl.DataFrame, model: torch.nn.Module, dtype: torch.dtype, quantization: str, since: int, gauges: Gauges
) -> dict[str, Any]:
    """What a stage cost: time and tokens of all its steps, killed or not; memory, device, energy, sizes.

    Args:
        frame: of the steps.
        model: that was trained.
        dtype: that it computed in.
        quantization: of its weights.
        since: step after which this process went on, 0 if it began.
        gauges: that were read in its steps.
    """
    card = torch.cuda.is_available()
    own = frame.filter(pl.col("step") > since + SETTLING)
    return {
        "seconds": frame["seconds"].sum(),
        "steps": len(frame),
        "tokens": frame["tokens"].max(),
        "tokens_per_second": median(frame["tokens_per_second"]),
        "samples_per_second": median(frame["samples_per_second"]),
        "peak_process_mb": max(process_mb(), *frame["process_memory_mb"]),
        "process_mb_per_1000_steps": slope(own["step"].to_list(), own["process_memory_now_mb"].to_list()),
        "process_slope_steps": min(len(own), SLOPE_STEPS),
        "peak_device_allocated_mb": device_mb(),
        "peak_device_reserved_mb": torch.cuda.max_memory_reserved() / MB if card else None,
        "peak_device_used_mb": frame["device_used_mb"].max(),
        "device_used_of": gauges.used_of,
        "energy_watt_hours": _watt_hours(frame["energy_joules"]),
        "energy_of": gauges.energy_of,
        "device": torch.cuda.get_device_name() if card else f"CPU, {torch.get_num_threads()} of its cores",
        "dtype": str(dtype).removeprefix("torch."),
        "quantization": quantization,
        "trainable_parameters": sum(part.numel() for part in model.parameters() if part.requires_grad),
        "parameters": _count(model),
    }


def slope(steps: Sequence[int], memory: Sequence[float]) -> float | None:
    """Growth over the last steps by least squares, in the unit of `memory` per 1,000 steps; None of too few."""
    if len(steps) < LEAST:
        return None
    return float(1_000 * np.polyfit(steps[-SLOPE_STEPS:], memory[-SLOPE_STEPS:], 1)[0])


def _watt_hours(joules: pl.Series) -> float | None:
    """Of all steps; None if any of them was not measured: a part would pass for the whole."""
    return None if joules.is_null().any() else float(joules.sum()) / 3600


def _count(model: torch.nn.Module) -> int:
    """Parameters, those in 4 bits counted as what they stand for; without frozen copies."""
    named = [(name, part) for name, part in model.named_parameters() if ".ref." not in name]
    return sum(2 * part.numel() if part.dtype == torch.uint8 else part.numel() for name, part in named)
