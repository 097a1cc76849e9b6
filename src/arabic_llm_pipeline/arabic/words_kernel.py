"""Walks over the words of a column of text, compiled by numba. Columns come as rewrite_kernel.py says."""

import numpy as np
from numba import njit

from arabic_llm_pipeline.arabic.utf8_kernel import HASH_START, decode, find, hash_step

LETTER, SILENT, VOWEL, TANWIN, MEEM, MARK = range(1, 7)  # of `strip_endings`; SILENT: a letter that may seat a tanwin
BLANK, LATIN, DIGIT, KEYCAP = range(1, 5)  # of `arabic_indic_digits`
ZERO_BYTE = 0x30
ZWNJ_CODE, ZWJ_CODE, FARSI_YEH_CODE = 0x200C, 0x200D, 0x06CC


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


@njit(cache=True, nogil=True)
def _final_yehs(out: np.ndarray, i: int, end: int, letters: np.ndarray, stems: np.ndarray) -> None:
    """Write Alef Maksura, which is as long, for the Farsi Yeh at the end of each word that is listed, in one text."""
    stem, whole = HASH_START, HASH_START  # of the word without its last letter, and with it
    yeh, joiners = -1, 0  # where the last letter is, if it is a Farsi Yeh; how many joiners come after it
    while i <= end:
        code, width = decode(out, i) if i < end else (0, 1)
        letter = letters[code]
        if letter == 0:
            if yeh >= 0 and find(stems, stem) >= 0:
                out[yeh], out[yeh + 1] = 0xD9, 0x89
            stem, whole, yeh, joiners = HASH_START, HASH_START, -1, 0
        elif code in (ZWNJ_CODE, ZWJ_CODE):
            joiners += 1
        else:
            for _ in range(joiners):  # within a word they make it another one
                whole = hash_step(whole, ZWNJ_CODE)
            stem, whole, joiners = whole, hash_step(whole, letter), 0
            yeh = i if code == FARSI_YEH_CODE else -1
        i += width


@njit(cache=True, nogil=True)
def alef_maksura(
    data: np.ndarray, offsets: np.ndarray, letters: np.ndarray, stems: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Write Alef Maksura for Farsi Yeh in the words whose stems are given; returns data and offsets of the new column.

    Args:
        data, offsets: the column, without nulls.
        letters: for each code point 0 if it parts words, or as what it is read.
        stems: sorted hashes of the words without their last letter.
    """
    out = data[offsets[0] : offsets[-1]].copy()
    out_offsets = offsets - offsets[0]
    for row in range(len(offsets) - 1):
        _final_yehs(out, out_offsets[row], out_offsets[row + 1], letters, stems)
    return out, out_offsets
