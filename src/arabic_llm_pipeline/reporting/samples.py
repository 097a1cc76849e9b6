"""Test items with the answers of all candidates side by side."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import polars as pl

from arabic_llm_pipeline.reporting.changes import Piece, put_in
from arabic_llm_pipeline.reporting.inputs import Inputs
from arabic_llm_pipeline.reporting.view import Block, shortened


@dataclass(frozen=True)
class Answer:
    """What one candidate wrote."""

    candidate: str
    text: Sequence[Piece]  # what the candidate before did not write there is marked as put in
    verdict: str  # right, right but for spelling, wrong
    notes: Sequence[str]


@dataclass(frozen=True)
class Sample:
    """A test item with the answers of all candidates."""

    form: ClassVar[str] = "sample"  # of the card that shows it
    family: str
    dialect: str
    prompt: str
    accepted: Sequence[str]
    answers: Sequence[Answer]


def blocks(inputs: Inputs) -> list[Block]:
    """One part: a card an item."""
    each = inputs.report.answers_per_family
    text = (
        f"Test items drawn by the seed, {each} of each family, with what every candidate wrote. Underlined: "
        "what the one that it was trained from did not write there."
    )
    found = samples(inputs)
    return [Block(text=[text if found else "No items to show."], cards=found)]


def samples(inputs: Inputs) -> list[Sample]:
    """Some items of each family, drawn by the seed from those that all candidates answered."""
    frames = {name: inputs.answers[name].sort("item_id") for name in inputs.candidates}
    first = next(iter(frames.values()))
    for frame in frames.values():
        first = first.join(frame.select("item_id"), on="item_id", how="semi")
    drawn = _drawn(first, inputs.report.answers_per_family, inputs.seed)
    rows = {name: {row["item_id"]: row for row in frame.iter_rows(named=True)} for name, frame in frames.items()}
    before = {name: inputs.parent(name) for name in inputs.writing}
    shown = ({name: found[item] for name, found in rows.items()} for item in drawn)
    return [_sample(answers, before, inputs.report.excerpt) for answers in shown]


def _drawn(items: pl.DataFrame, each: int, seed: int) -> Iterator[str]:
    random = np.random.default_rng(seed)
    for _, group in sorted(items.select("family", "item_id").group_by("family")):
        ids = group["item_id"].sort().to_list()
        yield from (ids[place] for place in sorted(random.permutation(len(ids))[:each]))


def _sample(rows: dict[str, dict[str, object]], before: Mapping[str, str], excerpt: int) -> Sample:
    row = next(iter(rows.values()))
    accepted = [str(answer) for answer in row["answers"]]  # type: ignore[attr-defined]
    answers = [_answer(name, found, rows.get(before.get(name, "")), excerpt) for name, found in rows.items()]
    prompt = shortened(str(row["prompt"]), excerpt)
    return Sample(str(row["family"]), str(row["dialect"]), prompt, accepted, answers)


def _answer(name: str, row: dict[str, object], before: dict[str, object] | None, excerpt: int) -> Answer:
    verdict = "right" if row["strict"] else "right but for spelling" if row["normalized"] else "wrong"
    notes = [*(["preferred form"] if row["preferred_form"] else []), *([] if row["stopped"] else ["cut: did not end"])]
    text = shortened(str(row["generated"]), excerpt)
    pieces = put_in(shortened(str(before["generated"]), excerpt), text) if before else [Piece("same", text)]
    return Answer(name, pieces if text else [], verdict, notes)
