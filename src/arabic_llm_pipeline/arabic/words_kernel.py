"""Walks over the words of a column of text, compiled by numba. Columns come as rewrite_kernel.py says."""

import numpy as np
from numba import njit

from arabic_llm_pipeline.arabic.utf8_kernel import decode

LETTER, SILENT, VOWEL, TANWIN, MEEM, MARK = range(1, 7)  # of `strip_endings`; SILENT: a letter that may seat a tanwin
BLANK, LATIN, DIGIT, KEYCAP = range(1, 5)  # of `arabic_indic_digits`
ZERO_BYTE = 0x30


@njit(cache=True, nogil=True)
def _has(out: np.ndarray, i: int, end: int, classes: np.ndarray, one: int, other: int) -> bool:
    """Whether a run of marks has one of a class or of another."""
    while i < end:
        code, width = decode(out, i)
        if classes[code] == one or classes[code] == other:
            return True
        i += width
    return False


@njit(cache=True, nogil=True)
def _without(out: np.ndarray, i: int, end: int, pos: int, classes: np.ndarray, ending: bool) -> int:
    """Move a run of code points to `pos`, without those of an ending if it is one; returns where it ends."""
    while i < end:
        code, width = decode(out, i)
        if not (ending and VOWEL <= classes[code] <= MEEM):
            for k in range(width):
                out[pos + k] = out[i + k]
            pos += width
        i += width
    return pos


@njit(cache=True, nogil=True)
def _bare(out: np.ndarray, before: int, last: int, marks: int, pos: int, classes: np.ndarray) -> int:
    """Take the ending from a word that has just been written.

    Args:
        before: where the marks of the letter before the last begin.
        last: where the last letter begins.
        marks: where its marks begin.
        pos: where they end.

    Returns:
        Where the word ends now.
    """
    seat = classes[decode(out, last)[0]] == SILENT and _has(out, before, last, classes, TANWIN, MEEM)
    ending = _has(out, marks, pos, classes, VOWEL, TANWIN)
    new = _without(out, before, last, before, classes, seat)
    new = _without(out, last, marks, new, classes, False)
    return _without(out, marks, pos, new, classes, ending)


@njit(cache=True, nogil=True)
def _strip_row(data: np.ndarray, i: int, end: int, out: np.ndarray, pos: int, classes: np.ndarray) -> int:
    """One text; returns where its output ends."""
    letters, before, last, marks = 0, pos, pos, pos
    while i < end:
        code, width = decode(data, i)
        kind = classes[code]
        if kind == 0 and letters > 0:
            if letters > 1:
                pos = _bare(out, before, last, marks, pos, classes)
            letters = 0
        for k in range(width):
            out[pos + k] = data[i + k]
        if kind in (LETTER, SILENT):
            before, last, marks = marks, pos, pos + width
            letters += 1
        pos += width
        i += width
    return _bare(out, before, last, marks, pos, classes) if letters > 1 else pos


@njit(cache=True, nogil=True)
def strip_endings(
    data: np.ndarray, offsets: np.ndarray, valid: np.ndarray, classes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Take the marks of the ending from every word; returns data and offsets of the new column."""
    rows = len(offsets) - 1
    out = np.empty(offsets[rows] - offsets[0], dtype=np.uint8)
    out_offsets = np.zeros(rows + 1, dtype=np.int64)
    pos = 0
    for row in range(rows):
        if valid[row]:
            pos = _strip_row(data, offsets[row], offsets[row + 1], out, pos, classes)
        out_offsets[row + 1] = pos
    return out[:pos], out_offsets


@njit(cache=True, nogil=True)
def _token(data: np.ndarray, i: int, end: int, classes: np.ndarray) -> tuple[int, bool]:
    """Where what stands between blanks ends, and whether it has a Latin letter."""
    latin = False
    while i < end:
        code, width = decode(data, i)
        if classes[code] == BLANK:
            break
        latin |= classes[code] == LATIN
        i += width
    return i, latin


@njit(cache=True, nogil=True)
def _digits_of_token(data: np.ndarray, i: int, end: int, out: np.ndarray, pos: int, classes: np.ndarray) -> int:
    """Write a token with other digits; returns where it ends."""
    while i < end:
        code, width = decode(data, i)
        before_keycap = i + 1 < end and classes[decode(data, i + 1)[0]] == KEYCAP if width == 1 else False
        if classes[code] == DIGIT and not before_keycap:
            out[pos], out[pos + 1] = 0xD9, 0xA0 + code - ZERO_BYTE
            pos += 2
        else:
            for k in range(width):
                out[pos + k] = data[i + k]
            pos += width
        i += width
    return pos


@njit(cache=True, nogil=True)
def _digits_row(data: np.ndarray, i: int, end: int, out: np.ndarray, pos: int, classes: np.ndarray) -> int:
    """One text; returns where its output ends."""
    while i < end:
        stop, latin = _token(data, i, end, classes)
        if stop == i:  # a blank
            stop = i + decode(data, i)[1]
            latin = True
        if not latin:
            pos = _digits_of_token(data, i, stop, out, pos, classes)
        else:
            for k in range(i, stop):
                out[pos] = data[k]
                pos += 1
        i = stop
    return pos


@njit(cache=True, nogil=True)
def arabic_indic_digits(
    data: np.ndarray, offsets: np.ndarray, valid: np.ndarray, classes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Write Arabic-Indic for Western digits, but in Latin text; returns data and offsets of the new column."""
    rows = len(offsets) - 1
    size, digits = offsets[rows] - offsets[0], 0
    for k in range(offsets[0], offsets[rows]):
        digits += ZERO_BYTE <= data[k] <= ZERO_BYTE + 9
    out = np.empty(size + digits, dtype=np.uint8)
    out_offsets = np.zeros(rows + 1, dtype=np.int64)
    pos = 0
    for row in range(rows):
        if valid[row]:
            pos = _digits_row(data, offsets[row], offsets[row + 1], out, pos, classes)
        out_offsets[row + 1] = pos
    return out[:pos], out_offsets
