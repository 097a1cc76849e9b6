"""The values behind the thresholds: histograms with the line of each, and texts on either side of it."""

import polars as pl

from arabic_llm_pipeline.reporting import plots
from arabic_llm_pipeline.reporting.inputs import Inputs
from arabic_llm_pipeline.reporting.style import to_svg
from arabic_llm_pipeline.reporting.view import Block, Column, Figure, Table, count, short, words

SHOWN = 8  # limits, those first on whose wrong side most texts lie; the others are folded


def blocks(inputs: Inputs) -> list[Block]:
    """One part, or none where there is no document."""
    table = inputs["quality_table"]
    if table.is_empty():
        return []
    names = strictest(table)
    text = (
        "How many documents, dropped ones included, have which value; the dashed line is the threshold for all "
        "dialects. Those come first that most texts are beyond; a text goes for the first one that it breaks."
    )
    figures = [histogram(table.filter(limit=name), name) for name in names]
    lists = [examples(table.filter(limit=name), name) for name in names]
    return [Block("Thresholds", [text], figures[:SHOWN], lists=lists, more=figures[SHOWN:])]


def strictest(table: pl.DataFrame) -> list[str]:
    """The limits, those first that most texts are beyond; of equals in the order of their names."""
    upper = pl.col("limit").str.contains(r"\.max_\w+$")
    beyond = pl.when(upper).then(pl.col("low") >= pl.col("threshold")).otherwise(pl.col("high") <= pl.col("threshold"))
    counts = table.group_by("limit").agg(rows=pl.col("rows").filter(beyond).sum())
    return counts.sort("rows", "limit", descending=[True, False])["limit"].to_list()


def histogram(table: pl.DataFrame, name: str) -> Figure:
    """The values that one limit is compared with; the last bar has all that is beyond it."""
    bins = table.filter(pl.col("rows").is_not_null()).sort("low")
    limit, measured = float(bins["threshold"][0]), words(name.rpartition(".")[2].partition("_")[2])
    edges = [*bins["low"], bins["high"][-1]]
    plot = plots.histogram(edges, bins["rows"].to_list(), round(limit, 4), words(bins["reason"][0]), measured)
    rows = [[f"{short(low)} to {short(high)}", count(n)] for low, high, n in bins.select("low", "high", "rows").rows()]
    columns = [Column(measured), Column("Texts", "number")]
    caption = f"{measured.capitalize()}: {name} is {short(round(limit, 4))}. What is beyond the last bar is in it."
    key = f"quality-{name.replace('.', '-')}"
    return Figure(key, to_svg(plot, key), caption, Table("Texts by value", columns, rows))


def examples(table: pl.DataFrame, name: str) -> Table:
    """Texts nearest to a limit, those that pass first."""
    found = table.filter(pl.col("passes").is_not_null()).sort(~pl.col("passes"), maintain_order=True)
    rows = [
        ["passes" if passes else "beyond", short(round(value, 4)), source, excerpt]
        for passes, value, source, excerpt in found.select("passes", "value", "source", "excerpt").rows()
    ]
    columns = [Column("Side"), Column("Value", "number"), Column("Source"), Column("Text", "arabic")]
    return Table(f"Texts near the limit {name}", columns, rows)
