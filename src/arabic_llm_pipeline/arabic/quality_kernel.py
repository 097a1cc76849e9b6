"""Counting what the rules of quality look at: words, lines, repetition, broken encodings; compiled by numba."""

import numpy as np
from numba import njit

from arabic_llm_pipeline.arabic.utf8_kernel import HASH_PRIME, HASH_START, decode, hash_step

# Bits of a code point's entry in `kinds`; a test compares them with those of quality.py.
SPACE, NEWLINE, WORD, ALPHA, TERMINAL, CLOSER, BULLET, HIGH = 1, 2, 4, 8, 16, 32, 64, 128
# Columns of what `tally` finds.
TOKENS, WORDS, WORD_LENGTH, SYMBOLS, ALPHABETIC, BULLETS, ELLIPSES = range(7)
DUPLICATE_LINES, DUPLICATE_LINE_CHARACTERS, LINE_PUNCTUATION, NEW_LINES = range(7, 11)
TOP, DUPLICATE = 11, 14  # the first of the three and of the six columns of n-grams
TOP_SIZES, DUPLICATE_SIZES = (2, 3, 4), (5, 6, 7, 8, 9, 10)
COLUMNS = DUPLICATE + len(DUPLICATE_SIZES)
OFTEN = 4  # times: a short text says its long title two or three times
# Columns of a token: its first code point, all its bits, its length in code points, the number of its line.
FIRST, BITS, SIZE, LINE = range(4)
DOT, HASH_SIGN, ELLIPSIS, REPLACEMENT = 0x2E, 0x23, 0x2026, 0xFFFD
TAH, ZAH, LEAST_RUN = (
    0x0637,
    0x0638,
    3,
)  # Arabic bytes of UTF-8 read as Windows-1256; high characters that are no chance
LATIN_LETTERS = (0xC0, 0xFF)
MIX = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio: spreads a hash over its high bits
SHIFT = np.uint64(32)


@njit(cache=True, nogil=True)
def _tokenize(
    data: np.ndarray, start: int, end: int, kinds: np.ndarray, hashes: np.ndarray, tokens: np.ndarray
) -> tuple[int, int, int]:
    """Fill in the tokens of a text: runs of word characters, and runs of one and the same sign.

    Returns:
        how many tokens, line breaks and characters there are.
    """
    count, line, characters = 0, 0, 0
    last = np.int64(-1)  # the sign that the open token repeats; 0 in a word; -1 where none is open
    i = start
    while i < end:
        code, width = decode(data, i)
        kind = kinds[code]
        i += width
        characters += 1
        if kind & SPACE:
            line += (kind & NEWLINE) != 0
            last = np.int64(-1)
            continue
        sign = np.int64(0) if kind & WORD else code
        if sign != last:
            tokens[count, FIRST], tokens[count, BITS], tokens[count, SIZE], tokens[count, LINE] = code, 0, 0, line
            hashes[count] = HASH_START
            count, last = count + 1, sign
        tokens[count - 1, BITS] |= kind
        tokens[count - 1, SIZE] += 1
        hashes[count - 1] = hash_step(hashes[count - 1], code)
    return count, line, characters


@njit(cache=True, nogil=True)
def _is_ellipsis(token: np.ndarray) -> bool:
    return token[FIRST] == ELLIPSIS or (token[FIRST] == DOT and token[SIZE] >= 3)


@njit(cache=True, nogil=True)
def _count_words(tokens: np.ndarray, count: int, found: np.ndarray) -> None:
    """Words (tokens that are no signs), their mean length, symbols for each token, tokens with a letter of all."""
    words, length, symbols, alphabetic = 0, 0, 0, 0
    for k in range(count):
        if tokens[k, BITS] & WORD:
            words += 1
            length += tokens[k, SIZE]
        alphabetic += (tokens[k, BITS] & ALPHA) != 0
        if tokens[k, FIRST] == HASH_SIGN or tokens[k, FIRST] == ELLIPSIS:
            symbols += tokens[k, SIZE]
        elif _is_ellipsis(tokens[k]):
            symbols += 1
    found[TOKENS], found[WORDS] = count, words
    found[WORD_LENGTH] = length / max(words, 1)
    found[SYMBOLS], found[ALPHABETIC] = symbols / max(count, 1), alphabetic / max(count, 1)


@njit(cache=True, nogil=True)
def _place(value: np.uint64, keys: np.ndarray, stamps: np.ndarray, stamp: int, mask: np.uint64) -> np.int64:
    """Where a value is in an open-addressed table, or where it goes; entries of another stamp count as free."""
    mixed = value * MIX
    place = (mixed ^ (mixed >> SHIFT)) & mask
    while stamps[place] == stamp and keys[place] != value:
        place = (place + np.uint64(1)) & mask
    return np.int64(place)


@njit(cache=True, nogil=True)
def _ends_in_punctuation(tokens: np.ndarray, first: int, last: int) -> bool:
    """Whether the last sign of a line ends a sentence, quotation marks and brackets behind it aside."""
    while last > first and tokens[last, BITS] & CLOSER:
        last -= 1
    return (tokens[last, BITS] & TERMINAL) != 0


@njit(cache=True, nogil=True)
def _count_lines(
    hashes: np.ndarray, tokens: np.ndarray, count: int, keys: np.ndarray, stamps: np.ndarray, stamp: int,
    mask: np.uint64, found: np.ndarray,
) -> None:  # fmt: skip
    """Shares of lines that hold something: with a bullet, an ellipsis, punctuation at the end, said before."""
    lines, total, again, again_characters, bullets, ellipses, ended = 0, 0, 0, 0, 0, 0, 0
    first = 0
    while first < count:
        last, value, characters = first, HASH_START, 0
        while last < count and tokens[last, LINE] == tokens[first, LINE]:
            value = (value ^ hashes[last]) * HASH_PRIME
            characters += tokens[last, SIZE]
            last += 1
        place = _place(value, keys, stamps, stamp, mask)
        if stamps[place] == stamp:
            again, again_characters = again + 1, again_characters + characters
        keys[place], stamps[place] = value, stamp
        lines, total = lines + 1, total + characters
        bullets += (tokens[first, BITS] & BULLET) != 0
        ellipses += _is_ellipsis(tokens[last - 1])
        ended += _ends_in_punctuation(tokens, first, last - 1)
        first = last
    found[DUPLICATE_LINES], found[DUPLICATE_LINE_CHARACTERS] = again / max(lines, 1), again_characters / max(total, 1)
    found[BULLETS], found[ELLIPSES] = bullets / max(lines, 1), ellipses / max(lines, 1)
    found[LINE_PUNCTUATION] = ended / max(lines, 1)


@njit(cache=True, nogil=True)
def _runs(hashes: np.ndarray, count: int, size: int, out: np.ndarray) -> None:
    """The hash of every run of so many tokens: a polynomial in the tokens' hashes, modulo 2^64."""
    power = np.uint64(1)
    for _ in range(size):
        power *= MIX
    value = np.uint64(0)
    for k in range(count):
        value = value * MIX + hashes[k]
        if k >= size:
            value -= power * hashes[k - size]
        if k >= size - 1:
            out[k - size + 1] = value


@njit(cache=True, nogil=True)
def _top(
    runs: np.ndarray, ends: np.ndarray, count: int, size: int, keys: np.ndarray, stamps: np.ndarray, counts: np.ndarray,
    stamp: int, mask: np.uint64,
) -> tuple[int, int]:  # fmt: skip
    """How often the most frequent run stands there, and its characters (of several, the longest's; 0 if it does once).

    There is one blank between tokens.
    """
    most, length = 1, 0
    for k in range(count - size + 1):
        place = _place(runs[k], keys, stamps, stamp, mask)
        if stamps[place] != stamp:
            keys[place], stamps[place], counts[place] = runs[k], stamp, 0
        counts[place] += 1
        own = ends[k + size] - ends[k] + size - 1
        if counts[place] > most or (counts[place] == most and most > 1 and own > length):
            most, length = counts[place], own
    return most, length


@njit(cache=True, nogil=True)
def _repeated(
    runs: np.ndarray, ends: np.ndarray, count: int, size: int, keys: np.ndarray, stamps: np.ndarray, stamp: int,
    mask: np.uint64,
) -> int:  # fmt: skip
    """Characters in runs that stood before in the text; a run that is counted is stepped over, so none counts twice."""
    characters, k = 0, 0
    while k <= count - size:
        place = _place(runs[k], keys, stamps, stamp, mask)
        if stamps[place] == stamp:
            characters += ends[k + size] - ends[k]
            k += size
        else:
            keys[place], stamps[place] = runs[k], stamp
            k += 1
    return characters


@njit(cache=True, nogil=True)
def _count_ngrams(
    hashes: np.ndarray, tokens: np.ndarray, count: int, characters: int, runs: np.ndarray, ends: np.ndarray,
    keys: np.ndarray, stamps: np.ndarray, counts: np.ndarray, stamp: int, mask: np.uint64, found: np.ndarray,
) -> int:  # fmt: skip
    """Shares of the characters in the most frequent and in repeated runs of tokens; returns the last stamp used."""
    for k in range(count):
        ends[k + 1] = ends[k] + tokens[k, SIZE]
    for n in range(len(TOP_SIZES)):
        stamp += 1
        size = TOP_SIZES[n]
        _runs(hashes, count, size, runs)
        most, length = _top(runs, ends, count, size, keys, stamps, counts, stamp, mask)
        if length == 0:  # what has no run of two twice has none of three
            return stamp
        if most >= OFTEN:
            found[TOP + n] = most * length / max(characters, 1)
    for n in range(len(DUPLICATE_SIZES)):
        stamp += 1
        size = DUPLICATE_SIZES[n]
        _runs(hashes, count, size, runs)
        found[DUPLICATE + n] = _repeated(runs, ends, count, size, keys, stamps, stamp, mask) / max(characters, 1)
        if found[DUPLICATE + n] == 0:
            return stamp
    return stamp


@njit(cache=True, nogil=True)
def _broken(data: np.ndarray, start: int, end: int, kinds: np.ndarray, glyphs: np.ndarray) -> float:
    """Share of the characters that are not blank which come of a wrong decoding.

    Three signs of it: U+FFFD; three or more characters in a row that are bytes from 80 to FF read as Latin-1 or
    Windows-1252, two Latin letters among them; the letters Tah and Zah each before a glyph that Windows-1256 has at 80
    to BF and Arabic has not (the bytes D8 and D9 begin most Arabic letters in UTF-8).
    """
    broken, all_, run, letters = 0, 0, 0, 0
    before = np.int64(0)
    i = start
    while i < end:
        code, width = decode(data, i)
        kind = kinds[code]
        i += width
        all_ += (kind & SPACE) == 0 or (kind & HIGH) != 0
        broken += int(code == REPLACEMENT)
        if glyphs[code] and before in (TAH, ZAH):
            broken += 2
        before = code
        if kind & HIGH:
            run += 1
            letters += int(LATIN_LETTERS[0] <= code <= LATIN_LETTERS[1])
        else:
            broken += run if run >= LEAST_RUN and letters >= 2 else 0
            run, letters = 0, 0
    broken += run if run >= LEAST_RUN and letters >= 2 else 0
    return broken / max(all_, 1)


@njit(cache=True, nogil=True)
def _longest(offsets: np.ndarray, valid: np.ndarray) -> int:
    longest = 0
    for row in range(len(offsets) - 1):
        if valid[row]:
            longest = max(longest, offsets[row + 1] - offsets[row])
    return longest


@njit(cache=True, nogil=True)
def broken(
    data: np.ndarray, offsets: np.ndarray, valid: np.ndarray, kinds: np.ndarray, glyphs: np.ndarray
) -> np.ndarray:
    """The share of each text that comes of a wrong decoding, as `_broken` has it.

    Args:
        data, offsets, valid: the column.
        kinds: what each code point is.
        glyphs: whether it is one that Windows-1256 has at 80 to BF, and no letter or mark of Arabic text.
    """
    found = np.zeros(len(offsets) - 1)
    for row in range(len(found)):
        if valid[row]:
            found[row] = _broken(data, offsets[row], offsets[row + 1], kinds, glyphs)
    return found


@njit(cache=True, nogil=True)
def tally(data: np.ndarray, offsets: np.ndarray, valid: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """All values of the rules for prose, a row for each text (zeros where there is none).

    Args:
        data, offsets, valid: the column.
        kinds: what each code point is.
    """
    rows, longest = len(offsets) - 1, _longest(offsets, valid)
    found = np.zeros((rows, COLUMNS))
    hashes, runs = np.empty(longest + 1, np.uint64), np.empty(longest + 1, np.uint64)
    tokens, ends = np.empty((longest + 1, 4), np.int32), np.zeros(longest + 2, np.int32)
    room = 1
    while room < 2 * (longest + 1):
        room *= 2
    keys, stamps, counts = np.empty(room, np.uint64), np.zeros(room, np.int32), np.empty(room, np.int32)
    stamp = 0
    for row in range(rows):
        if not valid[row]:
            continue
        start, end = offsets[row], offsets[row + 1]
        count, breaks, characters = _tokenize(data, start, end, kinds, hashes, tokens)
        size = 1
        while size < 2 * (count + 1):
            size *= 2
        stamp += 1
        mask = np.uint64(size - 1)
        _count_words(tokens, count, found[row])
        _count_lines(hashes, tokens, count, keys, stamps, stamp, mask, found[row])
        found[row, NEW_LINES] = breaks / max(count, 1)
        stamp = _count_ngrams(
            hashes, tokens, count, characters, runs, ends, keys, stamps, counts, stamp, mask, found[row]
        )
    return found


@njit(cache=True, nogil=True)
def _word_runs(
    data: np.ndarray, start: int, end: int, kinds: np.ndarray, hashes: np.ndarray, tokens: np.ndarray, size: int,
    runs: np.ndarray,
) -> int:  # fmt: skip
    """The distinct runs of so many tokens of a text, sorted; a shorter text has none; returns how many."""
    count, _, _ = _tokenize(data, start, end, kinds, hashes, tokens)
    if count < size:
        return 0
    _runs(hashes, count, size, runs)
    ordered = np.unique(runs[: count - size + 1])
    runs[: len(ordered)] = ordered
    return len(ordered)


@njit(cache=True, nogil=True)
def likeness(
    data: np.ndarray, offsets: np.ndarray, valid: np.ndarray, other_data: np.ndarray, other_offsets: np.ndarray,
    other_valid: np.ndarray, kinds: np.ndarray, size: int,
) -> np.ndarray:  # fmt: skip
    """Jaccard likeness of the sets of runs of so many tokens, of each text and the one beside it."""
    rows = len(offsets) - 1
    found = np.zeros(rows)
    room = max(_longest(offsets, valid), _longest(other_offsets, other_valid)) + 1
    hashes, tokens = np.empty(room, np.uint64), np.empty((room, 4), np.int32)
    left, right = np.empty(room, np.uint64), np.empty(room, np.uint64)
    for row in range(rows):
        if not valid[row] or not other_valid[row]:
            continue
        a = _word_runs(data, offsets[row], offsets[row + 1], kinds, hashes, tokens, size, left)
        b = _word_runs(other_data, other_offsets[row], other_offsets[row + 1], kinds, hashes, tokens, size, right)
        i, j, both = 0, 0, 0
        while i < a and j < b:
            both += left[i] == right[j]
            forward = left[i] <= right[j]
            j += left[i] >= right[j]
            i += forward
        found[row] = both / max(a + b - both, 1)
    return found
