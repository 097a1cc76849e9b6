"""Copies and contamination: sizes of clusters, whose records went for whose, and what the evaluation took away."""

import polars as pl

from arabic_llm_pipeline.corpus.contamination import IN_EVALUATION, OVERLAPS_EVALUATION
from arabic_llm_pipeline.corpus.near import NEAR_EVALUATION
from arabic_llm_pipeline.reporting import plots
from arabic_llm_pipeline.reporting.inputs import Inputs
from arabic_llm_pipeline.reporting.style import to_svg
from arabic_llm_pipeline.reporting.view import Block, Column, Figure, Table, count

MEASURED = (IN_EVALUATION, OVERLAPS_EVALUATION, NEAR_EVALUATION)
SIZES = {"2": 2, "3": 3, "4 to 9": 4, "10 to 99": 10, "100 and more": 100}  # name -> its first size


def blocks(inputs: Inputs) -> list[Block]:
    """The parts; none where nothing is like anything else."""
    verdicts: pl.DataFrame = inputs["verdicts"]
    copies = verdicts.filter(pl.col("stays_row").is_not_null())
    measured = verdicts.filter(pl.col("reason").is_in(MEASURED))
    found = []
    if len(copies):
        text = "Records that are equal or nearly so are a cluster, of which one stays; its copies are counted with it."
        found.append(Block("Copies", [text], [clusters_figure(copies)], lists=[between_table(copies, "Who stays")]))
    if len(measured):
        text = (
            "Training records that went because a held-out record asks the same, stands in them (all or most), or "
            "is nearly equal."
        )
        found.append(Block("Contamination", [text], tables=[between_table(measured, "Who measures on it")]))
    return found


def clusters_figure(copies: pl.DataFrame) -> Figure:
    """How many clusters there are of which size, the record that stays counted."""
    sizes = copies.group_by("records", "stays_shard", "stays_row").agg(size=pl.len() + 1)
    kind = pl.col("size").cut(list(SIZES.values())[1:], labels=list(SIZES), left_closed=True).cast(pl.String)
    counted = sizes.group_by(kind.alias("kind")).agg(clusters=pl.len(), gone=(pl.col("size") - 1).sum())
    found = {name: (clusters, gone) for name, clusters, gone in counted.iter_rows()}
    numbers = [found.get(name, (0, 0)) for name in SIZES]
    plot = plots.stacked(list(SIZES), {"clusters": [one for one, _ in numbers]}, "clusters", "Sizes of clusters")
    columns = [Column("Records in a cluster"), Column("Clusters", "number"), Column("Records dropped", "number")]
    rows = [[name, *map(count, own)] for name, own in zip(SIZES, numbers, strict=True)]
    caption = "Clusters of equal and nearly equal records by their size, the one that stays counted."
    return Figure("clusters", to_svg(plot, "clusters"), caption, Table("Clusters by size", columns, rows))


def between_table(verdicts: pl.DataFrame, of_whom: str) -> Table:
    """Records that went, by their source, the reason, and the source of the other record."""
    found = verdicts.group_by("source", "reason", "stays_source").len()
    found = found.sort("len", "source", "reason", "stays_source", descending=[True, False, False, False])
    columns = [Column("Went from"), Column("Reason", "code"), Column(of_whom), Column("Records", "number")]
    rows = [[source, reason, other, count(n)] for source, reason, other, n in found.iter_rows()]
    return Table(f"Records that went, by source: {of_whom.lower()}", columns, rows)
