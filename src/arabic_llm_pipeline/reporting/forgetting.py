"""What a chain of stages, each on a dialect of its own, leaves of MSA."""

import polars as pl

from arabic_llm_pipeline.reporting.inputs import Inputs
from arabic_llm_pipeline.reporting.measured import Row
from arabic_llm_pipeline.reporting.view import ABSENT, Block, Column, Table, count, interval, probability


def blocks(inputs: Inputs) -> list[Block]:
    """A table for each chain that has stages on several dialects, where MSA was measured on held-out prose."""
    parts = inputs["forgetting"].partition_by("group", "chain", maintain_order=True)
    return [Block("What is forgotten of MSA", tables=[_table(part) for part in parts])] if parts else []


def _table(part: pl.DataFrame) -> Table:
    names = ["Stage", "Documents", "Bits a byte", "Best before it", "Difference [95%]", "p (Holm)"]
    columns = [Column(name, "text" if place in {0, 3} else "number") for place, name in enumerate(names)]
    caption = f"{part['group'][0]} after each stage, against the best stage before it (above 0: forgotten)"
    return Table(caption, columns, [_cells(row) for row in part.to_dicts()])


def _cells(row: Row) -> list[str]:
    around = [ABSENT] * 3
    if row["difference"] is not None:
        ends = interval((row["low"], row["high"]), 3, 1)
        around = [row["best_before"], f"{row['difference']:+.3f} {ends}", probability(row["p_holm"])]
    return [row["candidate"], count(row["documents"]), f"{row['bits_per_byte']:.3f}", *around]
