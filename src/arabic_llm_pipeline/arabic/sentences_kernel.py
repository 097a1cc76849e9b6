"""Finding the ends of sentences in UTF-8, compiled by numba."""

import numpy as np
from numba import njit

from arabic_llm_pipeline.arabic.utf8_kernel import HASH_START, decode, find, hash_step

# What a code point is to `segment`.
PLAIN, FOREIGN, ARABIC_LETTER, MARK, NUMBER, GAP, NEWLINE = range(7)
STOP, FINAL, SEMI, ELLIPSIS, CLOSER, OPENER, COMMA, PICTURE = range(7, 15)
RUN_ON_LETTERS = 3  # a full stop without a space after it ends a sentence only behind a word of so many letters


@njit(cache=True, nogil=True)
def _after_reference(data: np.ndarray, i: int, end: int, kinds: np.ndarray) -> int:
    """Where a reference like [12] at `i` ends, or `i` if there is none."""
    if i >= end or data[i] != 0x5B:
        return i
    k = i + 1
    while k < end and kinds[decode(data, k)[0]] == NUMBER:
        k += decode(data, k)[1]
    return k + 1 if k > i + 1 and k < end and data[k] == 0x5D else i


@njit(cache=True, nogil=True)
def _end_of_marks(data: np.ndarray, i: int, end: int, kinds: np.ndarray) -> tuple[int, int, int, int]:
    """Where a run of sentence marks, closing quotes, brackets and references ends; how many full stops; other marks."""
    stops, finals, ellipses, closed = 0, 0, 0, False
    while i < end:
        code, width = decode(data, i)
        kind = kinds[code]
        if kind == STOP:
            stops += not closed
        elif kind == FINAL:
            finals += 1
        elif kind == ELLIPSIS:
            ellipses += 1
        elif kind == CLOSER:
            closed = True
        else:
            after = _after_reference(data, i, end, kinds)
            if after == i:
                break
            width = after - i
        i += width
    return i, stops, finals, ellipses


@njit(cache=True, nogil=True)
def _starts_word(data: np.ndarray, i: int, end: int, kinds: np.ndarray) -> bool:
    """Whether an Arabic word of two letters or more stands at `i`."""
    letters = 0
    while i < end and letters < 2:
        code, width = decode(data, i)
        if kinds[code] == ARABIC_LETTER:
            letters += 1
        elif kinds[code] != MARK:
            return False
        i += width
    return letters == 2


@njit(cache=True, nogil=True)
def _ends_sentence(
    data: np.ndarray,
    i: int,
    after: int,
    end: int,
    kinds: np.ndarray,
    stops: int,
    finals: int,
    ellipses: int,
    word: tuple[int, int, np.uint64, bool, int],
    abbreviations: np.ndarray,
) -> bool:
    """Whether the marks between `i` and `after` end a sentence.

    `word` is what stands before them: letters, digits, hash, whether a number is before it, how many words are.
    """
    letters, digits, hashed, after_number, words = word
    following = kinds[decode(data, after)[0]] if after < end else GAP
    if following in (COMMA, SEMI):
        return False
    if finals:
        return not (i > 0 and kinds[data[i - 1]] == OPENER)  # (!)
    spaced = following in (GAP, NEWLINE)
    if ellipses or stops > 1:
        return spaced
    if not spaced:
        return letters >= RUN_ON_LETTERS and following == ARABIC_LETTER and _starts_word(data, after, end, kinds)
    if letters == 1 and digits == 0:
        return after_number  # an initial or a title; behind a number a unit or an era
    if letters == 0 and digits > 0 and words == 0:
        return False  # the number of a list
    return find(abbreviations, hashed) < 0


@njit(cache=True, nogil=True)
def _close(spans: np.ndarray, count: int, first: int, start: int, stop: int, has_word: bool) -> int:
    """Note a sentence. One without a word is joined to the sentence before it, if that is on the same line."""
    if has_word:
        spans[count, 0], spans[count, 1] = start, stop
        return count + 1
    if count > first and stop > start:
        spans[count - 1, 1] = stop
    return count


@njit(cache=True, nogil=True)
def segment(
    data: np.ndarray,
    i: int,
    end: int,
    kinds: np.ndarray,
    at_semicolon: bool,
    abbreviations: np.ndarray,
    spans: np.ndarray,
) -> int:
    """Find the sentences of one text: fills `spans` with their bytes (begin, end), returns how many there are."""
    count, first = 0, 0  # sentences so far, those before the present line
    start, last = i, i  # where the sentence begins, where its last visible character ends
    letters, digits, hashed, words = 0, 0, HASH_START, 0  # the present word, and the words of the sentence before it
    after_number, in_word = False, False
    while i < end:
        code, width = decode(data, i)
        kind = kinds[code]
        i += width
        if ARABIC_LETTER >= kind >= FOREIGN or kind in (NUMBER, MARK):
            in_word = True
            letters += kind in (ARABIC_LETTER, FOREIGN)
            digits += kind == NUMBER
            if kind != MARK:
                hashed = hash_step(hashed, code | 0x20 if code < 0x80 else code)
            last = i
            continue
        ends, stop = kind == NEWLINE, last
        if STOP <= kind <= ELLIPSIS and (kind != SEMI or at_semicolon):
            stop, stops, finals, ellipses = _end_of_marks(data, i - width, end, kinds) if kind != SEMI else (i, 0, 1, 0)
            word = (letters, digits, hashed, after_number, words)
            ends = _ends_sentence(data, i - width, stop, end, kinds, stops, finals, ellipses, word, abbreviations)
            inside = not ends and digits > 0 and letters == 0 and stop < end and kinds[decode(data, stop)[0]] == NUMBER
            i = last = stop
            if inside:
                continue  # 3.5 is one word
        elif kind != GAP and kind != NEWLINE:
            last = i
        if in_word:
            words += letters + digits > 0
            after_number = digits > 0 or (after_number and kind == STOP)  # the letters of an era belong together
            letters, digits, hashed, in_word = 0, 0, HASH_START, False
        elif kind != GAP:
            after_number = False
        if ends:
            count = _close(spans, count, first, start, stop, words > 0)
            first = count if kind == NEWLINE else first
            words, after_number = 0, False
        if words == 0 and kind == PICTURE and count > first:
            spans[count - 1, 1] = i
            ends = True
        if words == 0 and (ends or last <= start):
            start = last = i  # skip what is before the sentence
    return _close(spans, count, first, start, last, words + letters + digits > 0)


@njit(cache=True, nogil=True)
def count_sentences(
    data: np.ndarray,
    offsets: np.ndarray,
    valid: np.ndarray,
    kinds: np.ndarray,
    at_semicolon: bool,
    abbreviations: np.ndarray,
) -> np.ndarray:
    """How many sentences each text has."""
    rows = len(offsets) - 1
    counts = np.zeros(rows, dtype=np.int32)
    longest = 0
    for row in range(rows):
        longest = max(longest, offsets[row + 1] - offsets[row])
    spans = np.empty((longest + 1, 2), dtype=np.int64)
    for row in range(rows):
        if valid[row]:
            counts[row] = segment(data, offsets[row], offsets[row + 1], kinds, at_semicolon, abbreviations, spans)
    return counts
