"""The corpus: sources with their licences, what became of every record and why, dialects, splits."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from matplotlib.figure import Figure as Plot

from arabic_llm_pipeline.corpus.funnel import FUNNEL
from arabic_llm_pipeline.corpus.records import DIALECTS, RECORDS, SPLITS
from arabic_llm_pipeline.reporting import plots
from arabic_llm_pipeline.reporting.inputs import Inputs
from arabic_llm_pipeline.reporting.rows import dropped_rows, rejected_rows
from arabic_llm_pipeline.reporting.style import to_svg
from arabic_llm_pipeline.reporting.view import Block, Column, Figure, Table, count, listed, share

KEPT = "kept"
GONE = {"dropped": "dropped", "left_out": "left out by rule", "rejected": "rejected"}  # outcome -> in words
STAGES = {"ingest": "readable", "clean": "after cleaning", "compare": "after comparing", "split": "in a split"}
Funnel = Sequence[Mapping[str, Any]]


def blocks(inputs: Inputs) -> list[Block]:
    """The section's parts."""
    funnel = frame(inputs["funnel"])
    left = [shares_table(shares) for shares in (inputs["dialect_table"], inputs["script_table"])]
    return [
        Block("Sources", tables=[sources_table(inputs, funnel)]),
        Block(
            "What became of the records", figures=[funnel_figure(funnel), fate_figure(funnel), dialect_figure(funnel)]
        ),
        Block("Why records went", tables=[reasons_table(funnel)], lists=[dropped_table(inputs), rejects_table(inputs)]),
        Block("What is left", tables=[splits_table(funnel)], lists=left),
    ]


def frame(funnel: Funnel) -> pl.DataFrame:
    """The funnel with its columns, also where it has no rows."""
    return pl.DataFrame(list(funnel), schema=FUNNEL)


def total(funnel: pl.DataFrame, **values: str) -> int:
    """Rows of the funnel with these values."""
    return int(funnel.filter(**values)["rows"].sum())


def read(funnel: pl.DataFrame) -> int:
    """Records that there were: readable, left out, and rejected."""
    return total(funnel, step="ingest")


def gone(funnel: pl.DataFrame, outcome: str) -> int:
    """Records that ended so; each goes at one step only."""
    return total(funnel, outcome=outcome)


def tables(funnel: pl.DataFrame) -> list[str]:
    """The tables that any source gives records to."""
    return [table for table in RECORDS if total(funnel, records=table)]


def sentence(inputs: Inputs) -> str:
    """The corpus in two sentences."""
    funnel = frame(inputs["funnel"])
    kept = listed(f"{count(total(funnel, step='split', records=table))} {table}" for table in tables(funnel))
    away = listed(f"{count(gone(funnel, outcome))} {words}" for outcome, words in GONE.items())
    sources = funnel["source"].n_unique()
    return f"Read {count(read(funnel))} records of {sources} sources and kept {kept}; {away}, each with its reason."


def by_source(funnel: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The funnel of each source, in the order of their names."""
    return {name: funnel.filter(source=name) for name in funnel["source"].unique().sort()}


def sources_table(inputs: Inputs, funnel: pl.DataFrame) -> Table:
    """A row a source: licence, format, and what became of its records."""
    settings, rows = inputs.settings["sources"].chosen(), []
    for name, own in by_source(funnel).items():
        about = [settings[name].licence, settings[name].format] if name in settings else ["not told", "not told"]
        left = [total(own, step="split"), *(gone(own, outcome) for outcome in GONE)]
        words = int(own.filter(step="split")["words"].sum())
        rows.append([name, *about, *map(count, (read(own), *left, words))])
    names = ("Source", "Licence", "Format", "Records", "Kept", *map(str.capitalize, GONE.values()), "Words kept")
    columns = [Column(name, "text" if place < 3 else "number") for place, name in enumerate(names)]
    return Table("Where the corpus comes from", columns, rows)


def funnel_plot(funnel: Funnel) -> Plot:
    """How many records of each kind are left after each step."""
    rows = frame(funnel)
    kept = {table: [total(rows, step=step, records=table, outcome=KEPT) for step in STAGES] for table in RECORDS}
    parts = {table: [sum(lengths[:1]), *lengths] for table, lengths in kept.items() if any(lengths)}
    others = total(rows, step="ingest") - total(rows, step="ingest", outcome=KEPT)
    parts["never a record"] = [others, *([0] * len(STAGES))]
    return plots.stacked(["read", *STAGES.values()], parts, "records", "From raw files to the splits")


def funnel_figure(funnel: pl.DataFrame) -> Figure:
    """The funnel with its numbers."""
    rows = [
        [
            step,
            table,
            *(count(total(funnel, step=step, records=table, outcome=outcome)) for outcome in (KEPT, "dropped")),
        ]
        for step in STAGES
        for table in tables(funnel)
    ]
    columns = [Column("Step"), Column("Records"), Column("Kept", "number"), Column("Dropped", "number")]
    caption = (
        "Records after each step. Never a record: could not be read, or left out by rule. Comparing drops duplicates "
        "and near duplicates, and training text that holds what the test asks or is near to it."
    )
    svg = to_svg(funnel_plot(funnel.to_dicts()), "funnel")
    return Figure("funnel", svg, caption, Table("Records by step", columns, rows))


def fate_figure(funnel: pl.DataFrame) -> Figure:
    """Shares of each source by what became of its records."""
    sources = by_source(funnel)
    fates = {KEPT: [total(own, step="split") for own in sources.values()]}
    fates |= {words: [gone(own, outcome) for own in sources.values()] for outcome, words in GONE.items()}
    numbers = _table("Records by source and what became of them", "Source", list(sources), fates)
    plot = plots.stacked(
        list(sources), _percent(fates), "percent of the source's records", "What became of them, by source"
    )
    caption = (
        "Left out by rule: well formed but not wanted (redirects, other languages, deleted messages). Rejected: could "
        "not be read. Dropped: read, then refused by a filter or for its likeness to another record."
    )
    return Figure("fates", to_svg(plot, "fates"), caption, numbers)


def dialect_figure(funnel: pl.DataFrame) -> Figure:
    """The mix of dialects that is left of each source."""
    sources = by_source(funnel.filter(step="split"))
    mix = {dialect: [total(own, dialect=dialect) for own in sources.values()] for dialect in DIALECTS}
    mix = {dialect: rows for dialect, rows in mix.items() if any(rows)}
    numbers = _table("Kept records by source and dialect", "Source", list(sources), mix)
    plot = plots.stacked(list(sources), _percent(mix), "percent of the source's kept records", "Dialect mix, by source")
    caption = "Dialects of the kept records: by the source's word where it has one, else by the tagger."
    return Figure("dialects", to_svg(plot, "dialects"), caption, numbers)


def _percent(parts: Mapping[str, Sequence[int]]) -> dict[str, list[float]]:
    """Parts of each bar in percent of its length; parts that no bar has are left out."""
    sums = [max(1, sum(column)) for column in zip(*parts.values(), strict=True)]
    return {name: [100 * n / of for n, of in zip(rows, sums, strict=True)] for name, rows in parts.items() if any(rows)}


def _table(caption: str, first: str, names: Sequence[str], parts: Mapping[str, Sequence[int]]) -> Table:
    rows = [[name, *(count(numbers[place]) for numbers in parts.values())] for place, name in enumerate(names)]
    rows.append(["all", *(count(sum(numbers)) for numbers in parts.values())])
    return Table(caption, [Column(first), *(Column(part, "number") for part in parts)], rows)


def reasons_table(funnel: pl.DataFrame) -> Table:
    """How many records went for which reason, at which step."""
    away = funnel.filter(pl.col("outcome") != KEPT).group_by("step", "outcome", "reason").agg(pl.col("rows").sum())
    found = away.sort("rows", "step", "outcome", "reason", descending=[True, False, False, False])
    every = max(1, read(funnel))
    rows = [[reason, GONE[outcome], step, count(n), share(n / every)] for step, outcome, reason, n in found.iter_rows()]
    columns = [
        Column("Reason", "code"),
        Column("What it means"),
        Column("Step"),
        Column("Records", "number"),
        Column("Of all", "number"),
    ]
    return Table("Reasons, the most frequent first", columns, rows)


def splits_table(funnel: pl.DataFrame) -> Table:
    """What was kept, by kind of record and split."""
    left = funnel.filter(step="split")
    rows = [[table, *(count(total(left, records=table, split=split)) for split in SPLITS)] for table in tables(funnel)]
    return Table("Kept records by split", [Column(""), *(Column(split, "number") for split in SPLITS)], rows)


def shares_table(shares: pl.DataFrame) -> Table:
    """Kept records by kind, dialect or script, and split."""
    by = shares.columns[1]
    found = shares.select("records", by, "split", "rows", "words", "share_of_rows")
    rows = [[*names, count(n), count(words), share(part)] for *names, n, words, part in found.iter_rows()]
    names = ("Records", by.capitalize(), "Split", "Rows", "Words", "Share")
    columns = [Column(name, "text" if place < 3 else "number") for place, name in enumerate(names)]
    return Table(f"Kept records by {by} and split", columns, rows)


def dropped_table(inputs: Inputs) -> Table:
    """Some dropped rows of each reason."""
    columns = [Column("Reason", "code"), Column("Source"), Column("Text", "arabic")]
    documents, report = inputs["documents"].scan(), inputs.report
    rows = dropped_rows(documents, report.dropped_per_reason, report.excerpt).select("reason", "source", "excerpt")
    return Table("Some dropped documents of each reason", columns, rows.rows())


def rejects_table(inputs: Inputs) -> Table:
    """Some rejects of each reason, with their place."""
    columns = [Column("Reason", "code"), Column("File", "code"), Column("Place", "number"), Column("Excerpt", "arabic")]
    found = rejected_rows(inputs["ingest_rejects"].scan(), inputs.report.dropped_per_reason)
    rows = found.select("reason", "file", "place", "excerpt").rows()
    return Table("Some records of each reason that could not be read, or were left out", columns, rows)
