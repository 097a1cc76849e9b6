"""Words of running text: where they stand, and which are drawn to be guessed.

A word is a run of letters, digits and marks: its clitics and diacritics stay on it, punctuation does not.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from zlib import crc32

import numpy as np
import polars as pl

from arabic_llm_pipeline.arabic import alphabet
from arabic_llm_pipeline.arabic.sentences import sentence_spans

JOINER = alphabet.ZERO_WIDTH_NON_JOINER
WORD = re.compile(rf"[\w{alphabet.ARABIC_MARKS}{JOINER}]+")
ARABIC = re.compile(rf"[{alphabet.ARABIC_LETTERS}]")
SHORT, LONG = 5, 40  # words of a sentence that one is left out of
CONTEXT = 3  # words before the one that is guessed, at least


class Place(NamedTuple):
    """A word in its text, from `start` to before `end`; `text` is a document, or a sentence of one."""

    document: int
    text: str
    start: int
    end: int
    before: int = 0  # letters of the document before the text

    @property
    def word(self) -> str:
        """The word itself."""
        return self.text[self.start : self.end]

    def filled(self, word: str) -> str:
        """The text with another word in its place."""
        return f"{self.text[: self.start]}{word}{self.text[self.end :]}"


def place_rows(places: Sequence[Place]) -> pl.DataFrame:
    """Places as rows: document, start (in the document), word."""
    rows = [(place.document, place.before + place.start, place.word) for place in places]
    schema = {"document": pl.UInt32, "start": pl.Int64, "word": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def next_words(texts: Sequence[str], ids: Sequence[str], count: int, seed: int) -> list[Place]:
    """At most so many places of each text where an Arabic word comes after one space and `CONTEXT` words or more.

    They hang on the text alone, not on a tokenizer, and on the seed and the document's id, not on other documents.
    """
    found = []
    for document, (text, id_) in enumerate(zip(texts, ids, strict=True)):
        spans = [match.span() for match in WORD.finditer(text)][CONTEXT:]
        places = [Place(document, text, *span) for span in spans if _begins(text, *span)]
        found += _drawn(places, count, id_, seed)
    return found


def masked_words(texts: Sequence[str], ids: Sequence[str], count: int, seed: int) -> list[Place]:
    """At most so many Arabic words of each text, each in its sentence of `SHORT` to `LONG` words."""
    return [
        place
        for document, (text, id_) in enumerate(zip(texts, ids, strict=True))
        for place in _drawn(list(_in_sentences(document, text)), count, id_, seed)
    ]


class Pools:
    """Words to put in a place of another: of the same dialect, length and class of frequency.

    A class holds words seen 1 time, 2 to 3 times, 4 to 7 times, ... in the texts of the dialect.
    """

    def __init__(self, texts: Sequence[str], dialects: Sequence[str | None]):
        counts: dict[str | None, Counter[str]] = {}
        for text, dialect in zip(texts, dialects, strict=True):
            counts.setdefault(dialect, Counter()).update(filter(ARABIC.search, WORD.findall(text)))
        self._counts = counts
        self._pools: dict[tuple[str | None, int, int], list[str]] = {}
        for dialect, words in counts.items():
            for word in sorted(words):
                self._pools.setdefault(self._key(word, dialect), []).append(word)

    def distractors(self, word: str, dialect: str | None, count: int, random: np.random.Generator) -> list[str] | None:
        """So many other words of its class, drawn; None where there are too few."""
        others = [other for other in self._pools.get(self._key(word, dialect), ()) if other != word]
        return None if len(others) < count else [str(one) for one in random.choice(others, count, replace=False)]

    def _key(self, word: str, dialect: str | None) -> tuple[str | None, int, int]:
        return dialect, len(word), self._counts[dialect][word].bit_length()


def generator(id_: str, seed: int) -> np.random.Generator:
    """Draws for one document, whatever others there are."""
    return np.random.default_rng([seed, crc32(id_.encode())])


def _drawn(places: list[Place], count: int, id_: str, seed: int) -> list[Place]:
    order = generator(id_, seed).permutation(len(places))[:count]
    return [places[place] for place in sorted(order)]


def _begins(text: str, start: int, end: int) -> bool:
    alone = text[start - 1 : start] == " " and not text[start - 2 : start - 1].isspace()
    return alone and bool(ARABIC.search(text, start, end))


def _in_sentences(document: int, text: str) -> Iterator[Place]:
    for first, last in sentence_spans(text):
        sentence = text[first:last]
        spans = [match.span() for match in WORD.finditer(sentence)]
        if SHORT <= len(spans) <= LONG:
            yield from (Place(document, sentence, *span, first) for span in spans if ARABIC.search(sentence, *span))
