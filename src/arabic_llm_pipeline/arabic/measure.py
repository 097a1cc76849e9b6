"""What a text consists of: characters, words, letters, the share of Arabic ones, of harakat.

A word is a run of letters, marks, digits and tatweel that has a letter or digit. Letters are Unicode's categories L*.
The ratios of a text that has nothing to divide by are 0.
"""

from functools import lru_cache, partial
from typing import Literal

import numpy as np
import polars as pl

from arabic_llm_pipeline.arabic import alphabet
from arabic_llm_pipeline.arabic.columns import elementwise, from_series

Count = Literal["characters", "words", "letters", "arabic_letters", "harakat", "merged_words"]
COUNTS: tuple[Count, ...] = ("characters", "words", "letters", "arabic_letters", "harakat", "merged_words")
# Bits of the table of classes, the same as in measure_kernel.py (a test compares them).
IN_WORD, LETTER, ARABIC, HARAKA, MERGED, PART = 1, 2, 4, 8, 16, 32


def characters_expr(expr: pl.Expr) -> pl.Expr:
    """Number of code points (Int32)."""
    return count_expr(expr, "characters")


def words_expr(expr: pl.Expr) -> pl.Expr:
    """Number of words (Int32)."""
    return count_expr(expr, "words")


def arabic_ratio_expr(expr: pl.Expr) -> pl.Expr:
    """Arabic letters among all letters, 0 to 1 (Float32)."""
    return elementwise(expr, arabic_ratio, pl.Float32)


def diacritics_ratio_expr(expr: pl.Expr) -> pl.Expr:
    """Harakat for each Arabic letter (Float32): about 0 in newspapers, 0.6 to 0.9 in fully vocalised text."""
    return elementwise(expr, diacritics_ratio, pl.Float32)


def count_expr(expr: pl.Expr, what: Count) -> pl.Expr:
    """One of the counts (Int32)."""
    return elementwise(expr, partial(_count, what=what), pl.Int32)


def measures_expr(expr: pl.Expr) -> pl.Expr:
    """All counts and both ratios at once: a struct of the fields of `COUNTS`, `arabic_ratio`, `diacritics_ratio`."""
    fields = dict.fromkeys(COUNTS, pl.Int32) | {"arabic_ratio": pl.Float32, "diacritics_ratio": pl.Float32}
    return elementwise(expr, measures, pl.Struct(fields))


def arabic_ratio(texts: pl.Series) -> pl.Series:
    """Arabic letters among all letters, for each text."""
    return measures(texts).struct.field("arabic_ratio").alias(texts.name)


def diacritics_ratio(texts: pl.Series) -> pl.Series:
    """Harakat for each Arabic letter, for each text."""
    return measures(texts).struct.field("diacritics_ratio").alias(texts.name)


def measures(texts: pl.Series) -> pl.Series:
    """All counts and both ratios of each text, as a struct; null where the text is."""
    from arabic_llm_pipeline.arabic import measure_kernel

    column = from_series(texts)
    counts = measure_kernel.tally(column.data, column.offsets, column.valid, _classes())
    frame = pl.DataFrame({name: counts[:, number] for number, name in enumerate(COUNTS)})
    frame = frame.with_columns(
        _ratio("arabic_letters", "letters", "arabic_ratio"),
        _ratio("harakat", "arabic_letters", "diacritics_ratio"),
    )
    valid = pl.lit(pl.Series(column.valid))
    return frame.select(pl.when(valid).then(pl.all()).name.keep()).to_struct(texts.name)


def _ratio(part: str, whole: str, name: str) -> pl.Expr:
    return pl.when(pl.col(whole) > 0).then(pl.col(part) / pl.col(whole)).otherwise(0.0).cast(pl.Float32).alias(name)


def _count(texts: pl.Series, what: Count) -> pl.Series:
    return measures(texts).struct.field(what).alias(texts.name)


@lru_cache(maxsize=1)
def _classes() -> np.ndarray:
    """What each code point is to the counts."""
    classes = np.zeros(alphabet.CODE_POINTS, np.uint8)
    classes[alphabet.is_category("L", "M", "Nd")] |= PART
    classes[alphabet.is_category("L")] |= LETTER | IN_WORD
    classes[alphabet.is_category("Nd")] |= IN_WORD
    for bit, chars in (
        (ARABIC, alphabet.ARABIC_LETTERS),
        (HARAKA, alphabet.ALL_HARAKAT),
        (MERGED, alphabet.ALEF_VARIANTS + alphabet.YEH_VARIANTS),
    ):
        classes[[ord(char) for char in chars]] |= bit
    classes[ord(alphabet.TATWEEL)] = PART  # a stroke, though Unicode calls it a letter
    classes.flags.writeable = False
    return classes
