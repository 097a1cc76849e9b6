"""What candidates write: questions, translations, free answers, texts that rules check, and five varieties."""

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from arabic_llm_pipeline.evaluation.writing.items import FREE, QUESTIONS, RULES, TRANSLATION
from arabic_llm_pipeline.reporting import plots
from arabic_llm_pipeline.reporting.cells import ends, find, rows, shown
from arabic_llm_pipeline.reporting.inputs import Inputs
from arabic_llm_pipeline.reporting.measured import Row, value
from arabic_llm_pipeline.reporting.metrics import FIRST as FIRST_OF
from arabic_llm_pipeline.reporting.metrics import called, is_share
from arabic_llm_pipeline.reporting.plots import Series
from arabic_llm_pipeline.reporting.style import to_svg
from arabic_llm_pipeline.reporting.view import Block, Column, Figure, Table, count, listed, share, words

SIGNED = "sacrebleu "
Scores = Mapping[str, pl.DataFrame]
Metrics = Mapping[str, tuple[str, float, int]]  # column -> metric, factor, digits
WIN_RATE, AGAINST = "win_rate", "against"
FIRST = {measure: FIRST_OF[measure][0] for measure in (QUESTIONS, TRANSLATION, FREE, RULES)}
OF_QUESTIONS: Metrics = {
    "Exact, SQuAD": ("exact_squad", 100, 1),
    "F1, SQuAD": ("f1_squad", 100, 1),
    "Exact, MLQA": ("exact_mlqa", 100, 1),
    "F1, MLQA": ("f1_mlqa", 100, 1),
    "Exact, normalized": ("exact_normalized", 100, 1),
    "F1, normalized": ("f1_normalized", 100, 1),
}
UNANSWERABLE: Metrics = {
    "Unanswerable told": ("no_answer", 100, 1),
    "Answerable held back": ("abstained", 100, 1),
    "Exact, SQuAD 2.0": ("exact_squad_v2", 100, 1),
    "F1, SQuAD 2.0": ("f1_squad_v2", 100, 1),
}
OF_TRANSLATION: Metrics = {
    "chrF++": ("chrf++", 1, 1),
    "BLEU 13a": ("bleu_13a", 1, 1),
    "BLEU intl": ("bleu_intl", 1, 1),
    "In the right script": ("same_script", 100, 1),
    "Stopped": ("stopped", 100, 1),
}
OF_FREE: Metrics = {
    "ROUGE-1": ("rouge1", 100, 1),
    "ROUGE-2": ("rouge2", 100, 1),
    "ROUGE-L": ("rougeL", 100, 1),
    "ROUGE-L, normalized": ("rougeL_normalized", 100, 1),
    "chrF": ("chrf", 1, 1),
    "Length to reference": ("length_ratio", 1, 2),
}
MANNER: Metrics = {
    "Stopped": ("stopped", 100, 1),
    "Empty": ("empty", 100, 1),
    "In a loop": ("loop", 100, 1),
    "4-grams again": ("repeated_4", 100, 1),
    "Different words": ("distinct_1", 100, 1),
    "Script of the question": ("same_script", 100, 1),
    "Misspelt": ("misspelt", 100, 2),
    "hamza": ("misspelt_hamza", 100, 2),
    "\u0649 \u064a": ("misspelt_alef_maksura", 100, 2),
    "\u0629 \u0647": ("misspelt_ta_marbuta", 100, 2),
}
OF_RULES: Metrics = {
    "Prompts, strict": ("prompt_strict", 100, 1),
    "Prompts, loose": ("prompt_loose", 100, 1),
    "Rules, strict": ("instruction_strict", 100, 1),
    "Rules, loose": ("instruction_loose", 100, 1),
    "Stopped": ("stopped", 100, 1),
}


def blocks(inputs: Inputs) -> list[Block]:
    """The section's parts."""
    scores = inputs.of("writing")
    if not any(map(len, scores.values())):
        return []
    return [
        Block(text=_told(scores), figures=_overview(scores)),
        _questions(scores),
        _translations(scores),
        _free(scores),
        _rules(scores),
        *_wins(inputs.of("wins")),
    ]


def _told(scores: Scores) -> list[str]:
    """How it was asked, and why what is absent is."""
    whole = [row for frame in scores.values() for row in rows(frame, by="all")]
    reasons = [f"Not measured: {row['why']}." for row in whole if row["why"]]
    asked = [
        f"{name}: {_different(frame, 'format')}, {_different(frame, 'decoding')}" for name, frame in scores.items()
    ]
    told = [f"Formats and decoding: {'; '.join(asked)}.", *dict.fromkeys(reasons)]
    seen = max((row["seen"] or 0 for row in whole), default=0)
    if seen:
        told.append(f"Of a set up to {share(seen)} of the items stand in what was trained on.")
    return told


def _different(frame: pl.DataFrame, column: str) -> str:
    return listed(frame[column].drop_nulls().unique().sort())


def _sets(scores: Scores, measure: str) -> list[str]:
    """The sets that have a score of a measure."""
    found = (
        row["set"] for frame in scores.values() for row in rows(frame, measure=measure) if row["value"] is not None
    )
    return list(dict.fromkeys(found))


def _overview(scores: Scores) -> list[Figure]:
    """The first metric of each measure and set, on one axis of 0 to 100."""
    asked = [
        (measure, of, metric, 100 if is_share(metric) else 1)
        for measure, metric in FIRST.items()
        for of in _sets(scores, measure)
    ]
    if not asked:
        return []
    groups = [f"{words(of)}: {called(metric)}" for _, of, metric, _ in asked]
    found = {
        name: [
            _times(find(frame, measure=measure, set=of, metric=metric), factor) for measure, of, metric, factor in asked
        ]
        for name, frame in scores.items()
    }
    series = [Series(name, [value(row, "value") for row in of], list(map(ends, of))) for name, of in found.items()]
    columns = [Column("Set and metric"), Column("Items", "number"), *(Column(name, "number") for name in scores)]
    cells = []
    for group, *of in zip(groups, *found.values(), strict=True):
        items = next((value(row, "items") for row in of if row), None)
        cells.append([group, count(items), *(shown(row, 1) for row in of)])
    svg = to_svg(plots.dots(groups, series, "score, 0 to 100", "What candidates write"), "writing")
    caption = (
        "The first metric of each set, 0 to 100, with 95% intervals: F1 as SQuAD's script (questions), chrF++ "
        "(translations), ROUGE-L of Arabic words (free answers), prompts of which every rule is kept (instructions)."
    )
    return [Figure("writing", svg, caption, Table("The first metric of each set", columns, cells))]


def _times(row: Row | None, factor: float) -> Row | None:
    """A row in another unit."""
    numbers = ("value", "low", "high")
    return row and {**row, **{name: factor * row[name] for name in numbers if row[name] is not None}}


def _questions(scores: Scores) -> Block:
    caption = (
        "Questions on a text: exact match and F1, percent, the best over the accepted answers, three ways: as SQuAD's "
        "script, as MLQA's, which takes the article off, and with spelling variants unified."
    )
    apart = [of for of in _sets(scores, QUESTIONS) if any(find(f, set=of, metric="no_answer") for f in scores.values())]
    lists = [_table(scores, QUESTIONS, UNANSWERABLE, "Questions without an answer", apart)] if apart else []
    return Block("Questions", tables=[_table(scores, QUESTIONS, OF_QUESTIONS, caption), *lists])


def _translations(scores: Scores) -> Block:
    told = [row for frame in scores.values() for row in rows(frame, measure=TRANSLATION, by="all") if row["harness"]]
    signed = {row["metric"]: row["harness"] for row in told if row["harness"].startswith(SIGNED)}
    signatures = [f"{metric}: {harness.removeprefix(SIGNED)}" for metric, harness in signed.items()]
    caption = (
        "Translations: chrF++ first; BLEU with two tokenizers, of which 13a leaves the Arabic comma, semicolon and "
        f"question mark on the word before them. Signatures of sacrebleu: {'; '.join(signatures)}."
    )
    by = _by_table(scores, TRANSLATION, OF_TRANSLATION, "family", "By direction")
    return Block("Translation", tables=[_table(scores, TRANSLATION, OF_TRANSLATION, caption)], lists=[by])


def _free(scores: Scores) -> Block:
    like = (
        "Free answers and summaries against references: ROUGE (F, percent) of words parted by rules for Arabic, chrF, "
        "and the length in words to the reference's."
    )
    how = (
        "How they are written, percent: of answers (stopped, empty, in a loop, script), of 4-grams and words, and of "
        "the words that the spelling list knows (misspelt, by kind). The list is built from the training text, so a "
        "text by people has some percent, too."
    )
    return Block("Free answers", tables=[_table(scores, FREE, OF_FREE, like), _table(scores, FREE, MANNER, how)])


def _rules(scores: Scores) -> Block:
    caption = (
        "Instructions that rules check: percent of prompts of which every rule is kept, and of rules that are. Loose: "
        "without a first or last line that introduces, and without asterisks."
    )
    by = _by_table(scores, RULES, {"Kept": ("instruction_strict", 100, 1)}, "rule", "By rule")
    return Block("Instructions", tables=[_table(scores, RULES, OF_RULES, caption)], lists=[by])


def _wins(tables: Scores) -> Iterator[Block]:
    whole = [(name, table, row) for name, table in tables.items() for row in rows(table, metric=WIN_RATE, by=AGAINST)]
    if not whole:
        reasons = (row["why"] for table in tables.values() for row in rows(table, metric=WIN_RATE) if row["why"])
        yield from (Block("Win rate", [f"Not measured: {why}."]) for why in dict.fromkeys(reasons))
        return
    names = ("Candidate", "Against", "Set", "Pairs", "Wins", "Orders agree", "First wins", "Unread")
    columns = [Column(title, "text" if place < 3 else "number") for place, title in enumerate(names)]
    cells = []
    for name, table, row in whole:
        of = {"set": row["set"], "by": AGAINST, "group": row["group"]}
        how = [shown(find(table, metric=metric, **of), 1, 100) for metric in ("agrees", "first_wins", "unread")]
        cells.append([name, row["group"], words(row["set"]), count(row["items"]), shown(row, 1, 100), *how])
    judge = whole[0][2]["harness"].partition(", ")[2]
    caption = (
        f"Percent of answers that are better; {judge}. A win is one in both orders, all else half a win; where what "
        "stands first wins often, the judge looks at places. With 95% intervals."
    )
    yield Block("Win rate", tables=[Table(caption, columns, cells)])


def _table(scores: Scores, measure: str, metrics: Metrics, caption: str, sets: Sequence[str] | None = None) -> Table:
    """A row a set and candidate."""
    columns = [
        Column("Set"),
        Column("Candidate"),
        Column("Items", "number"),
        *(Column(name, "number") for name in metrics),
    ]
    cells = [
        [
            words(of),
            name,
            count(_items(frame, measure, of)),
            *(_scored(frame, measure, of, *how) for how in metrics.values()),
        ]
        for of in (_sets(scores, measure) if sets is None else sets)
        for name, frame in scores.items()
    ]
    return Table(f"{caption} With 95% intervals.", columns, cells, caption)


def _items(frame: pl.DataFrame, measure: str, of: str) -> float | None:
    return value(find(frame, measure=measure, set=of, metric="stopped"), "items")


def _scored(frame: pl.DataFrame, measure: str, of: str, metric: str, factor: float, digits: int) -> str:
    return shown(find(frame, measure=measure, set=of, metric=metric), digits, factor)


def _by_table(scores: Scores, measure: str, metrics: Metrics, by: str, title: str) -> Table:
    """A row a set, group and candidate."""
    columns = [Column("Set"), Column("Group"), Column("Candidate"), Column("Items", "number")]
    cells = list(_by_rows(scores, measure, metrics, by))
    return Table(
        f"{title}, with 95% intervals", [*columns, *(Column(name, "number") for name in metrics)], cells, title
    )


def _by_rows(scores: Scores, measure: str, metrics: Metrics, by: str) -> Iterator[list[str]]:
    for of in _sets(scores, measure):
        found = [row["group"] for frame in scores.values() for row in rows(frame, measure=measure, set=of, by=by)]
        for group in dict.fromkeys(found):
            for name, frame in scores.items():
                wanted = {"measure": measure, "set": of, "by": by, "group": group}
                cells = [find(frame, metric=metric, **wanted) for metric, _, _ in metrics.values()]
                numbers = [
                    shown(row, digits, factor) for row, (_, factor, digits) in zip(cells, metrics.values(), strict=True)
                ]
                yield [words(of), group, name, count(value(cells[0], "items")), *numbers]
