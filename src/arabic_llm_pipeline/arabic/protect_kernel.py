"""The search for code and maths in a column of text, and taking it out and putting it back, compiled by numba.

All walks are linear whatever the text: a search that fails is not made again before the end of its paragraph or line.
Columns come as rewrite_kernel.py says.
"""

import numpy as np
from numba import njit

TAB, LINE, RETURN, SPACE, DOLLAR, BACKTICK, TILDE, BACKSLASH = 0x09, 0x0A, 0x0D, 0x20, 0x24, 0x60, 0x7E, 0x5C
OPEN_ROUND, OPEN_SQUARE, CLOSE_ROUND, CLOSE_SQUARE = 0x28, 0x5B, 0x29, 0x5D
HOLDER = np.array([0xEF, 0xBF, 0xBC], np.uint8)  # U+FFFC in UTF-8
FENCE, LONGEST_RUN = 3, 64  # backticks
# What a search failed for, as places in `dead`: up to there it fails again; runs of backticks are places of their own.
DISPLAY, INLINE, ROUND, SQUARE, PARAGRAPH, PLACES = (
    0,
    LONGEST_RUN,
    LONGEST_RUN + 1,
    LONGEST_RUN + 2,
    LONGEST_RUN + 3,
    68,
)


@njit(cache=True, nogil=True)
def _run(data: np.ndarray, i: int, end: int) -> int:
    """How often the byte at `i` is repeated."""
    j = i
    while j < end and data[j] == data[i]:
        j += 1
    return j - i


@njit(cache=True, nogil=True)
def _line_end(data: np.ndarray, i: int, end: int) -> int:
    while i < end and data[i] != LINE and data[i] != RETURN:
        i += 1
    return i


@njit(cache=True, nogil=True)
def _formula_end(data: np.ndarray, i: int, end: int) -> int:
    """Where a formula within a line must have ended: with the line, or where code may begin."""
    while i < end and data[i] != LINE and data[i] != RETURN and data[i] != BACKTICK:
        i += 1
    return i


@njit(cache=True, nogil=True)
def _unblank(data: np.ndarray, i: int, end: int) -> int:
    """Past spaces and tabs."""
    while i < end and (data[i] == SPACE or data[i] == TAB):
        i += 1
    return i


@njit(cache=True, nogil=True)
def _fence(data: np.ndarray, i: int, end: int) -> int:
    """The length of the fence that opens in the line at `i`, 0 if none does (CommonMark 4.5, at any indentation)."""
    i = _unblank(data, i, end)
    if i == end or (data[i] != BACKTICK and data[i] != TILDE):
        return 0
    length = _run(data, i, end)
    if length < FENCE:
        return 0
    if data[i] == BACKTICK:
        for k in range(i + length, _line_end(data, i, end)):
            if data[k] == BACKTICK:
                return 0
    return length


@njit(cache=True, nogil=True)
def _fence_end(data: np.ndarray, i: int, end: int, length: int) -> int:
    """Where a fenced block ends: at a line of as many signs as the fence, or with the text."""
    sign = data[_unblank(data, i, end)]
    i = _line_end(data, i, end)
    while i < end:
        start = _unblank(data, i + 1, end)
        if start < end and data[start] == sign:
            run = _run(data, start, end)
            stop = _line_end(data, start, end)
            if run >= length and _unblank(data, start + run, stop) == stop:
                return start + run
        i = _line_end(data, start, end)
    return end


@njit(cache=True, nogil=True)
def _paragraph_end(data: np.ndarray, i: int, end: int) -> int:
    """Where the paragraph ends: at a line with nothing on it, before a fence, or with the text."""
    while True:
        i = _line_end(data, i, end)
        if i == end:
            return end
        begin = i + 2 if data[i] == RETURN and i + 1 < end and data[i + 1] == LINE else i + 1
        start = _unblank(data, begin, end)
        if start == end or data[start] == LINE or data[start] == RETURN or _fence(data, begin, end):
            return i
        i = start


@njit(cache=True, nogil=True)
def _find_run(data: np.ndarray, i: int, end: int, sign: int, length: int) -> int:
    """Where the next run of a sign of just this length ends, -1 if there is none."""
    while i < end:
        if data[i] == sign:
            run = _run(data, i, end)
            if run == length:
                return i + run
            i += run
        elif data[i] == BACKSLASH and sign == DOLLAR:
            i += 2
        else:
            i += 1
    return -1


@njit(cache=True, nogil=True)
def _find_escaped(data: np.ndarray, i: int, end: int, sign: int) -> int:
    """Where the next backslash and sign end, -1 if there are none."""
    while i + 1 < end:
        if data[i] == BACKSLASH:
            if data[i + 1] == sign:
                return i + 2
            i += 1
        i += 1
    return -1


@njit(cache=True, nogil=True)
def _digit(data: np.ndarray, i: int, end: int) -> bool:
    """Whether a digit, Western or Arabic-Indic, begins at `i`."""
    return i < end and (0x30 <= data[i] <= 0x39 or (data[i] == 0xD9 and i + 1 < end and 0xA0 <= data[i + 1] <= 0xA9))


@njit(cache=True, nogil=True)
def _blank(byte: int) -> bool:
    return bool(byte in (SPACE, TAB, LINE, RETURN))


@njit(cache=True, nogil=True)
def _opens(data: np.ndarray, begin: int, i: int, end: int) -> bool:
    """Whether the dollar at `i` can open a formula: no blank after it, no digit or Latin letter before it."""
    if i + 1 >= end or _blank(data[i + 1]):
        return False
    if i == begin:
        return True
    before = data[i - 1]
    letter = 0x41 <= before & 0xDF <= 0x5A
    return not (letter or _digit(data, i - 1, i) or (i - 2 >= begin and _digit(data, i - 2, i)))


@njit(cache=True, nogil=True)
def _find_dollar(data: np.ndarray, i: int, end: int) -> int:
    """Where a formula that began before `i` ends, or -1: a dollar with no blank before it and no digit after it."""
    while i < end:
        if data[i] == BACKSLASH:
            i += 1
        elif data[i] == DOLLAR:
            run = _run(data, i, end)
            if run == 1 and not _blank(data[i - 1]) and not _digit(data, i + 1, end):
                return i + 1
            i += run - 1
        i += 1
    return -1


@njit(cache=True, nogil=True)
def _close(data: np.ndarray, begin: int, i: int, end: int, maths: bool, dead: np.ndarray) -> tuple[int, int]:
    """Where the span that opens at `i` ends, or -1; and how many bytes the sign at `i` has."""
    sign, width, place = data[i], 1, -1
    second = data[i + 1] if i + 1 < end else 0
    if sign in (BACKTICK, DOLLAR):
        width = _run(data, i, end)
    if sign == BACKTICK and width < LONGEST_RUN:
        place = width
    elif maths and sign == DOLLAR and width <= 2:
        place = DISPLAY if width == 2 else INLINE
        if width == 1 and not _opens(data, begin, i, end):
            return -1, width
    elif sign == BACKSLASH and second < 0x80:
        width = 2
        if maths and second in (OPEN_ROUND, OPEN_SQUARE):
            place = ROUND if second == OPEN_ROUND else SQUARE
    if place < 0 or i < dead[place]:
        return -1, width
    if i >= dead[PARAGRAPH]:
        dead[PARAGRAPH] = _paragraph_end(data, i, end)
    limit = _formula_end(data, i, end) if place == INLINE else dead[PARAGRAPH]
    if place == INLINE:
        stop = _find_dollar(data, i + 1, limit)
    elif sign == BACKSLASH:
        stop = _find_escaped(data, i + 2, limit, CLOSE_ROUND if place == ROUND else CLOSE_SQUARE)
    else:
        stop = _find_run(data, i + width, limit, sign, width)
    if stop < 0:
        dead[place] = limit
    return stop, width


@njit(cache=True, nogil=True)
def _is_holder(data: np.ndarray, i: int, end: int) -> bool:
    return i + 2 < end and data[i] == HOLDER[0] and data[i + 1] == HOLDER[1] and data[i + 2] == HOLDER[2]


@njit(cache=True, nogil=True)
def _find_row(data: np.ndarray, begin: int, end: int, maths: bool, spans: np.ndarray, count: int) -> int:
    """The spans of one text; returns how many spans there are now."""
    dead = np.full(PLACES, begin, np.int64)
    i = begin
    while i < end:
        stop, width = -1, 1
        if i == begin or data[i - 1] == LINE or data[i - 1] == RETURN:
            fence = _fence(data, i, end)
            if fence:
                stop = _fence_end(data, i, end, fence)
        if stop < 0 and data[i] in (BACKTICK, DOLLAR, BACKSLASH):
            stop, width = _close(data, begin, i, end, maths, dead)
        elif _is_holder(data, i, end):
            stop = i + 3
        if stop >= 0:
            spans[count, 0], spans[count, 1] = i, stop
            count += 1
        i = stop if stop >= 0 else i + width
    return count


@njit(cache=True, nogil=True)
def find(data: np.ndarray, offsets: np.ndarray, maths: bool) -> tuple[np.ndarray, np.ndarray]:
    """Code, maths and U+FFFC: for each span its first byte and the one after it; and the spans before each row."""
    rows, most = len(offsets) - 1, 0
    for k in range(offsets[0], offsets[rows]):
        most += data[k] in (BACKTICK, TILDE, DOLLAR, BACKSLASH) or data[k] == HOLDER[0]
    spans = np.empty((most, 2), np.int64)
    counts = np.zeros(rows + 1, np.int64)
    for row in range(rows):
        counts[row + 1] = _find_row(data, offsets[row], offsets[row + 1], maths, spans, counts[row])
    return spans[: counts[rows]], counts


@njit(cache=True, nogil=True)
def mask(data: np.ndarray, offsets: np.ndarray, spans: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The column with U+FFFC for each span."""
    rows = len(offsets) - 1
    out = np.empty(offsets[rows] - offsets[0] + 3 * len(spans), np.uint8)
    out_offsets = np.zeros(rows + 1, np.int64)
    pos = 0
    for row in range(rows):
        i = offsets[row]
        for span in range(counts[row], counts[row + 1]):
            pos = _copy(data, i, spans[span, 0], out, pos)
            pos = _copy(HOLDER, 0, 3, out, pos)
            i = spans[span, 1]
        pos = _copy(data, i, offsets[row + 1], out, pos)
        out_offsets[row + 1] = pos
    return out[:pos], out_offsets


@njit(cache=True, nogil=True)
def _copy(data: np.ndarray, i: int, end: int, out: np.ndarray, pos: int) -> int:
    for k in range(i, end):
        out[pos + k - i] = data[k]
    return pos + end - i


@njit(cache=True, nogil=True)
def unmask(
    masked: np.ndarray,
    masked_offsets: np.ndarray,
    data: np.ndarray,
    spans: np.ndarray,
    counts: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Put the spans of `data` back, each for its U+FFFC; also tells which texts have just as many of those as spans."""
    rows, size = len(masked_offsets) - 1, len(masked)
    for span in range(len(spans)):
        size += spans[span, 1] - spans[span, 0]
    out = np.empty(size, np.uint8)
    out_offsets, whole = np.zeros(rows + 1, np.int64), np.zeros(rows, np.bool_)
    pos = 0
    for row in range(rows):
        i, end, span = masked_offsets[row], masked_offsets[row + 1], counts[row]
        while i < end:
            if _is_holder(masked, i, end) and span < counts[row + 1]:
                pos = _copy(data, spans[span, 0], spans[span, 1], out, pos)
                span, i = span + 1, i + 3
            else:
                out[pos] = masked[i]
                pos, i = pos + 1, i + 1
        whole[row] = span == counts[row + 1]
        out_offsets[row + 1] = pos
    return out[:pos], out_offsets, whole


@njit(cache=True, nogil=True)
def _equal(data: np.ndarray, span: np.ndarray, other: np.ndarray, other_span: np.ndarray) -> bool:
    length = span[1] - span[0]
    k = 0 if length == other_span[1] - other_span[0] else length + 1
    while k < length and data[span[0] + k] == other[other_span[0] + k]:
        k += 1
    return bool(k == length)


@njit(cache=True, nogil=True)
def hold(
    data: np.ndarray,
    spans: np.ndarray,
    counts: np.ndarray,
    other: np.ndarray,
    other_spans: np.ndarray,
    other_counts: np.ndarray,
) -> np.ndarray:
    """For each text, whether its spans are all among those of the other, in their order and to the byte."""
    held = np.zeros(len(counts) - 1, np.bool_)
    for row in range(len(held)):
        span = counts[row]
        for found in range(other_counts[row], other_counts[row + 1]):
            if span < counts[row + 1] and _equal(data, spans[span], other, other_spans[found]):
                span += 1
        held[row] = span == counts[row + 1]
    return held
