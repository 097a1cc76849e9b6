"""What went, in words: by step, source, dialect and reason; and what unification would rewrite of what is left."""

import polars as pl

from arabic_llm_pipeline.corpus.funnel import STEPS
from arabic_llm_pipeline.corpus.records import DIALECTS
from arabic_llm_pipeline.reporting import plots
from arabic_llm_pipeline.reporting.data import frame
from arabic_llm_pipeline.reporting.inputs import Inputs
from arabic_llm_pipeline.reporting.style import to_svg
from arabic_llm_pipeline.reporting.view import Block, Column, Figure, Table, count, share

SHOWN = 6  # reasons in a plot: so many parts can be told apart
OTHERS, KEPT = "other reasons", "kept"
LATER = STEPS[1:-1]  # the steps at which a record that was read can go


def blocks(inputs: Inputs) -> list[Block]:
    """The parts; none where nothing was read."""
    funnel = frame(inputs["funnel"])
    if funnel.filter(step=LATER[0]).is_empty():
        return []
    text = (
        "Shares of the words that were read, by what became of them. A few long texts can be more than many short "
        "ones: compare with the records above."
    )
    figures = [figure(funnel, "source"), figure(funnel, "dialect")]
    rewritten = (
        "Unifying the forms of Alif, and Alif Maqsura with Ya, would rewrite this many of the kept words. It is right "
        "for comparing texts; a model that is taught it writes what a spell checker marks (text.taught)."
    )
    return [
        Block("What went, in words", [text], figures, lists=[steps_table(funnel)]),
        Block("Alif and Ya", [rewritten], tables=[rewritten_table(funnel)]),
    ]


def figure(funnel: pl.DataFrame, by: str) -> Figure:
    """Words by what became of them, for each source or dialect.

    Args:
        funnel: of the corpus.
        by: source or dialect.
    """
    words = _words(funnel, by)
    names = words[by].unique().sort().to_list()
    if by == "dialect":
        names = [name for name in DIALECTS if name in names]
    parts = {fate: _of(words.filter(fate=fate), by, names) for fate in _fates(words)}
    sums = [max(1, sum(column)) for column in zip(*parts.values(), strict=True)]
    percent = {fate: [100 * n / of for n, of in zip(rows, sums, strict=True)] for fate, rows in parts.items()}
    plot = plots.stacked(names, percent, f"percent of the {by}'s words", f"What became of the words, by {by}")
    columns = [Column(by.capitalize()), *(Column(fate, "number") for fate in parts)]
    rows = [[name, *(count(part[place]) for part in parts.values())] for place, name in enumerate(names)]
    caption = f"Words that were kept, and that went for each reason, by {by}; the {SHOWN} reasons that most went for."
    return Figure(f"words-{by}", to_svg(plot, f"words-{by}"), caption, Table(f"Words by {by}", columns, rows))


def _words(funnel: pl.DataFrame, by: str) -> pl.DataFrame:
    """Words by source or dialect and by what became of them: kept, a reason, other reasons."""
    gone = funnel.filter(pl.col("step").is_in(LATER), outcome="dropped")
    most = gone.group_by("reason").agg(pl.col("words").sum()).sort("words", "reason", descending=[True, False])
    reason = pl.col("reason")
    named = pl.when(reason.is_in(most["reason"].head(SHOWN).implode())).then(reason).otherwise(pl.lit(OTHERS))
    fates = [funnel.filter(step=STEPS[-1]).with_columns(fate=pl.lit(KEPT)), gone.with_columns(fate=named)]
    return (
        pl.concat(fates).with_columns(pl.col(by).fill_null("unknown")).group_by(by, "fate").agg(pl.col("words").sum())
    )


def _fates(words: pl.DataFrame) -> list[str]:
    """What there is, most words first; kept is first in any case, and other reasons last."""
    place = pl.col("fate").replace_strict({KEPT: 0, OTHERS: 2}, default=1)
    sums = words.group_by("fate").agg(pl.col("words").sum())
    return sums.sort(place, -pl.col("words"), "fate")["fate"].to_list()


def _of(words: pl.DataFrame, by: str, names: list[str]) -> list[int]:
    found = dict(words.select(by, "words").iter_rows())
    return [found.get(name, 0) for name in names]


def steps_table(funnel: pl.DataFrame) -> Table:
    """Records, words and characters that came out of each step, by source and dialect, and what it dropped."""
    sums = ("rows", "words", "characters")
    later = funnel.filter(pl.col("step").is_in(LATER))
    found = later.group_by("step", "source", "dialect").agg(
        *(pl.col(name).filter(pl.col("outcome") == KEPT).sum().alias(f"{name}_kept") for name in sums),
        *(pl.col(name).filter(pl.col("outcome") != KEPT).sum().alias(f"{name}_gone") for name in sums),
    )
    found = found.sort(pl.col("step").replace_strict({step: n for n, step in enumerate(LATER)}), "source", "dialect")
    rows = [[*row[:3], *map(count, row[3:])] for row in found.iter_rows()]
    numbers = [f"{name} {fate}".capitalize() for fate in ("kept", "dropped") for name in sums]
    columns = [*map(Column, ("Step", "Source", "Dialect")), *(Column(name, "number") for name in numbers)]
    return Table("Records, words and characters by step, source and dialect", columns, rows)


def rewritten_table(funnel: pl.DataFrame) -> Table:
    """How many of the kept words unification would rewrite, by dialect."""
    kept = funnel.filter(step=STEPS[-1]).group_by("dialect").agg(pl.col("words", "merged_words").sum()).sort("dialect")
    total = kept.select(pl.lit("all").alias("dialect"), pl.col("words").sum(), pl.col("merged_words").sum())
    found = pl.concat([kept, total])
    rows = [
        [name, count(words), count(merged), share(merged / max(1, words))] for name, words, merged in found.iter_rows()
    ]
    columns = [Column("Dialect"), *(Column(name, "number") for name in ("Words", "Would be rewritten", "Share"))]
    return Table("Words that unifying Alif and Ya would rewrite", columns, rows)
