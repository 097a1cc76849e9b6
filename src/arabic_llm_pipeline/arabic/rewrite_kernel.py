"""The walk of a table of code points over a column of text, compiled by numba.

A column comes as Arrow lays it out: `data` (uint8), `offsets` (int64, one more than rows) and `valid` (bool).
"""

import numpy as np
from numba import njit

from arabic_llm_pipeline.arabic.utf8_kernel import decode, step_back

# An entry of the table, from the low bits: what a code point is (3), the flags it reports for its row (8), its
# combining class if marks are put in order (8), and what becomes of it (13): one of these actions, or an index into the
# pool of replacements counted from FIRST_TEXT.
OTHER, WORD, DIGIT, PICTOGRAPH, VARIATION, SPACING, JOINING, JOINED = range(8)
KEEP, DROP, BLANK, LINE, STRETCH, JOINER, NON_JOINER, FIRST_TEXT = range(8)
KIND_MASK, FLAG_SHIFT, FLAG_MASK, CLASS_SHIFT, CLASS_MASK, ACTION_SHIFT = 0x7, 3, 0xFF, 11, 0xFF, 19
SPACE_BYTE, LINE_BYTE, RETURN_BYTE = 0x20, 0x0A, 0x0D
TATWEEL_CODE, ZWJ_CODE, ZWNJ_CODE = 0x0640, 0x200D, 0x200C


@njit(cache=True, nogil=True)
def _in_word(kind: int) -> bool:
    """Whether a code point of this kind is part of a word; digits are a matter of their own."""
    return bool(kind in (WORD, JOINING, JOINED))


@njit(cache=True, nogil=True)
def _after_lone_heh(out: np.ndarray, start: int, end: int, table: np.ndarray) -> bool:
    """Whether what is written ends in a heh that no letter stands before: the Hijri mark without its stroke."""
    if end - start < 2 or out[end - 1] != 0x87 or out[end - 2] != 0xD9:
        return False
    if end - start == 2:
        return True
    return not _in_word(table[decode(out, step_back(out, start, end - 2))[0]] & KIND_MASK)


@njit(cache=True, nogil=True)
def _held_back(out: np.ndarray, start: int, end: int, table: np.ndarray, action: int) -> int:
    """What an invisible sign just read may become: a tatweel (Hijri mark), a joiner (emoji), a non-joiner, or 0."""
    if end == start:
        return 0
    kind = table[decode(out, step_back(out, start, end))[0]] & KIND_MASK
    if action == NON_JOINER:
        return ZWNJ_CODE if kind == JOINING else 0
    if _after_lone_heh(out, start, end, table):
        return TATWEEL_CODE
    if action == JOINER and kind in (PICTOGRAPH, VARIATION):
        return ZWJ_CODE
    return 0


@njit(cache=True, nogil=True)
def _release(out: np.ndarray, pos: int, held: int, kind: int) -> int:
    """Write what was held back if what comes next (`kind`) lets it stand; returns the new position."""
    if held == TATWEEL_CODE:
        if _in_word(kind) or kind == DIGIT:
            return pos
        out[pos], out[pos + 1] = 0xD9, 0x80
        return pos + 2
    if (held == ZWJ_CODE and kind == PICTOGRAPH) or (held == ZWNJ_CODE and kind in (JOINING, JOINED)):
        out[pos], out[pos + 1], out[pos + 2] = 0xE2, 0x80, held & 0x3F | 0x80
        return pos + 3
    return pos


@njit(cache=True, nogil=True)
def _write_blank(out: np.ndarray, start: int, pos: int, action: int) -> int:
    """Write a space or a line break unless there is one already; at most one empty line, no blanks before a break."""
    if pos == start:
        return pos
    if action == BLANK:
        if out[pos - 1] != SPACE_BYTE and out[pos - 1] != LINE_BYTE:
            out[pos] = SPACE_BYTE
            return pos + 1
        return pos
    while pos > start and out[pos - 1] == SPACE_BYTE:
        pos -= 1
    if pos > start and not (pos - start > 1 and out[pos - 1] == LINE_BYTE and out[pos - 2] == LINE_BYTE):
        out[pos] = LINE_BYTE
        return pos + 1
    return pos


@njit(cache=True, nogil=True)
def _sort_mark(out: np.ndarray, start: int, end: int, table: np.ndarray) -> None:
    """Move the mark just written before marks of a higher combining class (Unicode's canonical ordering)."""
    begin = step_back(out, start, end)
    own = table[decode(out, begin)[0]] >> CLASS_SHIFT & CLASS_MASK
    target = begin
    while target > start:
        before = step_back(out, start, target)
        if table[decode(out, before)[0]] >> CLASS_SHIFT & CLASS_MASK <= own:
            break
        target = before
    if target == begin:
        return
    mark = out[begin:end].copy()
    for k in range(begin - 1, target - 1, -1):
        out[k + end - begin] = out[k]
    out[target : target + end - begin] = mark


@njit(cache=True, nogil=True)
def _rewrite_row(
    data: np.ndarray,
    i: int,
    end: int,
    out: np.ndarray,
    pos: int,
    table: np.ndarray,
    pool: np.ndarray,
    pool_offsets: np.ndarray,
) -> tuple[int, int]:
    """One text; returns where its output ends and all traits seen in it."""
    start, held, seen = pos, 0, 0
    while i < end:
        code, width = decode(data, i)
        entry = table[code]
        seen |= entry
        action = entry >> ACTION_SHIFT
        if action == KEEP:
            if held != 0:
                pos = _release(out, pos, held, entry & KIND_MASK)
                held = 0
            for k in range(width):
                out[pos + k] = data[i + k]
            pos += width
            if entry >> CLASS_SHIFT & CLASS_MASK:
                _sort_mark(out, start, pos, table)
        elif action >= FIRST_TEXT:
            begin, stop = pool_offsets[action - FIRST_TEXT], pool_offsets[action - FIRST_TEXT + 1]
            if held != 0:
                pos = _release(out, pos, held, table[decode(pool, begin)[0]] & KIND_MASK)
                held = 0
            for k in range(begin, stop):
                out[pos] = pool[k]
                pos += 1
        elif action in (BLANK, LINE):
            if held != 0:
                pos = _release(out, pos, held, OTHER)
                held = 0
            if not (code == RETURN_BYTE and i + 1 < end and data[i + 1] == LINE_BYTE):
                pos = _write_blank(out, start, pos, action)
        elif action != DROP and held == 0:
            held = _held_back(out, start, pos, table, action)
        i += width
    return _release(out, pos, held, OTHER), seen


@njit(cache=True, nogil=True)
def rewrite(
    data: np.ndarray,
    offsets: np.ndarray,
    valid: np.ndarray,
    table: np.ndarray,
    pool: np.ndarray,
    pool_offsets: np.ndarray,
    growth: int,
    trim: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rewrite every text by a table of code points.

    Args:
        data, offsets, valid: the column.
        table: per code point what becomes of it, what it is, and what to report of a row that has it.
        pool, pool_offsets: UTF-8 of the replacements.
        growth: the most bytes that one byte of input may become.
        trim: whether blanks at the end of a text go.

    Returns:
        data and offsets of the new column, and for each row the reported bits of all its code points.
    """
    rows = len(offsets) - 1
    out = np.empty((offsets[rows] - offsets[0]) + 1024, dtype=np.uint8)
    out_offsets = np.zeros(rows + 1, dtype=np.int64)
    flags = np.zeros(rows, dtype=np.uint8)
    pos = 0
    for row in range(rows):
        begin, end = offsets[row], offsets[row + 1]
        if valid[row]:
            room = pos + (end - begin) * growth + 8
            if room > len(out):
                wider = np.empty(max(room, 2 * len(out)), dtype=np.uint8)
                wider[:pos] = out[:pos]
                out = wider
            start = pos
            pos, seen = _rewrite_row(data, begin, end, out, pos, table, pool, pool_offsets)
            flags[row] = seen >> FLAG_SHIFT & FLAG_MASK
            while trim and pos > start and (out[pos - 1] == SPACE_BYTE or out[pos - 1] == LINE_BYTE):
                pos -= 1
        out_offsets[row + 1] = pos
    return out[:pos], out_offsets, flags
