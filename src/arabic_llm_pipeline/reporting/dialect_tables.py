"""Five varieties side by side: what is understood and written in each; whether answers stay in a question's."""

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from arabic_llm_pipeline.arabic.dialect import REGIONS
from arabic_llm_pipeline.evaluation.writing.dialects import ABOUT_TEXTS, FROM_ENGLISH, TALK, TO_ENGLISH, TO_MSA
from arabic_llm_pipeline.reporting.cells import find, shown
from arabic_llm_pipeline.reporting.inputs import Inputs
from arabic_llm_pipeline.reporting.measured import Row, value
from arabic_llm_pipeline.reporting.view import ABSENT, Block, Column, Table, count, share

WRITING, WRITTEN = "writing", "writing_answers"  # entries of each candidate
UNKNOWN = "unknown"
NO_DATA = "no data"
PUBLISHED = {  # Table 4 of the paper, in the order of REGIONS
    "Perplexity": (4.72, 6.31, 6.85, 6.54, 7.12),
    "F1, 0 to 1": (0.83, 0.76, 0.74, 0.75, 0.71),
}
PUBLISHED_BLEU = {"BLEU": (42.3, 36.8, 35.2, 35.9, 33.7)}
Figures = Sequence[tuple[str, str, str, int, int]]  # what it is called, set, metric, factor, digits
ROWS: Figures = (
    ("To English, chrF++", TO_ENGLISH, "chrf++", 1, 1),
    ("From English, chrF++", FROM_ENGLISH, "chrf++", 1, 1),
    ("To MSA, chrF++", TO_MSA, "chrf++", 1, 1),
    ("Questions on a text, F1 (SQuAD), %", ABOUT_TEXTS, "f1_squad", 100, 1),
    ("Free answers, chrF of each", TALK, "chrf_sentence", 1, 1),
)
OTHERS: Figures = (
    ("To English, BLEU (13a)", TO_ENGLISH, "bleu_13a", 1, 1),
    ("From English, BLEU (13a)", FROM_ENGLISH, "bleu_13a", 1, 1),
    ("To MSA, BLEU (13a)", TO_MSA, "bleu_13a", 1, 1),
    ("Questions on a text, F1 (normalized), %", ABOUT_TEXTS, "f1_normalized", 100, 1),
)
INTERVALS = "with 95% intervals (bootstrap over items or documents) where a variety has more than one"


def blocks(inputs: Inputs) -> Iterator[Block]:
    """The parts of the section, where the set in five varieties was asked."""
    if not any(len(frame.filter(pl.col("set") == TALK)) for frame in inputs.of(WRITING).values()):
        return
    yield Block("Five varieties", [_about()], tables=[varieties_table(inputs)], lists=[others_table(inputs)])
    tables = [stays_table(inputs), examples_table(inputs)]
    yield Block("In the dialect of the question", tables=tables, lists=[tagged_table(inputs)])


def _about() -> str:
    return (
        "The same sentences and questions, written for this in five varieties and in English, so that columns differ "
        "by the variety; they are few, and the intervals wide. Perplexity is of held-out prose, which is other text in "
        "each variety. The paper's figures (its Table 4) stand below: it names neither the texts nor the definitions, "
        "so they are no target."
    )


def varieties_table(inputs: Inputs) -> Table:
    """A row a measure and candidate, a column a variety; the paper's Table 4 below."""
    prose = [[_perplexity(), name, *_perplexities(inputs, name)] for name in inputs.candidates]
    return _varieties(inputs, f"By variety, {INTERVALS}", prose, ROWS, PUBLISHED)


def others_table(inputs: Inputs) -> Table:
    """The same by BLEU, and by F1 on unified spelling."""
    return _varieties(inputs, f"By variety: BLEU and normalized F1, {INTERVALS}", [], OTHERS, PUBLISHED_BLEU)


def _varieties(
    inputs: Inputs,
    caption: str,
    first: Sequence[Sequence[str]],
    figures: Figures,
    published: Mapping[str, Sequence[float]],
) -> Table:
    columns = [Column("Measure"), Column("Candidate"), *(Column(region, "number") for region in REGIONS)]
    rows = [*first]
    for label, of, metric, factor, digits in figures:
        for name, frame in inputs.of(WRITING).items():
            found = [find(frame, set=of, metric=metric, by="dialect", group=region) for region in REGIONS]
            rows.append([label, name, *(_cell(row, digits, factor) for row in found)])
    rows += [[name, "paper, Table 4", *map(str, values)] for name, values in published.items()]
    return Table(caption, columns, rows, caption.partition(", ")[0])


def _cell(row: Row | None, digits: int, factor: float = 1) -> str:
    return NO_DATA if row is None else shown(row, digits, factor)


def _perplexity() -> str:
    return "Perplexity per token, prose"


def _perplexities(inputs: Inputs, name: str) -> list[str]:
    of = {"measure": "perplexity", "set": "prose", "metric": "perplexity_per_token", "by": "dialect"}
    frame = inputs.of("language")[name]
    found = [find(frame, **of, group=region) for region in REGIONS]
    return [_cell(row if value(row, "value") is not None else None, 1) for row in found]


def stays_table(inputs: Inputs) -> Table:
    """How many answers the tagger gives the dialect of their question; and how many of the references."""
    columns = [Column("Answers of"), *(Column(region, "number") for region in REGIONS), Column("All", "number")]
    frames = inputs.of(WRITING)
    groups = [*(("dialect", region) for region in REGIONS), ("all", "all")]
    rows = [[name, *(_of(frame, "same_dialect", *group) for group in groups)] for name, frame in frames.items()]
    first = next(iter(frames.values()))
    rows.append(["references (people)", *(_of(first, "tagger_right", *group) for group in groups)])
    caption = (
        "Percent of free answers that are tagged as the dialect of their question, with 95% Wilson intervals. The "
        "last row is the tagger's own error: it was given the references, which are in that dialect; a model that "
        "answered as people do would reach it, and no more can be told."
    )
    return Table(caption, columns, rows)


def _of(frame: pl.DataFrame, metric: str, by: str, group: str) -> str:
    return _cell(find(frame, set=TALK, metric=metric, by=by, group=group), 0, 100)


def tagged_table(inputs: Inputs) -> Table:
    """What the answers to each dialect's questions are tagged as."""
    tags = (*REGIONS, UNKNOWN)
    columns = [Column("Candidate"), Column("Question"), *(Column(tag, "number") for tag in tags)]
    rows = [
        [name, region, *(_tagged(frame, region, tag) for tag in tags), count(_items(frame, region))]
        for name, frame in inputs.of(WRITING).items()
        for region in REGIONS
    ]
    caption = "What answers are tagged as, by the dialect of the question"
    return Table(caption, [*columns, Column("Answers", "number")], rows)


def _tagged(frame: pl.DataFrame, region: str, tag: str) -> str:
    return share(value(find(frame, set=TALK, metric=f"tagged_{tag}", by="dialect", group=region), "value"))


def _items(frame: pl.DataFrame, region: str) -> float | None:
    return value(find(frame, set=TALK, metric="same_dialect", by="dialect", group=region), "items")


def examples_table(inputs: Inputs) -> Table:
    """One question in each variety with its reference and all answers, as the paper's Table 5."""
    columns = [Column("Dialect"), Column("Question", "arabic"), Column("Reference", "arabic")]
    written = inputs.of(WRITTEN)
    columns += [Column(name, "arabic") for name in written]
    rows = []
    for region in REGIONS:
        found = {name: _first(frame, region) for name, frame in written.items()}
        one = next((row for row in found.values() if row), None)
        if one:
            asked = [one["prompt"][-1]["content"], one["answers"][0]]
            rows.append([region, *asked, *(row["generated"] if row else ABSENT for row in found.values())])
    return Table("The first question of each variety, with what candidates answer (the paper's Table 5)", columns, rows)


def _first(frame: pl.DataFrame, region: str) -> Row | None:
    rows: Sequence[Row] = frame.filter(set=TALK, dialect=region).sort("id").head(1).to_dicts() if len(frame) else []
    return rows[0] if rows else None
