"""Counting words by script, and Latin ones by what they are known as, compiled by numba."""

import numpy as np
from numba import njit

from arabic_llm_pipeline.arabic.utf8_kernel import HASH_START, decode, find, hash_step

MARK, DIGIT, LETTER_DIGIT, FOREIGN_LETTER, LATIN_LETTER, ARABIC_LETTER = range(1, 7)
ARABIC_WORDS, LATIN_WORDS, OTHER_WORDS, ARABIZI_WORDS, EUROPEAN_WORDS = range(5)
A_CODE, C_CODE, H_CODE, M_CODE, S_CODE = 0x61, 0x63, 0x68, 0x6D, 0x73
MIN_NEGATED = 6  # letters of ma ... ch
DRAWN_OUT = 3  # times that a letter is written for emphasis, at least


@njit(cache=True, nogil=True)
def _latin_word(
    data: np.ndarray,
    i: int,
    end: int,
    classes: np.ndarray,
    lower: np.ndarray,
    arabizi: np.ndarray,
    squeezed: np.ndarray,
    european: np.ndarray,
) -> int:
    """What a Latin word is known as: ARABIZI_WORDS, EUROPEAN_WORDS, or -1."""
    whole, single = HASH_START, HASH_START
    letters, digits, length, run, longest = 0, 0, 0, 0, 0
    odd = False  # a digit that is no letter, or two that differ side by side
    before = last = first = second = np.int64(0)
    while i < end:
        code, width = decode(data, i)
        kind = classes[code]
        code = np.int64(lower[code]) if code < len(lower) else code
        run = run + 1 if code == last else 1
        longest = max(longest, run)
        whole = hash_step(whole, code)
        single = hash_step(single, code) if run == 1 else single
        letters += kind == LATIN_LETTER
        if kind in (DIGIT, LETTER_DIGIT):
            digits += 1
            odd = bool(odd or kind == DIGIT or (run == 1 and 0x30 <= last <= 0x39))
        first, second = (code, second) if length == 0 else (first, code if length == 1 else second)
        before, last = last, code
        length += 1
        i += width
    if find(european, whole) >= 0:
        return EUROPEAN_WORDS
    negated = first == M_CODE and second == A_CODE and last == H_CODE and before in (C_CODE, S_CODE)
    known = find(arabizi, whole) >= 0 or (longest >= DRAWN_OUT and find(squeezed, single) >= 0)
    spelt = not odd and 0 < digits <= letters and letters > 1
    return ARABIZI_WORDS if known or spelt or (negated and length >= MIN_NEGATED) else -1


@njit(cache=True, nogil=True)
def tally(
    data: np.ndarray,
    offsets: np.ndarray,
    valid: np.ndarray,
    classes: np.ndarray,
    lower: np.ndarray,
    arabizi: np.ndarray,
    squeezed: np.ndarray,
    european: np.ndarray,
) -> np.ndarray:
    """Count the words of each text by script, and Latin ones by what they are known as."""
    counts = np.zeros((len(offsets) - 1, 5), np.int64)
    for row in range(len(counts)):
        i, end = offsets[row], offsets[row + 1] if valid[row] else offsets[row]
        begin, top = i, 0  # of the present word: where it begins, its highest class
        while i <= end:
            code, width = decode(data, i) if i < end else (0, 1)
            kind = classes[code]
            if kind == 0:
                if top == ARABIC_LETTER:
                    counts[row, ARABIC_WORDS] += 1
                elif top == FOREIGN_LETTER:
                    counts[row, OTHER_WORDS] += 1
                elif top == LATIN_LETTER:
                    counts[row, LATIN_WORDS] += 1
                    known = _latin_word(data, begin, i, classes, lower, arabizi, squeezed, european)
                    if known >= 0:
                        counts[row, known] += 1
                begin, top = i + width, 0
            top = max(top, kind)
            i += width
    return counts
