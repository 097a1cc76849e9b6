"""What the stages cost: time, memory, device."""

from collections.abc import Sequence

from arabic_llm_pipeline.reporting import plots
from arabic_llm_pipeline.reporting.inputs import Inputs
from arabic_llm_pipeline.reporting.plots import Series
from arabic_llm_pipeline.reporting.style import to_svg
from arabic_llm_pipeline.reporting.view import (
    ABSENT,
    HOUR_S,
    Block,
    Column,
    Figure,
    Table,
    count,
    duration,
    listed,
    plain,
    short,
)

# Power at full load as the makers state it (board power of cards), by a part of the device's name; first match counts.
RATED_W = {
    "H200": 700.0, "H100": 700.0, "A100": 400.0, "RTX 4090": 450.0, "RTX 3060": 170.0, "GTX 1650": 75.0, "T4": 70.0,
}  # fmt: skip
PROCESSOR_W = 65.0  # a desktop processor's
PLANNED = (
    ("tensors on the device", "planned_allocated_mb", "peak_device_allocated_mb"),
    ("on the device", "planned_device_mb", "peak_device_used_mb"),  # both with CUDA's own part
    ("in the process", "planned_host_mb", "peak_process_mb"),
)
SHOWN_ABOVE = "data"  # what a stage was trained on: nested, and in the section on training
GROWTH, GROWTH_OVER = "process_mb_per_1000_steps", "process_slope_steps"

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
    "peak_device_used_mb": ("Device memory, peak MB taken, with CUDA's own", count),
    "device_used_of": ("Device memory, taken by", plain),
    "planned_host_mb": ("Process memory, MB as planned, with libraries", count),
    "peak_process_mb": ("Process memory, peak MB", count),
    GROWTH: ("Process memory, growth in MB per 1,000 steps", short),
    GROWTH_OVER: ("Process memory, growth over so many last steps", count),
    "energy_watt_hours": ("Energy, watt hours", short),
    "energy_of": ("Energy, what was measured", plain),
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
    """What each stage took, energy, and memory as planned beside what was measured."""
    figure = memory_figure(inputs)
    return [Block(text=[_energy(inputs)], figures=[figure] if figure else [], tables=[resources_table(inputs)])]


def _energy(inputs: Inputs) -> str:
    """The sum of all stages: measured where the device tells it, else by the power that a device is made for."""
    stages = [inputs.resources[stage] for stage in inputs.stages]
    seconds = sum(cost.get("seconds") or 0 for cost in stages)
    told = [cost.get("energy_watt_hours") for cost in stages]
    if stages and all(found is not None for found in told):
        measured = short(sum(float(found or 0) for found in told))
        return f"Training took {duration(seconds)} and {measured} watt hours, as measured."
    rated = {watts(cost.get("device"), inputs.report.watts) for cost in stages}
    hours = sum(watts(cost.get("device"), inputs.report.watts) * (cost.get("seconds") or 0) / HOUR_S for cost in stages)
    return (
        f"Training took {duration(seconds)}; about {short(float(f'{hours:.2g}'))} watt hours by an assumed draw of "
        f"{listed(f'{one:g} W' for one in sorted(rated))}. That is an estimate from above of what the device took; the "
        "machine around it, the evaluation and trials before this run are not in it (report.watts is yours to set)."
    )


def watts(device: str | None, given: float | None) -> float:
    """What a device draws at full load: as given, or by its name as its maker says, or that of a desktop processor."""
    return given or next((power for name, power in RATED_W.items() if device and name in device), PROCESSOR_W)


def memory_figure(inputs: Inputs) -> Figure | None:
    """The plan's peak beside the measured one, a stage each; none where no plan was written down."""
    rows = []
    for stage in inputs.stages:
        cost = inputs.resources[stage]
        for what, planned, measured in PLANNED:
            if cost.get(planned) is not None and cost.get(measured) is not None:
                rows.append((f"{stage} {what}", float(cost[planned]), float(cost[measured])))
    if not rows:
        return None
    names, nothing = [name for name, *_ in rows], [None] * len(rows)
    series = [
        Series("planned", [planned for _, planned, _ in rows], nothing, baseline=True),
        Series("measured", [found for *_, found in rows], nothing),
    ]
    columns = [Column(""), *(Column(name, "number") for name in ("Planned, MB", "Measured, MB", "Plan over measured"))]
    cells = [
        [name, count(plan), count(found), f"{plan / found:.2f}" if found else ABSENT] for name, plan, found in rows
    ]
    caption = "Peak memory of each stage: as planned before anything was loaded (hollow), and as measured."
    if any(inputs.resources[stage].get("peak_device_used_mb") is not None for stage in inputs.stages):
        caption += " What is taken on the device is with CUDA's own part; by whom, the table of costs says."
    svg = to_svg(plots.dots(names, series, "MB", "Memory: plan and measurement"), "memory-plan")
    return Figure("memory-plan", svg, caption, Table("Memory as planned and as measured", columns, cells))


def resources_table(inputs: Inputs) -> Table:
    """A column a stage: time, memory, device. Known figures first, then whatever else the stage recorded."""
    costs = [inputs.resources[stage] for stage in inputs.stages]
    others = sorted({key for cost in costs for key in cost} - set(RESOURCES) - {SHOWN_ABOVE})
    named = {key: ways for key, ways in RESOURCES.items() if any(cost.get(key) is not None for cost in costs)}
    if GROWTH not in named:
        named.pop(GROWTH_OVER, None)
    rows: list[Sequence[str]] = [
        [text, *(write(cost.get(key)) for cost in costs)] for key, (text, write) in named.items()
    ]
    rows += [[key.replace("_", " "), *(_other(cost.get(key)) for cost in costs)] for key in others]
    return Table("What each stage took", [Column(""), *(Column(stage, "number") for stage in inputs.stages)], rows)


def _other(found: object) -> str:
    return short(found) if isinstance(found, (int, float)) and not isinstance(found, bool) else plain(found)
