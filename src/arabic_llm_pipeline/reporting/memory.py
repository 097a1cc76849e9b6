"""The memory plan as a plot."""

import polars as pl
from matplotlib.figure import Figure

from arabic_llm_pipeline.reporting import plots
from arabic_llm_pipeline.reporting.style import INK

PARTS = {
    "weights_mib": "weights",
    "embedding_mib": "embedding",
    "adapter": "training state",
    "reference_mib": "reference",
    "activations_mib": "activations",
    "logits_mib": "logits",
    "sampling_mib": "sampling",
    "context_mib": "CUDA",
    "margin_mib": "fragmentation",
}
TRAINED = ("trained_mib", "gradients_mib", "optimizer_mib")
LEAST = 1.0  # MiB that a part has in some stage, to be in the legend


def memory_plot(plan: pl.DataFrame) -> Figure:
    """A bar a stage, by part, with the limit as an upright line."""
    found = plan.with_columns(adapter=pl.sum_horizontal(*TRAINED))
    lengths = {told: found[column].to_list() for column, told in PARTS.items()}
    parts = {told: length for told, length in lengths.items() if max(length) >= LEAST}
    figure = plots.stacked(plan["stage"].to_list(), parts, "MiB", "Memory of the device, estimated")
    limit = plan["device_limit_mib"][0]
    if limit is not None:
        [axes] = figure.axes
        axes.axvline(limit, color=INK, linewidth=1.2, linestyle=plots.DASHES[2])
        side = "right" if limit > sum(axes.get_xlim()) / 2 else "left"
        axes.annotate(f" limit {limit:,.0f} ", (limit, 1), xycoords=("data", "axes fraction"), ha=side, va="bottom",
                      fontsize=8, color=INK)  # fmt: skip
    return figure
