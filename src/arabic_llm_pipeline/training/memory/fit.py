"""What makes a stage fit: a choice at the same batch, or advice about the rest."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from arabic_llm_pipeline.training.memory.methods import METHODS
from arabic_llm_pipeline.training.memory.plan import GB, Plan, Stage, plan
from arabic_llm_pipeline.training.memory.split import sizes

RECOMPUTED = 4 / 3  # time of a step with activation checkpointing: a second forward pass beside forward and backward
HALF_IDLE = 512  # tokens in a forward pass at which a card is taken to be half busy; only ranks choices that fit
GRAIN = 64  # lengths that are tried are multiples of it
Fits = Callable[[Plan], bool]
Change = tuple[str, Stage]


def choose(stage: Stage, config: Any, fits: Fits, most: int | None = None, *, again: bool = False) -> Plan | None:
    """The quickest micro-batch, accumulation and checkpointing that fit, at the same batch; None: none does.

    Where the loss compares the rows of a pass, the micro-batch is left as it is.

    Args:
        stage: as it is.
        config: of the base.
        fits: whether a plan does.
        most: rows in a forward pass; None: as many as fit.
        again: with checkpointing only.
    """
    even = [stage.micro_batch] if stage.compared else sizes(stage.method, stage.batch, stage.processes)
    fitting = [size for size in even if most is None or size <= most]
    ways = [_sized(stage, size, checkpointing) for size in fitting for checkpointing in {again, True}]
    for way in sorted(ways, key=_slowness):
        if fits(plan(way, config, roughly=True)):
            return plan(way, config)
    return None


def advice(stage: Stage, config: Any, fits: Fits) -> list[str]:
    """Changes that make a stage fit, each alone; or, where none does, all of those that save anything, together.

    The last line says which length would fit as things are.
    """
    words, least = _together(stage, config)
    if not fits(plan(replace(least.stage, length=GRAIN), config)):
        return []
    alone = [(told, plan(changed, config)) for told, changed in _changes(stage, config)]
    lines = [f"{told} ({_gb(found.device)} GB)" for told, found in alone if fits(found)]
    if not lines and fits(least):
        lines = [f"{words}, together ({_gb(least.device)} GB)"]
    if length := longest(stage, config, fits):
        lines.append(f"tokenize.window={length}, which changes the data")
    return lines


def longest(stage: Stage, config: Any, fits: Fits) -> int:
    """The greatest length, in steps of 64, at which a stage fits; 0: none."""
    low, high = 0, stage.length // GRAIN
    while low < high:
        middle = (low + high + 1) // 2
        if fits(plan(replace(stage, length=middle * GRAIN), config)):
            low = middle
        else:
            high = middle - 1
    return low * GRAIN


def settings_of(stage: Stage) -> str:
    """The settings that `choose` chooses, as one would type them."""
    checkpointing = "true" if stage.checkpointing else "false"
    return (
        f"{stage.method}.micro_batch={stage.micro_batch}, {stage.method}.accumulation={stage.accumulation}, "
        f"{stage.method}.activation_checkpointing={checkpointing}"
    )


def _sized(stage: Stage, size: int, checkpointing: bool) -> Stage:
    return replace(stage, micro_batch=size, accumulation=stage.batch // size, checkpointing=checkpointing)


def _slowness(stage: Stage) -> float:
    tokens = stage.micro_batch * METHODS[stage.method].sequences * stage.length
    return (RECOMPUTED if stage.checkpointing else 1.0) * (1 + HALF_IDLE / tokens)


def _changes(stage: Stage, config: Any) -> Iterator[Change]:
    """Each with the words in which one would type it, the cheapest in quality and time first."""
    smallest = next(iter(sizes(stage.method, stage.batch, stage.processes)), stage.micro_batch)
    if smallest < stage.micro_batch:
        changed = _sized(stage, smallest, stage.checkpointing)
        yield f"{stage.method}.micro_batch={smallest} and {stage.method}.accumulation={changed.accumulation}", changed
    if not stage.checkpointing:
        yield f"{stage.method}.activation_checkpointing=true", replace(stage, checkpointing=True)
    if not stage.optimizer.startswith("paged_"):
        yield f"{stage.method}.optimizer=paged_adamw_8bit", replace(stage, optimizer="paged_adamw_8bit")
    if stage.drawing is not None and stage.drawing.prompts > 1:
        yield _fewer_prompts(stage, config)
    yield from _smaller_model(stage)


def _fewer_prompts(stage: Stage, config: Any) -> Change:
    """As many at once as take no more than training does."""
    while stage.drawing and stage.drawing.prompts > 1 and plan(stage, config).sampling > 0:
        stage = replace(stage, drawing=replace(stage.drawing, prompts=stage.drawing.prompts // 2))
    return f"{stage.method}.sampling_batch={stage.drawing.prompts if stage.drawing else 0}", stage


def _smaller_model(stage: Stage) -> Iterator[Change]:
    if stage.lora is None:
        return
    if stage.model.quantization in {"none", "int8"}:
        smaller = stage.model.model_copy(update={"quantization": "nf4", "double_quantization": True})
        yield "model.quantization=nf4", replace(stage, model=smaller)
    if stage.lora.r > 1:
        rank = max(1, stage.lora.r // 2)
        yield f"adapter.r={rank}", replace(stage, lora=stage.lora.model_copy(update={"r": rank}))


def _together(stage: Stage, config: Any) -> tuple[str, Plan]:
    said, changed = [], stage
    while True:
        step = next(((words, new) for words, new in _changes(changed, config) if words.split("=")[0] not in said), None)
        if step is None:
            break
        said.append(step[0].split("=")[0])
        changed = step[1]
    words = [settings_of(changed), f"{stage.method}.optimizer={changed.optimizer}"]
    if changed.drawing is not None:
        words.append(f"{stage.method}.sampling_batch={changed.drawing.prompts}")
    if changed.lora is not None:
        words += [f"model.quantization={changed.model.quantization}", f"adapter.r={changed.lora.r}"]
    return ", ".join(words), plan(changed, config)


def _gb(size: float) -> str:
    return f"{size / GB:.2f}"
