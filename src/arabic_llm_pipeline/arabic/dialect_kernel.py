"""Looking the words of texts up in a table of weighted forms, compiled by numba."""

import numpy as np
from numba import njit

from arabic_llm_pipeline.arabic.utf8_kernel import HASH_START, decode, find, hash_step

SPACE_BYTE, LINE_BYTE = 0x20, 0x0A
# Letters of a word that count, and the columns of its counts.
LONGEST_WORD, STAR, WAW_CODE, FEH_CODE = 64, 0x2A, 0x0648, 0x0641
ARABIC_WORDS, OTHER_WORDS, MARKED_WORDS, DIALECT_WORDS = range(4)
LONGEST_PREFIX, LONGEST_SUFFIX, LONGEST_PART, SHORTEST_STEM = 4, 3, 2, 2  # of an affix pattern; a part of a circumfix


@njit(cache=True, nogil=True)
def _hash(value: np.uint64, word: np.ndarray, begin: int, end: int) -> np.uint64:
    for k in range(begin, end):
        value = hash_step(value, word[k])
    return value


@njit(cache=True, nogil=True)
def _add(keys: np.ndarray, weights: np.ndarray, value: np.uint64, totals: np.ndarray) -> bool:
    """Add the weights of a form to the totals if it is in the table; returns whether it is."""
    place = find(keys, value)
    if place < 0:
        return False
    totals += weights[place]
    return True


@njit(cache=True, nogil=True)
def _add_affixes(
    word: np.ndarray, begin: int, end: int, keys: np.ndarray, weights: np.ndarray, totals: np.ndarray
) -> bool:
    """Add all affix patterns of a word; returns whether there is one."""
    size, found = end - begin, False
    for p in range(1, LONGEST_PREFIX + 1):
        if size - p < SHORTEST_STEM:
            break
        opened = hash_step(_hash(HASH_START, word, begin, begin + p), STAR)
        found |= _add(keys, weights, opened, totals)
        for s in range(1, LONGEST_PART + 1):
            if p <= LONGEST_PART and size - p - s >= SHORTEST_STEM:
                found |= _add(keys, weights, _hash(opened, word, end - s, end), totals)
    for s in range(1, LONGEST_SUFFIX + 1):
        if size - s >= SHORTEST_STEM:
            found |= _add(keys, weights, _hash(hash_step(HASH_START, STAR), word, end - s, end), totals)
    return found


@njit(cache=True, nogil=True)
def _add_word(word: np.ndarray, size: int, keys: np.ndarray, weights: np.ndarray, totals: np.ndarray) -> bool:
    """Add what a word says: itself, itself behind a conjunction, or its affixes; returns whether it says anything."""
    if _add(keys, weights, _hash(HASH_START, word, 0, size), totals):
        return True
    joined = word[0] == WAW_CODE or word[0] == FEH_CODE
    if joined and size >= 3 and _add(keys, weights, _hash(HASH_START, word, 1, size), totals):
        return True
    begin = 1 if word[0] == WAW_CODE and size >= 4 else 0
    return _add_affixes(word, begin, size, keys, weights, totals)


@njit(cache=True, nogil=True)
def mark(
    data: np.ndarray, offsets: np.ndarray, valid: np.ndarray, keys: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Add up the weights of the markers in each text, whose words stand between single blanks.

    Args:
        data, offsets, valid: the column.
        keys: sorted hashes of the markers' forms.
        weights: a row for each: the regions, and 1 if the form is one of a dialect.

    Returns:
        sums by region, and counts: Arabic words, other words, Arabic words with a marker, with one of a dialect.
    """
    rows, regions = len(offsets) - 1, weights.shape[1] - 1
    sums = np.zeros((rows, regions))
    counts = np.zeros((rows, 4), dtype=np.int64)
    word = np.empty(LONGEST_WORD, dtype=np.int64)
    for row in range(rows):
        totals = np.zeros(regions + 1)
        i, end, size, arabic = offsets[row], offsets[row + 1], 0, False
        while valid[row] and i <= end:
            code, width = decode(data, i) if i < end else (np.int64(SPACE_BYTE), 1)
            i += width
            if code != SPACE_BYTE and code != LINE_BYTE:
                arabic = arabic or bool(0x0620 <= code <= 0x064A or 0x0671 <= code <= 0x06D3)
                if size < LONGEST_WORD:
                    word[size] = code
                    size += 1
                continue
            if arabic:
                before = totals[regions]
                counts[row, ARABIC_WORDS] += 1
                counts[row, MARKED_WORDS] += _add_word(word, size, keys, weights, totals)
                counts[row, DIALECT_WORDS] += totals[regions] > before
            elif size > 0:
                counts[row, OTHER_WORDS] += 1
            size, arabic = 0, False
        sums[row] = totals[:regions]
    return sums, counts
