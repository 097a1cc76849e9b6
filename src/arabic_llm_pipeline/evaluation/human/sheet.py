"""A sheet for raters: a sample of answers, blinded and shuffled, and the key that tells whose they are."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
import polars as pl

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.evaluation.held_out import drawn
from arabic_llm_pipeline.parameters.human import HumanSettings
from arabic_llm_pipeline.recipes import BASE, parent

PAIRS, SCALES = "pairs", "scales"
UNKNOWN = "unknown"  # the dialect of an item that has none
FIRST, TIE, SECOND, UNSURE = "a", "tie", "b", "?"  # what raters write of a pair; the last of a scale, too
FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes a cell that begins so for
BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"  # without it Excel reads a CSV in the code page of its country
Key = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """What a rater sees of a row.

    Attributes:
        row: its number, from 1.
        prompt: the question.
        accepted: answers that are known to be right.
        answers: one, or the two that are compared, a and b.
    """

    row: int
    prompt: str
    accepted: Sequence[str]
    answers: Sequence[str]


@dataclass(frozen=True)
class Sheet:
    """What raters get; nothing of it tells whose answers these are.

    Attributes:
        name: a digest of all that it asks.
        settings: design, axes and points.
        rows: in the order in which they are asked.
    """

    name: str
    settings: HumanSettings
    rows: Sequence[Row]

    @property
    def choices(self) -> list[str]:
        """What can be said of an axis, but for `UNSURE`."""
        return choices(self.settings.design, self.settings.points)


def choices(design: str, points: int) -> list[str]:
    """What a rater can say, in order."""
    return [FIRST, TIE, SECOND] if design == PAIRS else [str(point) for point in range(1, points + 1)]


def make(answers: Mapping[str, pl.DataFrame], settings: HumanSettings, seed: int) -> tuple[Sheet, Key]:
    """A sheet, and its key.

    Args:
        answers: of each candidate, the base first, as `answers.of_candidates` makes them.
        settings: design, and how many items.
        seed: draws the items, shuffles the rows, and which of two answers comes first.

    Raises:
        UserError: no item has an answer of every candidate, or nothing could be compared.
    """
    items = _sampled(answers, settings, seed)
    rated = [(name, None) for name in answers] if settings.design == SCALES else _pairs(list(answers))
    found = [(item, *names) for item in items for names in rated]
    random = np.random.default_rng(seed)
    rows: list[Row] = []
    key: list[dict[str, Any]] = []
    for place in random.permutation(len(found)):
        item, candidate, against = found[place]
        names = [candidate] if against is None else [against, candidate]
        if against is not None and random.integers(2):
            names.reverse()
        said = [item[name] for name in names]
        about = {"id": item["item_id"], "dialect": item["dialect"], "family": item["family"], "answers_of": names}
        if len(said) == 2 and said[0] == said[1]:
            key.append({"row": None, **about})  # nobody needs to be asked
            continue
        rows.append(Row(len(rows) + 1, item["prompt"], item["answers"] if settings.accepted else [], said))
        key.append({"row": len(rows), **about})
    if not rows:
        raise UserError("The candidates answer every drawn item alike: there is nothing to ask. Raise human.items.")
    name = _name(settings, rows)
    asked = {"design": settings.design, "axes": list(settings.axes), "points": settings.points}
    return Sheet(name, settings, rows), {"sheet": name, **asked, "seed": seed, "rows": key}


def form(sheet: Sheet) -> str:
    """The sheet as CSV, to be filled in by a spreadsheet; empty cells of the axes are what raters fill."""
    text = io.StringIO()
    writer = csv.writer(text)
    letters = [FIRST, SECOND] if sheet.settings.design == PAIRS else [None]
    heads = ["answer" if letter is None else f"answer_{letter}" for letter in letters]
    writer.writerow(["sheet", "row", "prompt", "accepted", *heads, *sheet.settings.axes, "comment"])
    for row in sheet.rows:
        texts = [row.prompt, " | ".join(row.accepted), *row.answers]
        empty = [""] * (len(sheet.settings.axes) + 1)
        writer.writerow([sheet.name, row.row, *map(_plain, texts), *empty])
    return BOM + text.getvalue()


def _sampled(answers: Mapping[str, pl.DataFrame], settings: HumanSettings, seed: int) -> list[dict[str, Any]]:
    """Items with the answer of each candidate under its name, so many of each kind and dialect."""
    first, *others = answers.items()
    name, frame = first
    every = frame.select(
        "item_id",
        "of",
        "family",
        pl.col("dialect").fill_null(UNKNOWN),
        "prompt",
        "answers",
        pl.col("generated").alias(name),
    )
    for name, frame in others:
        every = every.join(frame.select("item_id", pl.col("generated").alias(name)), on="item_id")
    if not len(every):
        raise UserError(
            "No item has an answer of every candidate: run evaluate on test items that have answers, "
            f"or set human.of to kinds that were asked; it is {', '.join(settings.of)}."
        )
    grouped = every.lazy().with_columns(id="item_id", group=pl.format("{} {}", "of", "dialect"))
    return drawn(grouped, "group", settings.items, seed).drop("id", "group").to_dicts()


def _pairs(names: Sequence[str]) -> list[tuple[str, str | None]]:
    """Each candidate with what it was trained from."""
    found: list[tuple[str, str | None]] = [(name, parent(name)) for name in names if name != BASE]
    if not found:
        raise UserError("human.design is pairs, but there is one candidate only: train a recipe, or ask for scales.")
    return found


def _name(settings: HumanSettings, rows: Sequence[Row]) -> str:
    """It begins with a letter: a spreadsheet would take some digests for numbers."""
    parts = [settings.design, list(settings.axes), settings.points, list(_texts(rows))]
    return "s" + sha256(json.dumps(parts, ensure_ascii=True).encode()).hexdigest()[:12]


def _texts(rows: Sequence[Row]) -> Iterator[list[Any]]:
    for row in rows:
        yield [row.row, row.prompt, list(row.accepted), list(row.answers)]


def _plain(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULAS) else text
