"""The walk of a table of code points over a column of text, compiled by numba.

A column comes as Arrow lays it out: `data` (uint8), `offsets` (int64, one more than rows) and `valid` (bool).
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from arabic_llm_pipeline.arabic.utf8_kernel import HASH_START, decode, find, hash_step, step_back

# An entry of the table, from the low bits: what a code point is (3), the flags it reports for its row (8), its
# combining class if marks are put in order (8), and what becomes of it (13): one of these actions, or an index into the
# pool of replacements counted from FIRST_TEXT.
OTHER, WORD, DIGIT, PICTOGRAPH, VARIATION, SPACING, JOINING, JOINED = range(8)
KEEP, DROP, BLANK, LINE, STRETCH, JOINER, NON_JOINER, FIRST_TEXT = range(8)
KIND_MASK, FLAG_SHIFT, FLAG_MASK, CLASS_SHIFT, CLASS_MASK, ACTION_SHIFT = 0x7, 3, 0xFF, 11, 0xFF, 19
SPACE_BYTE, LINE_BYTE, RETURN_BYTE = 0x20, 0x0A, 0x0D
UNKNOWN = 0x100  # above every combining class
TATWEEL_CODE, ZWJ_CODE, ZWNJ_CODE, FARSI_YEH_CODE, ALEF_MAKSURA_CODE = 0x0640, 0x200D, 0x200C, 0x06CC, 0x0649
# Flags of a row: a hint stood in the text, or stands in what became of it; a code point that ends a hint has HINT_END.
HINT_END, HINTED, STILL_HINTED = 0x20, 0x40, 0x80
# An entry of the quick table, from the low bits: what is written (2 bytes), how many bytes of it; whether it is a
# blank, whether it is dropped; whether only the whole table tells, always or behind a blank.
QUICK_CODES, QUICK_WIDTH_SHIFT = 0x800, 16
QUICK_BLANK, QUICK_DROP, QUICK_NOT, QUICK_NOT_TWICE = 1 << 18, 1 << 19, 1 << 20, 1 << 21
ONE, BIT, THREE, SIX, EIGHT, LOW_FIVE, LOW_SIX = np.uint64(1), *map(np.uint32, (1, 3, 6, 8, 0x1F, 0x3F))
FIRST_OF_TWO, FIRST_OF_THREE = np.uint32(0xC0), np.uint32(0xE0)
WIDTH_SHIFT, BLANK_SHIFT, DROP_SHIFT, NOT_SHIFT = map(np.uint32, (16, 18, 19, 20))


class Rules(NamedTuple):
    """What is done to code points.

    Attributes:
        table: per code point what becomes of it, what it is, and what to report of a row that has it.
        quick: the same for the code points of one or two bytes that become as many or fewer, in one number.
        pool, pool_offsets: UTF-8 of the replacements.
        hints: a row for each: how many bytes, and those, in lower case.
        letters: per code point 0 if it parts words, or as what it is read there; empty if there are no stems.
        stems: sorted hashes of the words that end in Alef Maksura, without it, for those written with a Farsi Yeh.
        growth: the most bytes that one byte of input may become.
        trim: whether blanks at the end of a text go.
    """

    table: np.ndarray
    quick: np.ndarray
    pool: np.ndarray
    pool_offsets: np.ndarray
    hints: np.ndarray
    letters: np.ndarray
    stems: np.ndarray
    growth: int
    trim: bool


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
    mark = np.uint64(0)
    for k in range(begin, end):
        mark = mark << np.uint64(8) | np.uint64(out[k])
    for k in range(begin - 1, target - 1, -1):
        out[k + end - begin] = out[k]
    for k in range(target + end - begin - 1, target - 1, -1):
        out[k] = np.uint8(mark)
        mark >>= np.uint64(8)


@njit(cache=True, nogil=True)
def _ends_hint(data: np.ndarray, start: int, end: int, hints: np.ndarray) -> bool:
    """Whether what ends at `end` is one of the hints, in whatever case."""
    for row in range(len(hints)):
        size = np.int64(hints[row, 0])
        same = end - start >= size
        k = 0
        while same and k < size:
            byte = data[end - size + k]
            same = (byte | 0x20 if 0x41 <= byte <= 0x5A else byte) == hints[row, k + 1]
            k += 1
        if same:
            return True
    return False


@njit(cache=True, nogil=True)
def _is_maksura(data: np.ndarray, start: int, i: int, end: int, letters: np.ndarray, stems: np.ndarray) -> bool:
    """Whether the Farsi Yeh at `i` ends a word of the list, joiners behind it apart."""
    after = i + 2
    while after < end:
        code, width = decode(data, after)
        if code != ZWNJ_CODE and code != ZWJ_CODE:
            if letters[code] != 0:
                return False
            break
        after += width
    begin = i
    while begin > start:
        before = step_back(data, start, begin)
        if letters[decode(data, before)[0]] == 0:
            break
        begin = before
    return find(stems, _stem(data, begin, i, letters)) >= 0


@njit(cache=True, nogil=True)
def _stem(data: np.ndarray, begin: int, end: int, letters: np.ndarray) -> np.uint64:
    """The hash of a word without its last letter; joiners within it, however written, make it another one."""
    hashed = HASH_START
    while begin < end:
        code, width = decode(data, begin)
        hashed = hash_step(hashed, ZWNJ_CODE if code == ZWJ_CODE else letters[code])
        begin += width
    return hashed


@njit(cache=True, nogil=True)
def _quick_run(
    data: np.ndarray, i: int, end: int, out: np.ndarray, start: int, pos: int, quick: np.ndarray
) -> tuple[np.int64, np.int64]:
    """Write as far as the quick table tells what becomes of the text; returns where both stand.

    Numbers are unsigned, so that no index is looked at for being negative, which takes twice as long.
    """
    spaced = pos == start or out[pos - 1] == SPACE_BYTE or out[pos - 1] == LINE_BYTE
    blank = np.uint32(1 if spaced else 0)  # whether one more would be too many
    here, stop, there = np.uint64(i), np.uint64(end), np.uint64(pos)
    while here + ONE < stop:
        first, second = np.uint32(data[here]), np.uint32(data[here + ONE])
        if first >= FIRST_OF_THREE:
            break
        two = np.uint64(first >= FIRST_OF_TWO)
        code = (first & LOW_FIVE) << SIX | second & LOW_SIX
        code = code if two else first
        entry = quick[np.uint64(code)]
        if entry >> NOT_SHIFT & (BIT | blank << BIT):
            break
        out[there], out[there + ONE] = np.uint8(entry), np.uint8(entry >> EIGHT)
        there += np.uint64(entry >> WIDTH_SHIFT & THREE & ((entry >> BLANK_SHIFT & blank) - BIT))
        blank = (entry >> BLANK_SHIFT | entry >> DROP_SHIFT & blank) & BIT
        here += two + ONE
    return np.int64(here), np.int64(there)


@njit(cache=True, nogil=True)
def _rewrite_row(
    data: np.ndarray, i: int, end: int, out: np.ndarray, pos: int, rules: Rules, yeh: bool
) -> tuple[int, int]:
    """One text; returns where its output ends and all flags of it."""
    table, quick, pool, pool_offsets, begin = rules.table, rules.quick, rules.pool, rules.pool_offsets, i
    hints, letters, stems = rules.hints, rules.letters, rules.stems
    start, held, seen = pos, 0, 0
    highest = 0  # combining class among the marks just written, or UNKNOWN
    while i < end:
        if held == 0:
            here, there = _quick_run(data, i, end, out, start, pos, quick)
            highest = highest if there == pos else 0
            i, pos = int(here), int(there)
            if i >= end:
                break
        code, width = decode(data, i)
        entry, maksura = table[code], False
        if yeh and code == FARSI_YEH_CODE and _is_maksura(data, begin, i, end, letters, stems):
            entry, maksura = table[ALEF_MAKSURA_CODE], True
        action, flags = entry >> ACTION_SHIFT, entry >> FLAG_SHIFT & FLAG_MASK
        highest = UNKNOWN if held != 0 or action >= FIRST_TEXT else highest
        if action == KEEP:
            if held != 0:
                pos = _release(out, pos, held, entry & KIND_MASK)
                held = 0
            for k in range(width):
                out[pos + k] = data[i + k]
            if maksura:
                out[pos], out[pos + 1] = 0xD9, 0x89
            pos += width
            own = entry >> CLASS_SHIFT & CLASS_MASK
            if own != 0 and own < highest:
                _sort_mark(out, start, pos, table)
            highest = max(highest, own) if own != 0 else 0
        elif action >= FIRST_TEXT:
            first, stop = pool_offsets[action - FIRST_TEXT], pool_offsets[action - FIRST_TEXT + 1]
            if held != 0:
                pos = _release(out, pos, held, table[decode(pool, first)[0]] & KIND_MASK)
                held = 0
            for k in range(first, stop):
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
        seen |= flags
        if flags & HINT_END:
            seen |= HINTED if _ends_hint(data, begin, i, hints) else 0
            if action >= FIRST_TEXT or (action == KEEP and _ends_hint(out, start, pos, hints)):
                seen |= STILL_HINTED
    return _release(out, pos, held, OTHER), seen


@njit(cache=True, nogil=True)
def rewrite(
    data: np.ndarray, offsets: np.ndarray, valid: np.ndarray, rules: Rules, yeh: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rewrite every text by a table of code points.

    Args:
        data, offsets, valid: the column.
        rules: what is done.
        yeh: whether Farsi Yeh at the end of words is looked at.

    Returns:
        data and offsets of the new column, and for each row the flags of its code points and hints.
    """
    rows = len(offsets) - 1
    out = np.empty((offsets[rows] - offsets[0]) + 1024, dtype=np.uint8)
    out_offsets = np.zeros(rows + 1, dtype=np.int64)
    flags = np.zeros(rows, dtype=np.uint8)
    pos = 0
    for row in range(rows):
        begin, end = offsets[row], offsets[row + 1]
        if valid[row]:
            room = pos + (end - begin) * rules.growth + 8
            if room > len(out):
                wider = np.empty(max(room, 2 * len(out)), dtype=np.uint8)
                wider[:pos] = out[:pos]
                out = wider
            start = pos
            pos, seen = _rewrite_row(data, begin, end, out, pos, rules, yeh)
            flags[row] = seen & ~HINT_END
            while rules.trim and pos > start and (out[pos - 1] == SPACE_BYTE or out[pos - 1] == LINE_BYTE):
                pos -= 1
        out_offsets[row + 1] = pos
    return out[:pos], out_offsets, flags
