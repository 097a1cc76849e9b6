"""What a text says of its class: hashed character n-grams and words, straight from UTF-8, compiled by numba.

A text is in the spelling of MATCHING_KEY, its words between blanks. A word without an Arabic letter says nothing (names
of users, addresses and numbers tell the source of a text, not its class); of a letter repeated for emphasis two stay.
"""

import numpy as np
from numba import njit

from arabic_llm_pipeline.arabic.utf8_kernel import HASH_START, decode, hash_step

SPACE_BYTE, LINE_BYTE = 0x20, 0x0A
SHORTEST, LONGEST = 2, 5  # character n-grams; a word's begin and end are a blank, which counts
LONGEST_WORD, LONGEST_RUN = 40, 2  # letters of a word that count; of equal letters in a row
ROOM = LONGEST_WORD + 2 + LONGEST  # for a word with its blanks, and for what is read beyond it
FOUND = (LONGEST_WORD + 2) * (LONGEST - SHORTEST + 1) + 2 + LONGEST  # features of a word at most, and room beyond them
WORD_KIND, PAIR_KIND = 1, 2  # told apart from letters when hashed
SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 by the golden ratio: Knuth's multiplicative hashing
NO_WORD = np.uint64(0)
CHARACTERS, WORDS = 0, 1  # the two blocks of features, each of which is scaled by its own length
# A bucket's weights are the low bytes of one number, each with ZERO added. Two sums of every other byte, in lanes of 16
# bits, hold AT_ONCE features without running over: 257 * 255 < 2^16.
ZERO, AT_ONCE = 128, 257
EVEN_BYTES, LANE, EIGHT = np.uint64(0x00FF00FF00FF00FF), np.uint64(0xFFFF), np.uint64(8)
WAITING = 2_048  # features whose weights are looked up together, so that the memory brings many of them at a time
ARABIC_WORDS, OTHER_WORDS, CHARACTER_FEATURES, WORD_FEATURES = range(4)


@njit(cache=True, nogil=True)
def _next_word(data: np.ndarray, i: int, end: int, word: np.ndarray) -> tuple[int, int, bool]:
    """Read a word into word[1:size + 1], a blank on either side: the byte after it, its size, whether it is Arabic."""
    size, run, arabic, last = 0, 0, False, np.int64(0)
    while i < end:
        code, width = decode(data, i)
        i += width
        if code in (SPACE_BYTE, LINE_BYTE):
            if size > 0:
                break
            continue
        arabic = arabic or bool(0x0620 <= code <= 0x064A or 0x0671 <= code <= 0x06D3)
        run = run + 1 if code == last else 1
        last = code
        if run <= LONGEST_RUN and size < LONGEST_WORD:
            size += 1
            word[size] = code
    word[0] = word[size + 1] = SPACE_BYTE
    return i, size, arabic


@njit(cache=True, nogil=True)
def _bucket(value: np.uint64, shift: np.uint64) -> np.int64:
    return np.int64((value * SPREAD) >> shift)


@njit(cache=True, nogil=True)
def _find(
    word: np.ndarray, size: int, before: np.uint64, shift: np.uint64, found: np.ndarray
) -> tuple[int, int, np.uint64]:
    """The buckets of a word's features: n-grams, then the word, then the pair with the word before it.

    Returns:
        how many there are, how many of them are n-grams, and the word's hash.
    """
    count, whole = 0, hash_step(HASH_START, WORD_KIND)
    for begin in range(size + 1):
        value = hash_step(HASH_START, word[np.uint64(begin)])
        for k in range(LONGEST - 1):  # as many each time, as that is fast; those beyond the word are written over
            value = hash_step(value, word[np.uint64(begin + 1 + k)])
            found[np.uint64(count + k)] = _bucket(value, shift)
        count += min(LONGEST - 1, size + 1 - begin)
    for place in range(1, size + 1):
        whole = hash_step(whole, word[np.uint64(place)])
    ngrams = count
    found[count] = _bucket(whole, shift)
    count += 1
    if before != NO_WORD:
        pair = hash_step((before ^ np.uint64(PAIR_KIND)) * SPREAD ^ whole, PAIR_KIND)
        found[count] = _bucket(pair, shift)
        count += 1
    return count, ngrams, whole


@njit(cache=True, nogil=True)
def _add(weights: np.ndarray, found: np.ndarray, count: int, sums: np.ndarray) -> None:
    """Add the weights of features to the sums of the classes."""
    for begin in range(0, count, AT_ONCE):
        end = min(begin + AT_ONCE, count)
        even, odd = np.uint64(0), np.uint64(0)
        for place in range(begin, end):
            packed = weights[np.uint64(found[place])]
            even += packed & EVEN_BYTES
            odd += packed >> EIGHT & EVEN_BYTES
        for k in range(len(sums)):
            lanes = odd if k & 1 else even
            sums[k] += np.int64((lanes >> np.uint64(16 * (k >> 1))) & LANE) - ZERO * (end - begin)


@njit(cache=True, nogil=True)
def add_up(
    data: np.ndarray, offsets: np.ndarray, valid: np.ndarray, weights: np.ndarray, shift: int, classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Add up the weights of what is in each text.

    Args:
        data, offsets, valid: the column.
        weights: of each bucket, packed in one number.
        shift: 64 less the bits of a bucket's number.
        classes: how many of the eight bytes of a bucket are weights.

    Returns:
        sums by block and class, and counts: Arabic words, other words, n-grams, words and pairs.
    """
    rows, bits = len(offsets) - 1, np.uint64(shift)
    sums = np.zeros((rows, 2, classes), dtype=np.int64)
    counts = np.zeros((rows, 4), dtype=np.int64)
    word = np.zeros(ROOM, dtype=np.int64)
    grams, words = np.empty(WAITING + FOUND, dtype=np.int64), np.empty(WAITING + FOUND, dtype=np.int64)
    for row in range(rows):
        i, end, before, waiting, more = offsets[row], offsets[row + 1], NO_WORD, 0, 0
        while valid[row] and i < end:
            i, size, arabic = _next_word(data, i, end, word)
            if not arabic:
                counts[row, OTHER_WORDS] += size > 0
                continue
            count, ngrams, before = _find(word, size, before, bits, grams[waiting:])
            for place in range(ngrams, count):
                words[more + place - ngrams] = grams[waiting + place]
            waiting, more = waiting + ngrams, more + count - ngrams
            counts[row, ARABIC_WORDS] += 1
            counts[row, CHARACTER_FEATURES] += ngrams
            counts[row, WORD_FEATURES] += count - ngrams
            if waiting >= WAITING:
                _add(weights, grams, waiting, sums[row, CHARACTERS])
                _add(weights, words, more, sums[row, WORDS])
                waiting, more = 0, 0
        _add(weights, grams, waiting, sums[row, CHARACTERS])
        _add(weights, words, more, sums[row, WORDS])
    return sums, counts


@njit(cache=True, nogil=True)
def measure(data: np.ndarray, offsets: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """How many features each text has in each block."""
    rows = len(offsets) - 1
    counts = np.zeros((rows, 2), dtype=np.int64)
    word, found = np.zeros(ROOM, dtype=np.int64), np.empty(FOUND, dtype=np.int64)
    for row in range(rows):
        i, end, before = offsets[row], offsets[row + 1], NO_WORD
        while valid[row] and i < end:
            i, size, arabic = _next_word(data, i, end, word)
            if arabic:
                count, ngrams, before = _find(word, size, before, np.uint64(63), found)
                counts[row, CHARACTERS] += ngrams
                counts[row, WORDS] += count - ngrams
    return counts


@njit(cache=True, nogil=True)
def extract(
    data: np.ndarray, offsets: np.ndarray, valid: np.ndarray, shift: int, starts: np.ndarray, total: int
) -> np.ndarray:
    """The buckets of every feature of every text, those of each block together.

    Args:
        data, offsets, valid: the column.
        shift: 64 less the bits of a bucket's number.
        starts: of each text's blocks in the result.
        total: size of the result.
    """
    buckets = np.empty(total, dtype=np.int32)
    word, found = np.zeros(ROOM, dtype=np.int64), np.empty(FOUND, dtype=np.int64)
    for row in range(len(offsets) - 1):
        i, end, before = offsets[row], offsets[row + 1], NO_WORD
        places = starts[row].copy()
        while valid[row] and i < end:
            i, size, arabic = _next_word(data, i, end, word)
            if not arabic:
                continue
            count, ngrams, before = _find(word, size, before, np.uint64(shift), found)
            for place in range(count):
                block = CHARACTERS if place < ngrams else WORDS
                buckets[places[block]] = found[place]
                places[block] += 1
    return buckets
