"""Sentences of Arabic text, with where they stand.

A sentence ends at a question or exclamation mark, at a full stop, at an ellipsis before a blank, at the end of a line,
at the Arabic semicolon, and if wished at the comma. Closing quotes, brackets, references like [3] and pictures behind
the mark belong to it. docs/sentences.md tells the rules with examples; in short, nothing ends

- at a full stop behind a single letter (an initial, a title), unless a number stands before that letter (a unit, an
  era), behind an abbreviation of data/abbreviations.tsv, inside a number or an address, behind the number of a list;
- inside brackets; behind a quote in running words that asks or exclaims; before a word of who said it;
- at a question or exclamation mark of ASCII inside an address or code; at a mark before a comma;
- at an ellipsis before a word that goes on (data/sentence_words.tsv).

Where the writer left out the space, a full stop ends a sentence between two Arabic words that are long enough to be no
abbreviations. The next number of a list, and a face behind three words or more, end one without a mark.
"""

from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from arabic_llm_pipeline.arabic import alphabet, lexicon
from arabic_llm_pipeline.arabic.columns import TextColumn, elementwise, from_series

if TYPE_CHECKING:
    import pyarrow as pa

    from arabic_llm_pipeline.arabic.sentences_kernel import Switches, Tables

# What a character is to the kernel; the same numbers as in sentences_kernel.py (a test compares them).
PLAIN, FOREIGN, ARABIC_LETTER, MARK, NUMBER, GAP, NEWLINE = range(7)
STOP, FINAL, ELLIPSIS, SEMI, COMMA, COLON, OPENER, CLOSER, QUOTE_OPEN, QUOTE, PICTURE, EMOJI = range(7, 19)
ABBREVIATION_ROLES = ("always", "before_number", "era")
WORD_ROLES = ("says", "preposition", "goes_on", "conjunction")

DOUBLED_MARKS = "\N{DOUBLE EXCLAMATION MARK}\N{DOUBLE QUESTION MARK}\N{QUESTION EXCLAMATION MARK}"
FINALS = (
    "!?\N{EXCLAMATION QUESTION MARK}\N{INTERROBANG}" + DOUBLED_MARKS + alphabet.QUESTION_MARK + alphabet.FULL_STOP_URDU
)
OLD_FACES = (
    "\N{WHITE FROWNING FACE}\N{WHITE SMILING FACE}\N{BLACK HEART SUIT}\N{VICTORY HAND}"
    "\N{HEAVY HEART EXCLAMATION MARK ORNAMENT}\N{HEAVY BLACK HEART}"
)
FACES = (*map(ord, OLD_FACES), *range(0x1F300, 0x1FB00))  # the blocks of pictographs, without flags

SENTENCE = pl.Struct({"start": pl.Int32, "end": pl.Int32, "text": pl.String})


@dataclass(frozen=True)
class Segmentation:
    """What ends a sentence.

    Attributes:
        semicolon: the Arabic semicolon, which stands between two complete clauses.
        comma: the comma, Arabic or not, before a blank or a letter, outside brackets.
        wrapped_lines: only an empty line; a single line break is a blank (texts of a fixed width).
        max_characters: a sentence that is longer is cut: in its second half at the last comma, colon or semicolon, or
            else before the last conjunction there, or else at the last blank, or else anywhere; 0: never.
    """

    semicolon: bool = True
    comma: bool = False
    wrapped_lines: bool = False
    max_characters: int = 0


def sentence_spans(text: str, how: Segmentation = Segmentation()) -> list[tuple[int, int]]:
    """Where the sentences stand: (begin, end) in characters, without the blanks around them, in order, not overlapping.

    What is of no sentence (blanks, lines without a letter or digit) is in no span. A lone surrogate is a character.
    """
    data = np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)
    column = TextColumn(data, np.array([0, len(data)], np.int64), np.ones(1, bool))
    _, found = _find(column, how)
    return [(int(begin), int(end)) for begin, end in found[:, 2:]]


def split_sentences(text: str, how: Segmentation = Segmentation()) -> list[str]:
    """The sentences of a text, as `sentence_spans` finds them."""
    return [text[begin:end] for begin, end in sentence_spans(text, how)]


def sentences_expr(expr: pl.Expr, how: Segmentation = Segmentation()) -> pl.Expr:
    """The sentences of a column inside a polars plan, as `sentences_series` gives them."""
    return elementwise(expr, partial(sentences_series, how=how), pl.List(SENTENCE))


def sentences_series(texts: pl.Series, how: Segmentation = Segmentation()) -> pl.Series:
    """The sentences of each text: a list of `start` and `end` in characters, and `text`; null where the text is."""
    import pyarrow as pa

    column = from_series(texts)
    first, found = _find(column, how)
    columns = [pa.array(found[:, 2].astype(np.int32)), pa.array(found[:, 3].astype(np.int32)), _texts(column, found)]
    rows = pa.StructArray.from_arrays(columns, names=["start", "end", "text"])
    lists = pl.Series(texts.name, pl.from_arrow(pa.LargeListArray.from_arrays(pa.array(first), rows)))
    return lists.cast(pl.List(SENTENCE)).set(~pl.Series(column.valid), None)


def count_expr(expr: pl.Expr, how: Segmentation = Segmentation()) -> pl.Expr:
    """Number of sentences (Int32) inside a polars plan."""
    return elementwise(expr, partial(count_sentences, how=how), pl.Int32)


def count_sentences(texts: pl.Series, how: Segmentation = Segmentation()) -> pl.Series:
    """Number of sentences of each text, none cut for its length; null where the text is."""
    column = from_series(texts)
    first, _ = _find(column, replace(how, max_characters=0), only_count=True)
    return pl.Series(texts.name, np.diff(first), dtype=pl.Int32).set(~pl.Series(column.valid), None)


def _find(column: TextColumn, how: Segmentation, only_count: bool = False) -> tuple[np.ndarray, np.ndarray]:
    from arabic_llm_pipeline.arabic import sentences_kernel

    tables = _tables(how.wrapped_lines)
    found: tuple[np.ndarray, np.ndarray] = sentences_kernel.find_sentences(
        column.data, column.offsets, column.valid, tables, _switches(how), only_count
    )
    return found


def _texts(column: TextColumn, found: np.ndarray) -> "pa.LargeStringArray":
    """The texts of sentences, copied out of their column."""
    from arabic_llm_pipeline.arabic import sentences_kernel

    ends = np.zeros(len(found) + 1, np.int64)
    data = np.empty(int((found[:, 1] - found[:, 0]).sum()), np.uint8)
    sentences_kernel.copy_texts(column.data, found, ends, data)
    return TextColumn(data, ends, np.ones(len(found), bool)).to_array()


def _switches(how: Segmentation) -> "Switches":
    from arabic_llm_pipeline.arabic.sentences_kernel import Switches

    return Switches(how.semicolon, how.comma, how.wrapped_lines, how.max_characters)


@lru_cache(maxsize=2)
def _tables(wrapped_lines: bool) -> "Tables":
    from arabic_llm_pipeline.arabic.sentences_kernel import Tables

    kinds = _kinds().copy()
    if wrapped_lines:
        kinds[kinds == NEWLINE] = GAP
    abbreviations = _lexicon("abbreviations.tsv", ABBREVIATION_ROLES)
    return Tables(_frozen(kinds), *abbreviations, *_lexicon("sentence_words.tsv", WORD_ROLES))


@lru_cache(maxsize=1)
def _kinds() -> np.ndarray:
    kinds = np.zeros(alphabet.CODE_POINTS, np.uint8)
    for kind, wanted in (
        (FOREIGN, ("L",)),
        (MARK, ("M",)),
        (NUMBER, ("Nd",)),
        (GAP, ("Z", "Cc", "Cf")),
        (OPENER, ("Ps",)),
        (CLOSER, ("Pe",)),
        (QUOTE_OPEN, ("Pi",)),
        (QUOTE, ("Pf",)),
        (PICTURE, ("So",)),
    ):
        kinds[alphabet.is_category(*wanted)] = kind
    kinds[list(FACES)] = EMOJI
    for kind, chars in (
        (PLAIN, alphabet.VISIBLE_FORMAT),
        (ARABIC_LETTER, alphabet.ARABIC_LETTERS),
        (MARK, alphabet.TATWEEL + alphabet.SMALL_WAW + alphabet.SMALL_YEH),
        (NEWLINE, alphabet.LINE_BREAKS),
        (PICTURE, alphabet.VARIATION_SELECTOR_16 + alphabet.ZERO_WIDTH_JOINER + alphabet.EMOJI_MODIFIERS),
        (STOP, "."),
        (FINAL, FINALS),
        (ELLIPSIS, "\N{HORIZONTAL ELLIPSIS}"),
        (SEMI, alphabet.SEMICOLON),
        (COMMA, "," + alphabet.COMMA),
        (COLON, ":"),
        (QUOTE, "\"'"),
    ):
        kinds[[ord(char) for char in chars]] = kind
    return kinds


def _lexicon(name: str, roles: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The forms of a table as sorted hashes, and their roles as numbers."""
    known = {lexicon.word_hash(row["form"]): roles.index(row["role"]) for row in lexicon.read_table(name)}
    hashes = np.array(sorted(known), np.uint64)
    return _frozen(hashes), _frozen(np.array([known[int(one)] for one in hashes], np.int64))


def _frozen(array: np.ndarray) -> np.ndarray:
    """Read-only: numba compiles once for each mix of writable and read-only arguments."""
    array.flags.writeable = False
    return array
