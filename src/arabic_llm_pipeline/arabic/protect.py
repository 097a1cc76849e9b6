r"""Code and maths within a text, which no rule of cleaning may touch.

What is protected: blocks between fences of three or more backticks or tildes (to the end of the text, if it breaks
off), code between backticks, and formulas between the marks of LaTeX, `$ $`, `$$ $$`, `\( \)`, `\[ \]`. The rules are
those of CommonMark 0.31 (4.5, 6.1) and, for the dollar, which is a currency, too, those of Pandoc's extension
tex_math_dollars: no blank after the first, none before the last, no digit after the last; here both stand in one line,
and neither a digit nor a Latin letter stands before the first.

Each such span becomes one sign, U+FFFC, while its text is cleaned. A U+FFFC of the text is a span itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from arabic_llm_pipeline.arabic.columns import TextColumn, from_series
from arabic_llm_pipeline.arabic.markup import replaced

SIGNS = {False: "`|~~~", True: r"[`$\\]|~~~"}  # without any of them there is nothing; by whether maths is meant, too
ROUNDS = 100


@dataclass(frozen=True)
class Spans:
    """Protected spans of a column: `places` has their first bytes and those after their last; row i has those from
    `counts[i]` to `counts[i + 1]`.
    """

    column: TextColumn
    places: np.ndarray
    counts: np.ndarray

    def masked(self) -> pl.Series:
        """The texts with U+FFFC for each span."""
        from arabic_llm_pipeline.arabic import protect_kernel

        column = self.column
        data, offsets = protect_kernel.mask(column.data, column.offsets, self.places, self.counts)
        return TextColumn(data, offsets, column.valid).to_series()

    def restored(self, masked: pl.Series, maths: bool) -> tuple[pl.Series, np.ndarray]:
        """Masked texts with their spans; and which of them have all their spans, to the byte and still as such."""
        from arabic_llm_pipeline.arabic import protect_kernel

        column = from_series(masked)
        places = (self.column.data, self.places, self.counts)
        data, offsets, whole = protect_kernel.unmask(column.data, column.offsets, *places)
        texts = TextColumn(data, offsets, column.valid).to_series()
        found = find(texts, maths)
        return texts, whole & protect_kernel.hold(*places, found.column.data, found.places, found.counts)


def find(texts: pl.Series, maths: bool) -> Spans:
    """The spans of a column without nulls."""
    from arabic_llm_pipeline.arabic import protect_kernel

    column = from_series(texts)
    return Spans(column, *protect_kernel.find(column.data, column.offsets, maths))


def masked(texts: pl.Series, maths: bool) -> pl.Series:
    """The texts without their code and maths; nulls stay."""
    rows = np.flatnonzero(texts.str.contains(SIGNS[maths]).fill_null(False))
    return replaced(texts, rows, find(texts.gather(rows), maths).masked()) if len(rows) else texts


def around(texts: pl.Series, ways: Sequence[Callable[[pl.Series], pl.Series]], maths: bool) -> pl.Series:
    """Clean a column around its code and maths; applying it twice changes nothing more.

    Args:
        texts: a column; nulls stay.
        ways: how to clean a column. Where the first way takes a span out (as a tag around it) or breaks one, the next
            is tried; a text that all fail is left as it is.
        maths: whether formulas are meant, too.
    """
    rows = np.flatnonzero(texts.str.contains(SIGNS[maths]).fill_null(False))
    if len(rows) == 0:
        return ways[0](texts)
    done = replaced(ways[0](replaced(texts, rows, pl.Series([None], dtype=pl.String))), rows, texts.gather(rows))
    for _ in range(ROUNDS):
        before = done.gather(rows)
        after = _once(before, ways, maths)
        moving = np.flatnonzero((before != after).to_numpy())
        if len(moving) == 0:
            break
        rows = rows[moving]
        done = replaced(done, rows, after.gather(moving))
    return done


def _once(texts: pl.Series, ways: Sequence[Callable[[pl.Series], pl.Series]], maths: bool) -> pl.Series:
    """Each text by the first way that leaves its spans alone."""
    rows, done = np.arange(len(texts)), texts
    for way in ways:
        spans = find(texts.gather(rows), maths)
        cleaned, whole = spans.restored(way(spans.masked()), maths)
        held = np.flatnonzero(whole)
        done = replaced(done, rows[held], cleaned.gather(held))
        rows = rows[~whole]
        if len(rows) == 0:
            break
    return done
