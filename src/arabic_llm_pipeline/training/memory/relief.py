"""What takes less memory at the same batch, for a stage that ran out of it: it goes on from its last checkpoint."""

from typing import Any

from arabic_llm_pipeline.common.files import read_json
from arabic_llm_pipeline.training.job import Job
from arabic_llm_pipeline.training.memory.methods import METHODS, is_summed
from arabic_llm_pipeline.training.memory.record import PLAN
from arabic_llm_pipeline.training.memory.split import sizes


def ways(job: Job) -> list[dict[str, Any]]:
    """Changes of `memory`, each alone, the quickest to train with first.

    A smaller forward pass is one only where a method's result then differs by rounding.
    """
    found: list[dict[str, Any]] = []
    loop = _as_run(job)
    size, batch = loop["micro_batch"], loop["micro_batch"] * loop["accumulation"]
    if is_summed(job.method, loop):
        half = max(size // 2, METHODS[job.method].smallest)
        smaller = [rows for rows in sizes(job.method, batch, job.devices.processes) if rows < size and rows <= half]
        found += [{"micro_batch": rows} for rows in smaller[-1:]]
    if not (job.memory.activation_checkpointing or loop.get("activation_checkpointing")):
        found.append({"activation_checkpointing": True})
    return found


def advice(job: Job) -> str:
    """What one can set, for people."""
    less = [f"--params={as_typed(change)}" for change in ways(job)]
    if less:
        return f"With {' or '.join(less)} it takes less, at the same batch, and goes on from there too."
    return "With model.quantization=nf4, a lower tokenize.window or a smaller base it takes less, and begins anew."


def as_typed(change: dict[str, Any]) -> str:
    """A change as one would type it."""
    return ",".join(f"memory.{name}={str(value).lower()}" for name, value in change.items())


def _as_run(job: Job) -> dict[str, Any]:
    """The method's settings, with those that the memory plan chose in the end."""
    plan = job.workspace / PLAN
    chosen = read_json(plan) if plan.is_file() else {}
    loop = {"micro_batch": 1, "accumulation": 1, **job.settings}
    return {name: chosen.get(name, value) for name, value in loop.items()}
