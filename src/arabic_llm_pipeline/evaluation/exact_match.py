"""Is an answer right, and is it in the form that is preferred?

Right strictly: the first line of the answer, without final punctuation, equals an accepted answer. Right normalised:
the same of what is left when spelling variants, diacritics, case and punctuation are unified. The form is preferred
where an item has several accepted answers: the first is terse, those after it are what people would rather read.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import polars as pl

from arabic_llm_pipeline.arabic import alphabet
from arabic_llm_pipeline.arabic.clean import MATCHING_KEY, clean_series
from arabic_llm_pipeline.evaluation.results import seen_share
from arabic_llm_pipeline.evaluation.statistics import wilson

FINAL = ".!:,;?\u2026" + alphabet.COMMA + alphabet.SEMICOLON + alphabet.QUESTION_MARK + alphabet.FULL_STOP_URDU
ALL = "all"
COLUMNS = (
    "strict",
    "interval",
    "normalized",
    "normalized_interval",
    "preferred_form",
    "preferred_form_interval",
    "preferred_form_of_right",
)
Row = dict[str, Any]


def bare(text: str) -> str:
    """The first line that is not empty, without spaces around it and punctuation at its end."""
    lines = text.strip().splitlines()
    return re.sub(rf"[\s{re.escape(FINAL)}]+$", "", lines[0]).strip() if lines else ""


def has_form(generated: str, answers: Sequence[str]) -> bool | None:
    """Whether an answer has the preferred form, right or not; None where an item has one form only.

    The form of a full sentence that holds the terse answer is the sentence around it; of any other, itself.
    """
    terse, full = bare(answers[0]), [bare(answer) for answer in answers[1:]]
    line = bare(generated)
    return any(_in_form(line, sentence, terse) for sentence in full) if full else None


def _in_form(line: str, sentence: str, terse: str) -> bool:
    before, found, after = sentence.partition(terse)
    if not terse or not found:
        return line == sentence
    room = len(line) - len(before) - len(after)
    return bool(before.strip() or after.strip()) and line.startswith(before) and line.endswith(after) and room > 0


def judged(items: pl.DataFrame, generated: Sequence[str], stopped: Sequence[bool]) -> pl.DataFrame:
    """A row an item: item_id, family, dialect, prompt, answers, generated, strict, normalized, preferred_form, stopped.

    Args:
        items: id, family, dialect, prompt (messages), answers.
        generated: what was written, in their order.
        stopped: whether it ended by itself.
    """
    contents = pl.col("prompt").list.eval(pl.element().struct.field("content")).list.join("\n")
    answers = items["answers"].to_list()
    lines, accepted = [bare(text) for text in generated], [[bare(one) for one in row] for row in answers]
    return items.select(
        pl.col("id").alias("item_id"),
        "family",
        "dialect",
        contents.alias("prompt"),
        "answers",
        pl.Series("generated", generated, pl.String),
        pl.Series("strict", [_equals(*both) for both in zip(lines, accepted, strict=True)], pl.Boolean),
        pl.Series("normalized", _normalized(lines, accepted), pl.Boolean),
        pl.Series("preferred_form", [has_form(*both) for both in zip(generated, answers, strict=True)], pl.Boolean),
        pl.Series("stopped", stopped, pl.Boolean),
    )


def rows(answers: pl.DataFrame, unanswerable: int = 0, seen: Collection[str] | None = None) -> list[Row]:
    """Accuracy over all items and by family; where nothing could be scored, `why` says so.

    Args:
        answers: from `judged`.
        unanswerable: items that were left out, having no accepted answer.
        seen: ids of items that stand in what was trained on: each row has their share.
    """
    found = [{"family": ALL, "split": "test", **_row(answers, seen)}, *_by("family", answers, seen)]
    if unanswerable:
        found[0]["unanswerable"] = unanswerable
    return found


def dialect_rows(answers: pl.DataFrame, seen: Collection[str] | None = None) -> list[Row]:
    """The same by dialect; items without one are in no row."""
    return list(_by("dialect", answers, seen))


def _by(column: str, answers: pl.DataFrame, seen: Collection[str] | None) -> Iterator[Row]:
    for name in sorted(answers[column].drop_nulls().unique()):
        yield {column: name, "split": "test", **_row(answers.filter(pl.col(column) == name), seen)}


def _row(group: pl.DataFrame, seen: Collection[str] | None) -> Row:
    if not len(group):
        return {"items": 0, **dict.fromkeys(COLUMNS), "why": "no held-out item with an accepted answer"}
    right = int(group["strict"].sum())
    known = {} if seen is None else {"seen": seen_share(group["item_id"], seen)}
    return {
        "items": len(group),
        "strict": right / len(group),
        "interval": wilson(right, len(group)),
        "normalized": group["normalized"].mean(),
        "normalized_interval": wilson(int(group["normalized"].sum()), len(group)),
        **_form(group.filter(pl.col("preferred_form").is_not_null())),
        **known,
    }


def _form(group: pl.DataFrame) -> Row:
    """Shares of answers in the preferred form: of all, and of those that are right."""
    count = int(group["preferred_form"].sum())
    return {
        "preferred_form": count / len(group) if len(group) else None,
        "preferred_form_interval": wilson(count, len(group)),
        "preferred_form_of_right": group.filter(pl.col("strict"))["preferred_form"].mean(),
    }


def _equals(line: str, accepted: Sequence[str]) -> bool:
    return bool(line) and line in accepted


def _normalized(lines: Sequence[str], accepted: Sequence[Sequence[str]]) -> list[bool]:
    every = [text for line, others in zip(lines, accepted, strict=True) for text in (line, *others)]
    keys = iter(clean_series(pl.Series(every, dtype=pl.String), MATCHING_KEY).to_list())
    return [_equals(next(keys), [next(keys) for _ in others]) for others in accepted]
