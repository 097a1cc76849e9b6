"""Sentences of Arabic text.

A sentence ends at a question or exclamation mark, at a full stop, at an ellipsis before a blank, at the end of a line,
and if wished at the semicolon. Closing quotes, brackets and references like [3] behind the mark belong to it.
A full stop ends no sentence behind a single letter (an initial, a title, an era) unless a number stands before that
letter, behind an abbreviation of data/abbreviations.tsv, inside a number, or behind the number of a list. Where the
writer left out the space, it ends one between two Arabic words that are long enough to be no abbreviations. A comma
directly behind the mark joins the sentences. Marks without a word, and pictures, belong to the sentence before them.
"""

from functools import lru_cache, partial

import numpy as np
import polars as pl

from arabic_llm_pipeline.arabic import alphabet, lexicon
from arabic_llm_pipeline.arabic.columns import elementwise, from_series

# What a character is to the kernel; the same numbers as in sentences_kernel.py (a test compares them).
PLAIN, FOREIGN, ARABIC_LETTER, MARK, NUMBER, GAP, NEWLINE = range(7)
STOP, FINAL, SEMI, ELLIPSIS, CLOSER, OPENER, COMMA, PICTURE = range(7, 15)
FINALS = "!?\N{DOUBLE EXCLAMATION MARK}\N{INTERROBANG}" + alphabet.QUESTION_MARK + alphabet.FULL_STOP_URDU
STRAIGHT_QUOTES = "\"'"


def sentence_spans(text: str, semicolon: bool = False) -> list[tuple[int, int]]:
    """Where the sentences stand: (begin, end) in characters, without the blanks around them, in order, not overlapping.

    Args:
        text: any text; what is of no sentence (blanks, lines without a letter or digit) is in no span.
        semicolon: whether the Arabic semicolon ends a sentence too.
    """
    data = text.encode("utf-8", "surrogatepass")
    ends = np.cumsum(np.frombuffer(data, np.uint8) & 0xC0 != 0x80)
    return [(int(ends[begin]) - 1, int(ends[end - 1])) for begin, end in _byte_spans(data, semicolon)]


def split_sentences(text: str, semicolon: bool = False) -> list[str]:
    """The sentences of a text, as `sentence_spans` finds them."""
    return [text[begin:end] for begin, end in sentence_spans(text, semicolon)]


def count_expr(expr: pl.Expr, semicolon: bool = False) -> pl.Expr:
    """Number of sentences (Int32) inside a polars plan."""
    return elementwise(expr, partial(count_sentences, semicolon=semicolon), pl.Int32)


def count_sentences(texts: pl.Series, semicolon: bool = False) -> pl.Series:
    """Number of sentences of each text; null where the text is."""
    from arabic_llm_pipeline.arabic import sentences_kernel

    column = from_series(texts)
    arguments = (column.data, column.offsets, column.valid, _kinds(), semicolon, _abbreviations())
    counts = pl.Series(texts.name, sentences_kernel.count_sentences(*arguments), dtype=pl.Int32)
    return counts.set(~pl.Series(column.valid), None)


def _byte_spans(data: bytes, semicolon: bool) -> list[list[int]]:
    from arabic_llm_pipeline.arabic import sentences_kernel

    spans = np.empty((len(data) + 1, 2), np.int64)
    count = sentences_kernel.segment(
        np.frombuffer(data, np.uint8), 0, len(data), _kinds(), semicolon, _abbreviations(), spans
    )
    found: list[list[int]] = spans[:count].tolist()
    return found


@lru_cache(maxsize=1)
def _kinds() -> np.ndarray:
    kinds = np.zeros(alphabet.CODE_POINTS, np.uint8)
    for kind, wanted in (
        (FOREIGN, ("L",)),
        (MARK, ("M",)),
        (NUMBER, ("Nd",)),
        (GAP, ("Z", "Cc", "Cf")),
        (OPENER, ("Ps", "Pi")),
        (CLOSER, ("Pe", "Pf")),
        (PICTURE, ("So",)),
    ):
        kinds[alphabet.is_category(*wanted)] = kind
    for kind, chars in (
        (ARABIC_LETTER, alphabet.ARABIC_LETTERS),
        (MARK, alphabet.TATWEEL + alphabet.SMALL_WAW + alphabet.SMALL_YEH),
        (NEWLINE, alphabet.LINE_BREAKS),
        (PICTURE, alphabet.VARIATION_SELECTOR_16 + alphabet.ZERO_WIDTH_JOINER + alphabet.EMOJI_MODIFIERS),
        (STOP, "."),
        (FINAL, FINALS),
        (SEMI, alphabet.SEMICOLON),
        (ELLIPSIS, "\N{HORIZONTAL ELLIPSIS}"),
        (COMMA, "," + alphabet.COMMA),
        (CLOSER, STRAIGHT_QUOTES + "\N{ORNATE RIGHT PARENTHESIS}\N{ORNATE LEFT PARENTHESIS}"),
    ):
        kinds[[ord(char) for char in chars]] = kind
    kinds.flags.writeable = False
    return kinds


@lru_cache(maxsize=1)
def _abbreviations() -> np.ndarray:
    forms = [row["form"] for row in lexicon.read_table("abbreviations.tsv")]
    hashes = np.sort(np.array([lexicon.word_hash(form) for form in forms], np.uint64))
    hashes.flags.writeable = False
    return hashes
