"""Which script a text is in: Arabic, Latin, both; and whether its Latin letters are Arabizi.

Arabizi is Arabic typed in Latin letters, with digits for the letters that Latin has none for (2 hamza, 3 ain, 5 khah,
6 tah, 7 hah, 8 ghain, 9 qaf or sad). It has no spelling, so that what tells it is: digits within words, its most
frequent words in the spellings that people use, and the Maghrebi and Egyptian negation around a verb (ma ... ch or sh).
Against it stand the frequent words of English and French (data/latin_words.tsv has both).
"""

from functools import lru_cache

import numpy as np
import polars as pl

from arabic_llm_pipeline.arabic import alphabet, lexicon
from arabic_llm_pipeline.arabic.columns import elementwise, from_series, frozen

ARABIC, ARABIZI, MIXED, LATIN, OTHER = "arabic", "arabizi", "mixed", "latin", "other"
SCRIPTS = (ARABIC, ARABIZI, MIXED, LATIN, OTHER)
MOSTLY = 0.75  # of the words in Arabic or Latin letters: names and quotations of the other script do not make it mixed
MIN_EVIDENCE = 0.1  # of the Latin words: a name or a loan word does not make a text Arabizi
# The same numbers as in script_kernel.py (a test compares them).
MARK, DIGIT, LETTER_DIGIT, FOREIGN_LETTER, LATIN_LETTER, ARABIC_LETTER = range(1, 7)
ARABIC_WORDS, LATIN_WORDS, OTHER_WORDS, ARABIZI_WORDS, EUROPEAN_WORDS = range(5)


def script(text: str) -> str:
    """The script of a text, as `script_series` says."""
    return str(script_series(pl.Series([text], dtype=pl.String))[0])


def script_expr(expr: pl.Expr) -> pl.Expr:
    """The scripts of a column inside a polars plan (String)."""
    return elementwise(expr, script_series, pl.String)


def script_series(texts: pl.Series) -> pl.Series:
    """The script of each text; null where the text is.

    arabic: three quarters of its words or more have Arabic letters; mixed: between a quarter and that, the others are
    Latin; arabizi, latin: fewer; other: most words are in other letters, or there are none.
    """
    words = counts(texts)
    arabic, latin, other, arabizi, european = words.T
    share = arabic / np.maximum(arabic + latin, 1)
    is_arabizi = (arabizi > european) & (arabizi >= MIN_EVIDENCE * latin)
    found = np.select(
        [other >= np.maximum(arabic + latin, 1), share >= MOSTLY, share > 1 - MOSTLY, is_arabizi],
        [OTHER, ARABIC, MIXED, ARABIZI],
        LATIN,
    )
    found[arabic + latin + other == 0] = OTHER
    named = pl.DataFrame({"script": found, "valid": texts.is_not_null()})
    return named.select(pl.when("valid").then(pl.col("script")).alias(texts.name)).to_series()


def counts(texts: pl.Series) -> np.ndarray:
    """By text: words with Arabic letters, with Latin ones, with others; and of the Latin ones those known as Arabizi,
    and those known as English or French.
    """
    from arabic_llm_pipeline.arabic import script_kernel

    column = from_series(texts)
    found: np.ndarray = script_kernel.tally(column.data, column.offsets, column.valid, _classes(), _lower(), *_known())
    return found


@lru_cache(maxsize=1)
def _classes() -> np.ndarray:
    """What each code point is; 0 parts words. A word is of the highest class that it has."""
    classes = np.zeros(alphabet.CODE_POINTS, np.uint8)
    classes[alphabet.is_category("M")] = MARK
    classes[alphabet.is_category("Nd")] = DIGIT
    classes[[ord(digit) for digit in "2356789"]] = LETTER_DIGIT
    letters = alphabet.codes("L")
    classes[letters] = FOREIGN_LETTER
    classes[letters[letters <= alphabet.LAST_LATIN]] = LATIN_LETTER
    classes[[ord(char) for char in alphabet.ARABIC_LETTERS]] = ARABIC_LETTER
    classes[ord(alphabet.TATWEEL)] = MARK
    return frozen(classes)


@lru_cache(maxsize=1)
def _lower() -> np.ndarray:
    """The lower case of each code point up to the last Latin one."""
    lower = [chr(code).lower() for code in range(alphabet.LAST_LATIN + 1)]
    return frozen(np.array([ord(char[0]) for char in lower], np.int64))


@lru_cache(maxsize=1)
def _known() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sorted hashes of the words of Arabizi, of the same without doubled letters, and of European words."""
    rows = lexicon.read_table("latin_words.tsv")
    words = {kind: [w for row in rows if row["language"] == kind for w in row["words"].split()] for kind in LANGUAGES}
    arabizi, european = (words[kind] for kind in LANGUAGES)
    return _hashes(arabizi), _hashes([squeezed(word) for word in arabizi]), _hashes(european)


LANGUAGES = ("arabizi", "european")


def squeezed(word: str) -> str:
    """A word with each run of a letter as one."""
    return "".join(char for i, char in enumerate(word) if char != word[i - 1 : i])


def _hashes(words: list[str]) -> np.ndarray:
    return frozen(np.unique(np.array([lexicon.word_hash(word) for word in words], np.uint64)))
