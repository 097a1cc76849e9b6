"""What the corpus may hold: personal data, toxicity by source, mentions of groups and what is said around them."""

import polars as pl

from arabic_llm_pipeline.arabic.mentions import CATEGORIES
from arabic_llm_pipeline.evaluation.toxicity import with_shares
from arabic_llm_pipeline.parameters.audit import PiiSettings
from arabic_llm_pipeline.reporting.inputs import Inputs
from arabic_llm_pipeline.reporting.view import Block, Column, Table, count, share

SHOWN = 30  # groups, those first that are mentioned most


def blocks(inputs: Inputs) -> list[Block]:
    """One part, or none where nothing was looked at."""
    table = inputs["audit_table"]
    if table["looked_at"].sum() == 0:
        return []
    text = (
        "Counted in a sample of what is kept of each source, as it will be taught. Toxic is a record with a piece of "
        "sixty words that the list of insults, or the model if there is one, tells; the interval is of chance, not of "
        "what both get wrong. Personal data are counted masked or not."
    )
    mentions = inputs["group_mentions"]
    groups = [groups_table(mentions)] if len(mentions) else []
    return [Block("Audit", [text], tables=[sources_table(table)], lists=[dialects_table(table), *groups])]


def sources_table(table: pl.DataFrame) -> Table:
    """A row a source."""
    return _table("Personal data, toxicity and mentions of groups by source", table, "source")


def dialects_table(table: pl.DataFrame) -> Table:
    """A row for each dialect of a source."""
    return _table("The same by source and dialect", table, "source", "dialect")


def _table(caption: str, table: pl.DataFrame, *by: str) -> Table:
    kinds = [kind for kind in PiiSettings.model_fields if table[kind].sum()]
    sums = table.group_by(by).agg(pl.col("rows", "looked_at", "toxic", *kinds, *CATEGORIES).sum()).sort(by)
    rows = []
    for row in with_shares(sums, "looked_at").to_dicts():
        counts = [count(row[name]) for name in ("rows", "looked_at", *kinds, *CATEGORIES)]
        interval = f"{share(row['toxic_low'])} to {share(row['toxic_high'])}" if row["looked_at"] else ""
        rows.append([*(row[name] for name in by), *counts, share(row["toxic_share"]), interval])
    names = ["Rows", "Looked at", *kinds, *map(str.capitalize, CATEGORIES), "Toxic", "95%"]
    columns = [*(Column(name.capitalize()) for name in by), *(Column(name, "number") for name in names)]
    return Table(caption, columns, rows)


def groups_table(groups: pl.DataFrame) -> Table:
    """The groups that are mentioned most, with the share of toxic surroundings and their frequent words."""
    rows = [
        [row["group"], row["category"], row["source"], row["dialect"], count(row["mentions"]),
         share(row["toxic_share"]), row["around"]]
        for row in groups.head(SHOWN).to_dicts()
    ]  # fmt: skip
    columns = [Column("Group"), Column("Category"), Column("Source"), Column("Dialect"), Column("Mentions", "number"),
               Column("Toxic around", "number"), Column("Frequent words around", "arabic")]  # fmt: skip
    return Table("Groups of people and what is said around them", columns, rows)
