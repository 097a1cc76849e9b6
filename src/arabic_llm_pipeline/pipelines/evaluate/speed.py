"""How fast each candidate reads and writes, a node for each."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
from kedro.pipeline import Node

from arabic_llm_pipeline.parameters.model import ModelSettings
from arabic_llm_pipeline.parameters.speed import SpeedSettings
from arabic_llm_pipeline.pipelines.evaluate.candidates import of_candidate

OUTPUTS = ("speed", "speed_values")


def measure_speed(
    *,
    base_model: dict[str, Any],
    speed: SpeedSettings,
    model: ModelSettings,
    seed: int,
    adapter: Path | None,
    candidate: str,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """How fast a candidate reads and writes: scores, and the values behind them.

    Args:
        base_model: which base.
        speed: what is timed.
        model: how the base is loaded.
        seed: of the prompts' tokens.
        adapter: of the stage that made the candidate; none for the base, which has one form.
        candidate: its name.
    """
    from arabic_llm_pipeline.evaluation.speed import measure
    from arabic_llm_pipeline.training.merge import merged
    from arabic_llm_pipeline.training.models import compute_dtype, device, is_whole, load_candidate, quantization

    def whole() -> Any:
        made: Any = merged(base_model, adapter, model, "dequantized")  # type: ignore[arg-type]
        made = made.to(compute_dtype(model)).to(device())
        made.config.use_cache, made.candidate = True, candidate
        return made.eval()

    held = quantization(base_model, model)
    load = partial(load_candidate, base_model, adapter, model, candidate)
    apart = adapter is not None and not is_whole(adapter)
    known: dict[str, Callable[[], Any]]
    known = {"adapter": load, "merged": whole} if apart else {"base" if adapter is None else "whole": load}
    forms = {name: how for name, how in known.items() if name in speed.forms or (speed.forms and not apart)}
    return measure(forms, speed, seed, held if adapter is None or apart else "none")


def node(candidate: str) -> Node:
    """The node of a candidate."""
    return of_candidate(measure_speed, candidate, OUTPUTS)
