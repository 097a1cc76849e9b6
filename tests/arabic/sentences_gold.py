"""The cases of sentences_gold.txt, and how well a segmenter finds them.

A boundary is where a sentence ends, but for the last, counted in visible characters: so it does not matter whether a
library keeps the blanks between sentences, and what it changes beside blanks is seen as an error.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

FILE = Path(__file__).with_suffix(".txt")
BOUNDARY, NEW_LINE = "\N{DOUBLE VERTICAL LINE}", "\N{RETURN SYMBOL}"


class Case(NamedTuple):
    """A text and its sentences."""

    genre: str
    held_out: bool
    pieces: list[str]

    @property
    def text(self) -> str:
        """Without the marks."""
        return "".join(self.pieces)


class Score(NamedTuple):
    """How well boundaries were found; `exact` is the share of texts without a mistake."""

    precision: float
    recall: float
    f1: float
    exact: float


def read() -> list[Case]:
    """All cases; every second one of a genre is held out."""
    cases, genre, number = [], "", 0
    for line in FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## ") and line.isascii():
            genre, number = line[3:], 0
        elif line and not line.startswith("# "):
            cases.append(Case(genre, number % 2 == 1, line.replace(NEW_LINE, "\n").split(BOUNDARY)))
            number += 1
    return cases


def places(pieces: Iterable[str]) -> set[int]:
    """The boundaries between pieces."""
    found, place = set(), 0
    for piece in pieces:
        place += len("".join(piece.split()))
        found.add(place)
    return found - {place}


def score(split: Callable[[str], list[str]], cases: list[Case]) -> Score:
    """Precision, recall and F1 of all boundaries of the cases, and the share of texts that are right as a whole."""
    both = [(places(case.pieces), places(split(case.text))) for case in cases]
    right = sum(len(wanted & found) for wanted, found in both)
    found, wanted = sum(len(found) for _, found in both), sum(len(wanted) for wanted, _ in both)
    precision, recall = right / max(found, 1), right / max(wanted, 1)
    exact = sum(wanted == found for wanted, found in both) / len(both)
    return Score(precision, recall, 2 * right / max(found + wanted, 1), exact)
