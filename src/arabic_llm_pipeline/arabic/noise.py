"""Texts as people write them: a share of their words altered by kinds of noise that happen in Arabic.

Which words are altered, and into what, hangs on the seed and on the name of the text, not on the share: words that are
altered at a low share are so, and in the same way, at every higher one. What stands between the words, and what is no
word of Arabic (numbers, addresses, Latin, code, maths), stays as it is.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import polars as pl

from arabic_llm_pipeline.arabic import alphabet, protect
from arabic_llm_pipeline.arabic.noise_kinds import KINDS, REGIONS, Options, Word, letters, options

LATIN_KINDS = ("dropped", "doubled")  # those that can be done to a word of any alphabet
_ARABIC = re.escape(alphabet.ARABIC_LETTERS + alphabet.ARABIC_MARKS + alphabet.TATWEEL)
_LATIN = f"A-Za-z\u00c0-{chr(alphabet.LAST_LATIN)}"
ARABIC_WORD = re.compile(f"[{_ARABIC}]+")
ANY_WORD = re.compile(f"[{_ARABIC}]+|[{_LATIN}]+")
NO_PROSE = re.compile(r"[\d@#_\ufffc]|://|www\.")  # what stands between two blanks and has one of these is no word
SHORTEST = 2  # letters: one alone is a name of a choice, or a number of a list


@dataclass(frozen=True)
class Noise:
    """What may happen to words.

    Attributes:
        kinds: names of `noise_kinds.KINDS`; each word that is altered gets one of those that can alter it.
        regions: whose dialects and Arabizi; a text has one of them.
        latin: whether words in Latin letters may lose letters, or get them twice.
    """

    kinds: Sequence[str] = tuple(KINDS)
    regions: Sequence[str] = REGIONS
    latin: bool = False


class Change(NamedTuple):
    """One altered word: from where to where in the text, and what it became by which kind."""

    start: int
    end: int
    text: str
    kind: str


class Noised(NamedTuple):
    """A text with noise, and how much of it there is."""

    text: str
    words: int
    alterable: int  # of them, words that one of the kinds can alter
    changes: tuple[Change, ...]  # places are those of the text before, with one sign for what is protected


def noised(
    texts: Sequence[str],
    names: Sequence[str],
    share: float,
    seed: int,
    how: Noise | None = None,
    kept: Sequence[Sequence[str]] = (),
) -> list[Noised]:
    """Each text with that share of its alterable words altered, rounded to whole words (a half to the even one).

    Args:
        texts: any.
        names: of the texts: with the seed they decide what happens to each.
        share: from 0 to 1.
        seed: any whole number.
        how: kinds of noise; all of them, if not given.
        kept: parts of each text that stay as they are wherever they stand in it, such as the choices of a question.
    """
    how = how or Noise()
    spans = protect.find(pl.Series(texts, dtype=pl.String), maths=True)
    masked = spans.masked().to_list()
    parts = kept or [()] * len(texts)
    found = [_noised(*row, share, seed, how) for row in zip(masked, names, parts, strict=True)]
    whole, _ = spans.restored(pl.Series([one.text for one in found], dtype=pl.String), maths=True)
    return [one._replace(text=text) for one, text in zip(found, whole.to_list(), strict=True)]


def _noised(text: str, name: str, kept: Sequence[str], share: float, seed: int, how: Noise) -> Noised:
    random = np.random.default_rng(int.from_bytes(blake2b(f"{seed}\0{name}".encode(), digest_size=8).digest()))
    region = how.regions[int(random.integers(len(how.regions)))]
    words = list(_words(text, kept, how.latin))
    able = [(start, word) for start, word in words if next(_possible(word, region, how), None)]
    order, draws = random.permutation(len(able)), random.random((len(able), 2))
    chosen = sorted(order[: round(share * len(able))])
    changes = tuple(_change(able[place], region, how, draws[place]) for place in chosen)
    return Noised(_applied(text, changes), len(words), len(able), changes)


def _words(text: str, kept: Sequence[str], latin: bool) -> Iterator[tuple[int, Word]]:
    """Words with where they start; a word that touches what is kept, or what is no prose, is none."""
    held = [found.span() for part in kept if part for found in re.finditer(re.escape(part), text)]
    for chunk in re.finditer(r"\S+", text):
        if NO_PROSE.search(chunk[0]) or (not latin and re.search(f"[{_LATIN}]", chunk[0])):
            continue
        for found in (ANY_WORD if latin else ARABIC_WORD).finditer(chunk[0]):
            start, end = chunk.start() + found.start(), chunk.start() + found.end()
            touched = any(start < last and first < end for first, last in held)
            if not touched and len(letters(found[0])) >= SHORTEST:
                yield start, Word(found[0], _joins(text, end, held))


def _joins(text: str, end: int, held: Sequence[tuple[int, int]]) -> bool:
    """Whether one blank follows, and then another word, which is not kept."""
    after = end + 1
    free = not any(first <= after < last for first, last in held)
    return free and text[end:after] == " " and bool(ARABIC_WORD.match(text, after))


def _possible(word: Word, region: str, how: Noise) -> Iterator[tuple[str, Options]]:
    """The kinds that can alter a word, with what they can make of it."""
    arabic = ARABIC_WORD.match(word.text)
    for kind in how.kinds:
        if (arabic or kind in LATIN_KINDS) and (found := options(kind, word, region)):
            yield kind, found


def _change(place: tuple[int, Word], region: str, how: Noise, draws: Sequence[float]) -> Change:
    start, word = place
    able = list(_possible(word, region, how))
    kind, found = able[int(draws[0] * len(able))]
    text, gone = found[int(draws[1] * len(found))]
    return Change(start, start + len(word.text) + gone, text, kind)


def _applied(text: str, changes: Sequence[Change]) -> str:
    parts, place = [], 0
    for change in changes:
        parts += [text[place : change.start], change.text]
        place = change.end
    return "".join([*parts, text[place:]])
