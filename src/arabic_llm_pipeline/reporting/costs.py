"""What the stages cost: time, memory, device."""

from collections.abc import Sequence

from arabic_llm_pipeline.reporting.inputs import Inputs
from arabic_llm_pipeline.reporting.view import Block, Column, Table, count, duration, plain, short

RESOURCES = {
    "seconds": ("Time", duration),
    "steps": ("Steps", count),
    "tokens": ("Tokens", count),
    "tokens_per_second": ("Tokens a second, median", count),
    "samples_per_second": ("Rows a second, median", short),
    "planned_allocated_mb": ("Tensors, MB as planned before it began", count),
    "peak_device_allocated_mb": ("Tensors, MB at most as measured on the device", count),
    "planned_device_mb": ("Device memory, MB as planned, with CUDA's own", count),
    "peak_device_reserved_mb": ("Device memory, peak MB reserved", count),
    "planned_host_mb": ("Process memory, MB as planned, with libraries", count),
    "peak_process_mb": ("Process memory, peak MB", count),
    "process_mb_per_1000_steps": ("Process memory, growth in MB per 1,000 steps", short),
    "process_slope_steps": ("of so many last steps", count),
    "energy_watt_hours": ("Energy, watt hours", short),
    "energy_of": ("Energy of", plain),
    "best_step": ("Step of the lowest held-out loss", count),
    "best_validation_loss": ("Lowest held-out loss", short),
    "result_is_of_best_step": ("Result is of that step", plain),
    "device": ("Device", plain),
    "dtype": ("Computed in", plain),
    "quantization": ("Weights in", plain),
    "trainable_parameters": ("Trained parameters", count),
    "parameters": ("Parameters", count),
}


def blocks(inputs: Inputs) -> list[Block]:
    """One part: what each stage took."""
    return [Block(tables=[resources_table(inputs)])]


def resources_table(inputs: Inputs) -> Table:
    """A column a stage: time, memory, device. Known figures first, then whatever else the stage recorded."""
    costs = [inputs.resources[stage] for stage in inputs.stages]
    others = sorted({key for cost in costs for key in cost} - set(RESOURCES))
    named = {key: ways for key, ways in RESOURCES.items() if any(cost.get(key) is not None for cost in costs)}
    rows: list[Sequence[str]] = [
        [text, *(write(cost.get(key)) for cost in costs)] for key, (text, write) in named.items()
    ]
    rows += [[key.replace("_", " "), *(_other(cost.get(key)) for cost in costs)] for key in others]
    return Table("What each stage took", [Column(""), *(Column(stage, "number") for stage in inputs.stages)], rows)


def _other(found: object) -> str:
    return short(found) if isinstance(found, (int, float)) and not isinstance(found, bool) else plain(found)
