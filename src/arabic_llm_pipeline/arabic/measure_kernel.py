"""Counting what texts consist of, compiled by numba."""

import numpy as np
from numba import njit

from arabic_llm_pipeline.arabic.utf8_kernel import decode

# Bits of a code point's entry in the `classes` of `tally`, and the columns of what it counts.
IN_WORD, LETTER, ARABIC, HARAKA, MERGED, PART = 1, 2, 4, 8, 16, 32
CHARACTERS, WORDS, LETTERS, ARABIC_LETTERS, HARAKAT, MERGED_WORDS = range(6)


@njit(cache=True, nogil=True)
def tally(data: np.ndarray, offsets: np.ndarray, valid: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Count characters, words, letters, Arabic letters, harakat, and words with a merged letter, for each text.

    A word is a run of letters, marks, digits and tatweel with a letter or digit among them.
    """
    rows = len(offsets) - 1
    counts = np.zeros((rows, 6), dtype=np.int32)
    for row in range(rows):
        if not valid[row]:
            continue
        i, end = offsets[row], offsets[row + 1]
        word = 0  # all classes seen in the present word
        while i < end:
            code, width = decode(data, i)
            kind = classes[code]
            counts[row, CHARACTERS] += 1
            counts[row, LETTERS] += (kind & LETTER) != 0
            counts[row, ARABIC_LETTERS] += (kind & ARABIC) != 0
            counts[row, HARAKAT] += (kind & HARAKA) != 0
            if kind == 0:
                counts[row, WORDS] += (word & IN_WORD) != 0
                counts[row, MERGED_WORDS] += (word & MERGED) != 0
                word = 0
            word |= kind
            i += width
        counts[row, WORDS] += (word & IN_WORD) != 0
        counts[row, MERGED_WORDS] += (word & MERGED) != 0
    return counts
