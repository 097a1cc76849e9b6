"""The tables of words and phrases that the generator draws from, and their parts: train, dev, test."""

import hashlib
from functools import cache
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

TABLES = Path(__file__).parent / "tables"
PARTS = {"train": (0.0, 0.75), "dev": (0.75, 0.85), "test": (0.85, 1.0)}


@cache
def rows(table: str) -> list[list[str]]:
    r"""The lines of a table, cut at tabs. A line that begins with # says what the columns are; \n is a line break."""
    lines = (TABLES / f"{table}.tsv").read_text(encoding="utf-8").splitlines()
    return [line.replace("\\n", "\n").split("\t") for line in lines if line and not line.startswith("#")]


@cache
def words(table: str) -> list[str]:
    """The words of a table without columns: apart by tabs where they are phrases, else by spaces."""
    cells = [row if len(row) > 1 else row[0].split() for row in rows(table)]
    return list(dict.fromkeys(word for row in cells for word in row))


def stable_order(values: list[T]) -> list[T]:
    """The values in an order that has nothing to do with how they were written down, and never changes."""
    return sorted(values, key=lambda value: fraction(str(value)))


def fraction(key: str) -> float:
    """Where a key falls between 0 and 1, always the same and as good as by chance."""
    return int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) / 0x1_0000_0000


def belongs(key: str, split: str) -> bool:
    """Whether a combination of words is one of this part: no combination is one of two."""
    start, end = PARTS[split]
    return start <= fraction(key) < end


def part(values: list[T], split: str) -> list[T]:
    """The values of one part, cut from the stable order: no value is in two parts."""
    ordered = stable_order(values)
    start, end = (round(bound * len(ordered)) for bound in PARTS[split])
    return ordered[start:end]


@cache
def words_of(table: str, split: str) -> list[str]:
    """The words of a table that belong to one part."""
    return part(words(table), split)
