"""Finding the ends of sentences in UTF-8, compiled by numba. The rules are told in sentences.py."""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from arabic_llm_pipeline.arabic.utf8_kernel import HASH_START, decode, find, hash_step

# What is called from here alone: no code for Python to call it is made, and the caches are those of the two that have
# callers elsewhere. That halves the time that compiling takes.
BARE: dict[str, Any] = {"nogil": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
inner, inlined = njit(**BARE), njit(**BARE, inline="always")

# What a code point is; sentences.py makes the table.
PLAIN, FOREIGN, ARABIC_LETTER, MARK, NUMBER, GAP, NEWLINE = range(7)
STOP, FINAL, ELLIPSIS, SEMI, COMMA, COLON, OPENER, CLOSER, QUOTE_OPEN, QUOTE, PICTURE, EMOJI = range(7, 19)
ALWAYS, BEFORE_NUMBER, ERA = range(3)  # roles of abbreviations
SAYS, PREPOSITION, GOES_ON, CONJUNCTION = range(4)  # roles of words

RUN_ON_LETTERS = 3  # a full stop without a space after it ends a sentence only behind a word of so many letters
BRACKET_CHARACTERS = 300  # a bracket that is open for longer was never closed
WAW = 0x648  # and
EMOJI_WORDS = 3  # behind fewer words a face is part of what is said

# The state inside a line.
COUNT, FIRST, BEGIN, LAST, WORDS = range(5)  # sentences, those before the line, the present one's bytes, its words
PREVIOUS, SEEN = range(5, 7)  # kind of the last character, of the last visible one of the sentence
WORD_END, LETTERS, DIGITS, LONE, PARTS, AFTER_NUMBER, LED_ITEM = range(7, 14)  # the last word; its last part
NUMBER_NEAR = 14  # whether a number stands before the next word: FAR, PENDING (a letter without its stop), NEAR
QUOTED, QUOTE_WORDS, BRACKET_END, BRACKET_WORDS, ITEM = range(15, 20)  # ITEM: the number that would go on with a list
STATES = 20
FAR, PENDING, NEAR = range(3)
NO_QUOTE, FIRST_QUOTE, LED_QUOTE, RUNNING_QUOTE = range(4)


class Tables(NamedTuple):
    """What the kernel looks up: kinds by code point, words by sorted hashes with their roles."""

    kinds: np.ndarray
    abbreviations: np.ndarray
    abbreviation_roles: np.ndarray
    words: np.ndarray
    word_roles: np.ndarray


class Switches(NamedTuple):
    """What a user chooses; `longest` is 0 for no limit."""

    semicolon: bool
    comma: bool
    wrapped_lines: bool
    longest: int


@inlined
def _decode(data: np.ndarray, i: int) -> tuple[np.int64, int]:
    """`decode`, quick where a letter has two bytes, as those of Arabic have."""
    first = np.int64(data[i])
    if 0xC0 <= first < 0xE0:
        return (first & 0x1F) << 6 | np.int64(data[i + 1]) & 0x3F, 2
    return decode(data, i)


@inner
def _kind(data: np.ndarray, i: int, end: int, kinds: np.ndarray) -> int:
    """The kind of the character at `i`; the end of the line is a line break."""
    return kinds[decode(data, i)[0]] if i < end else NEWLINE


@inner
def _is_wordy(kind: int) -> bool:
    return FOREIGN <= kind <= NUMBER


@inner
def _skip_gaps(data: np.ndarray, i: int, end: int, kinds: np.ndarray) -> int:
    while i < end:
        code, width = decode(data, i)
        if kinds[code] != GAP:
            break
        i += width
    return i


@inner
def _joins(following: int, letters: int, digits: int) -> bool:
    """Whether a full stop before a character of the kind `following` is part of the word."""
    if following == ARABIC_LETTER:
        return digits == 0 and 0 < letters < RUN_ON_LETTERS
    return following in (FOREIGN, NUMBER)


@inlined
def _read_word(
    data: np.ndarray, i: int, end: int, kinds: np.ndarray
) -> tuple[int, int, int, int, int, np.uint64, int, np.int64]:
    """The word at `i`, with the stops inside it (3.14, readme.txt, a chain of initials).

    Returns:
        where it ends; letters and digits of its last part; parts of one character, parts; hash (without marks, ASCII in
        lower case), characters that are no marks, first of them.
    """
    letters, digits, lone, parts, hashed, size, first, begin = 0, 0, 0, 1, HASH_START, 0, np.int64(0), i
    while i < end:
        code, width = _decode(data, i)
        kind = kinds[code]
        if kind == ARABIC_LETTER:
            letters += 1
        elif kind == MARK:
            i += width
            continue
        elif kind == FOREIGN:
            letters += 1
            code = code | 0x20 if code < 0x80 else code
        elif kind == NUMBER:
            digits += 1
        elif kind == STOP and i > begin and _joins(_kind(data, i + 1, end, kinds), letters, digits):
            lone += letters + digits == 1
            letters, digits = 0, 0
            parts += 1
            size -= 1
        else:
            break
        if size == 0:
            first = code
        hashed = hash_step(hashed, code)
        size += 1
        i += width
    return i, letters, digits, lone + (letters + digits == 1), parts, hashed, size, first


@inner
def _word_at(data: np.ndarray, i: int, end: int, kinds: np.ndarray) -> tuple[int, int, int, np.uint64, int, np.int64]:
    """The word at `i`: its end, letters and digits of its last part, hash, characters, first character."""
    after, letters, digits, _, _, hashed, size, first = _read_word(data, i, end, kinds)
    return after, letters, digits, hashed, size, first


@inner
def _role(hashes: np.ndarray, roles: np.ndarray, hashed: np.uint64) -> int:
    """The role of a word, or -1."""
    place = find(hashes, hashed)
    return roles[place] if place >= 0 else -1


@inner
def _after_reference(data: np.ndarray, i: int, end: int, kinds: np.ndarray) -> int:
    """Where a reference like [12] at `i` ends, or `i` if there is none."""
    if i >= end or data[i] != 0x5B:
        return i
    k = i + 1
    while _kind(data, k, end, kinds) == NUMBER:
        k += decode(data, k)[1]
    return k + 1 if k > i + 1 and k < end and data[k] == 0x5D else i


@inner
def _after_references(data: np.ndarray, i: int, end: int, kinds: np.ndarray) -> int:
    """Where the references behind the blanks at `i` end, or `i`."""
    begin = _skip_gaps(data, i, end, kinds)
    after = _after_reference(data, begin, end, kinds) if begin > i else begin
    while after > begin:
        i, begin = after, _skip_gaps(data, after, end, kinds)
        after = _after_reference(data, begin, end, kinds)
    return i


@inner
def _opens_quote(data: np.ndarray, after: int, end: int, kinds: np.ndarray, kind: int, previous: int) -> bool:
    """Whether a quotation mark that ends at `after` opens a quote."""
    free = kind == QUOTE_OPEN or previous in (GAP, NEWLINE, COLON, OPENER)
    following = _kind(data, after, end, kinds)
    closes = GAP <= following <= COLON or following == CLOSER
    return free and not closes


@inner
def _closing(data: np.ndarray, i: int, end: int, kinds: np.ndarray) -> int:
    """The place of the bracket that closes the one at `i`, or -1."""
    depth = 0
    for _ in range(BRACKET_CHARACTERS):
        if i >= end:
            return -1
        code, width = decode(data, i)
        if kinds[code] == NEWLINE:
            return -1
        depth += (kinds[code] == OPENER) - (kinds[code] == CLOSER)
        if depth == 0:
            return i
        i += width
    return -1


@inner
def _end_of_marks(data: np.ndarray, i: int, end: int, kinds: np.ndarray) -> tuple[int, int, np.int64, int, bool]:
    """Where a run of sentence marks and of what closes behind them ends.

    Returns:
        where; full stops; the last question or exclamation mark or 0; ellipses; whether a quote closes.
    """
    stops, final, ellipses, closed, quoted, previous = 0, np.int64(0), 0, False, False, STOP
    while i < end:
        code, width = decode(data, i)
        kind = kinds[code]
        after = _after_reference(data, i, end, kinds)
        if after > i:
            width = after - i
        elif STOP <= kind <= ELLIPSIS:
            stops += kind == STOP and not closed
            ellipses += kind == ELLIPSIS and not closed
            final = code if kind == FINAL and not closed else final
        elif kind == CLOSER:
            closed = True
        elif kind in (QUOTE_OPEN, QUOTE) and not _opens_quote(data, i + width, end, kinds, kind, previous):
            closed = quoted = True
        else:
            break
        i += width
    return i, stops, final, ellipses, quoted


@inner
def _starts_word(data: np.ndarray, i: int, end: int, kinds: np.ndarray) -> bool:
    """Whether an Arabic word of two letters or more stands at `i`."""
    if _kind(data, i, end, kinds) != ARABIC_LETTER:
        return False
    letters = 0
    while i < end and letters < 2:
        code, width = decode(data, i)
        if kinds[code] == ARABIC_LETTER:
            letters += 1
        elif kinds[code] != MARK:
            return False
        i += width
    return letters == 2


@inner
def _next_role(data: np.ndarray, i: int, end: int, tables: Tables) -> int:
    """The role of the word behind the blanks at `i`, or -1."""
    begin = _skip_gaps(data, i, end, tables.kinds)
    return _role(tables.words, tables.word_roles, _word_at(data, begin, end, tables.kinds)[3])


@inner
def _quote_goes_on(data: np.ndarray, after: int, end: int, tables: Tables, state: np.ndarray, loud: bool) -> bool:
    """Whether the sentence around a quote that ends with a mark goes on behind it; `loud`: a mark but a full stop."""
    if state[QUOTED] == NO_QUOTE:
        return False
    if state[QUOTED] == RUNNING_QUOTE:
        return loud or state[WORDS] - state[QUOTE_WORDS] == 1
    role = _next_role(data, after, end, tables)
    return role == SAYS if state[QUOTED] == FIRST_QUOTE else loud and role == PREPOSITION


@inner
def _runs_on(data: np.ndarray, i: int, after: int, end: int, kinds: np.ndarray, state: np.ndarray) -> bool:
    """Whether a full stop with no blank behind it ends a sentence."""
    if not _starts_word(data, after, end, kinds):
        return False
    if state[WORD_END] != i:
        return True
    if state[LETTERS] == 0:
        return state[WORDS] > 1
    return state[LETTERS] >= RUN_ON_LETTERS


@inner
def _stop_ends(
    data: np.ndarray, i: int, after: int, end: int, tables: Tables, state: np.ndarray, hashed: np.int64
) -> bool:
    """Whether a full stop with a blank behind it ends a sentence."""
    if state[WORD_END] != i:
        return True
    if state[LETTERS] == 0 and (state[WORDS] == 1 or state[LED_ITEM]):
        return False  # the number of a list
    role = _role(tables.abbreviations, tables.abbreviation_roles, np.uint64(hashed))
    is_letter = state[LETTERS] == 1 and state[DIGITS] == 0
    if is_letter and state[PARTS] > 1 and state[LONE] == state[PARTS]:
        return role == ERA and state[AFTER_NUMBER] > 0
    begin = _skip_gaps(data, after, end, tables.kinds)
    stop, letters, digits, _, size, _ = _word_at(data, begin, end, tables.kinds)
    if is_letter:  # an initial or a title; behind a number a unit or an era
        is_initial = size == 1 and _kind(data, stop, end, tables.kinds) == STOP
        return state[AFTER_NUMBER] > 0 and digits == 0 and not is_initial
    if role == BEFORE_NUMBER:
        return not (digits > 0 and letters == 0)
    return role != ALWAYS


@inner
def _ends(data: np.ndarray, i: int, end: int, tables: Tables, state: np.ndarray, hashed: np.int64) -> tuple[int, bool]:
    """Where the marks at `i` end, with the references behind them, and whether they end a sentence."""
    kinds = tables.kinds
    after, stops, final, ellipses, quoted = _end_of_marks(data, i, end, kinds)
    following, loud = _kind(data, after, end, kinds), bool(final > 0 or ellipses > 0 or stops > 1)
    spaced = following in (GAP, NEWLINE, PICTURE, EMOJI)
    bracketed = i <= state[BRACKET_END] and (after <= state[BRACKET_END] or (loud and state[BRACKET_WORDS] > 0))
    quote_goes_on = quoted and _quote_goes_on(data, after, end, tables, state, loud)
    if following in (COMMA, SEMI) or bracketed or quote_goes_on:
        ends = False
    elif final:
        in_code = following in (PLAIN, FOREIGN, NUMBER, MARK)  # or in an address
        ends = bool(final >= 0x80 or not in_code)
    elif loud:
        ends = spaced and _next_role(data, after, end, tables) != GOES_ON
    elif spaced:
        ends = _stop_ends(data, i, after, end, tables, state, hashed)
    else:
        ends = _runs_on(data, i, after, end, kinds, state)
    if quoted:
        state[QUOTED] = NO_QUOTE
    state[NUMBER_NEAR] = min(state[NUMBER_NEAR] * 2, NEAR) if after - i == stops else FAR
    return (_after_references(data, after, end, kinds) if ends else after), ends


@inner
def _item(data: np.ndarray, i: int, end: int, kinds: np.ndarray) -> tuple[np.int64, bool]:
    """The number of a list (3- 3. 3) of no more than two digits) that stands at `i`, or 0; whether it is 1- or 1)."""
    value, digits = np.int64(0), 0
    while _kind(data, i, end, kinds) == NUMBER:
        code, width = decode(data, i)
        if code < 0x40:
            value = value * 10 + code - 0x30
        elif 0x660 <= code <= 0x669 or 0x6F0 <= code <= 0x6F9:
            value = value * 10 + (code & 0x0F)
        else:
            return np.int64(0), False
        i += width
        digits += 1
        if digits > 2:
            return np.int64(0), False
    if i >= end or data[i] not in (0x2D, 0x2E, 0x29) or _kind(data, i + 1, end, kinds) != GAP:
        return np.int64(0), False
    return value, value == 1 and digits == 1 and data[i] != 0x2E


@inner
def _restart(state: np.ndarray, begin: int) -> None:
    """A new sentence begins."""
    state[BEGIN] = state[LAST] = begin
    state[WORDS], state[SEEN], state[QUOTED], state[ITEM], state[NUMBER_NEAR] = 0, GAP, NO_QUOTE, 0, FAR
    state[PREVIOUS] = NEWLINE


@inner
def _close(state: np.ndarray, spans: np.ndarray, begin: int) -> None:
    """Note the present sentence; the next begins. One without a word goes to the sentence before, or to the next."""
    waiting = -1
    if state[WORDS] > 0:
        spans[state[COUNT], 0], spans[state[COUNT], 1] = state[BEGIN], state[LAST]
        state[COUNT] += 1
    elif state[LAST] > state[BEGIN]:
        if state[COUNT] > state[FIRST]:
            spans[state[COUNT] - 1, 1] = state[LAST]
        else:
            waiting = state[BEGIN]
    _restart(state, begin)
    if waiting >= 0:
        state[BEGIN] = waiting


@inner
def _take_item(data: np.ndarray, i: int, end: int, kinds: np.ndarray, state: np.ndarray, spans: np.ndarray) -> bool:
    """See whether the number at `i` is one of a list, and end what is before it; whether it stands behind a colon."""
    value, is_one = _item(data, i, end, kinds)
    led = state[SEEN] == COLON
    if value > 0 and value == state[ITEM] and state[WORDS] > 0 and state[SEEN] != COMMA and i > state[BRACKET_END]:
        _close(state, spans, i)
    if value > 0 and (state[WORDS] == 0 or led or is_one):
        state[ITEM] = value + 1
    return bool(value > 0 and led)


@inlined
def _note_word(state: np.ndarray, after: int, letters: int, digits: int, lone: int, parts: int) -> None:
    """A word has been read."""
    near = state[NUMBER_NEAR] == NEAR
    state[NUMBER_NEAR] = NEAR if digits else PENDING if near and letters == 1 else FAR
    state[WORD_END], state[LETTERS], state[DIGITS], state[LONE], state[PARTS] = after, letters, digits, lone, parts
    state[AFTER_NUMBER] = near
    state[WORDS] += 1


@inner
def _take_faces(data: np.ndarray, i: int, end: int, tables: Tables, state: np.ndarray, spans: np.ndarray) -> int:
    """Faces behind a clause without a mark end it, if a new one follows."""
    after = i
    while True:
        kind = _kind(data, after, end, tables.kinds)
        if kind not in (GAP, PICTURE, EMOJI):
            break
        after += decode(data, after)[1]
        state[PREVIOUS] = kind
        state[LAST] = after if kind != GAP else state[LAST]
    state[SEEN] = PICTURE
    state[NUMBER_NEAR] = FAR
    _, _, _, hashed, size, first = _word_at(data, after, end, tables.kinds)
    goes_on = first == WAW or _role(tables.words, tables.word_roles, hashed) in (GOES_ON, CONJUNCTION)
    if state[WORDS] >= EMOJI_WORDS and size > 0 and not goes_on and i > state[BRACKET_END]:
        _close(state, spans, after)
    return after


@inner
def _take_quote(data: np.ndarray, after: int, end: int, kinds: np.ndarray, state: np.ndarray, kind: int) -> None:
    """A quotation mark opens a quote, or closes the one that is open."""
    if not _opens_quote(data, after, end, kinds, kind, state[PREVIOUS]):
        state[QUOTED] = NO_QUOTE
        return
    state[QUOTED] = FIRST_QUOTE if state[WORDS] == 0 else LED_QUOTE if state[SEEN] == COLON else RUNNING_QUOTE
    state[QUOTE_WORDS] = state[WORDS]


@inner
def _take_bracket(data: np.ndarray, i: int, end: int, kinds: np.ndarray, state: np.ndarray) -> int:
    """A bracket opens, or a reference stands there, which is no word. Returns where it is read on."""
    after = _after_reference(data, i, end, kinds)
    if after > i:
        return after
    if i > state[BRACKET_END]:
        state[BRACKET_END], state[BRACKET_WORDS] = _closing(data, i, end, kinds), state[WORDS]
    return i + decode(data, i)[1]


@inner
def _take_sign(
    data: np.ndarray, i: int, end: int, tables: Tables, switches: Switches, state: np.ndarray, spans: np.ndarray
) -> int:
    """A character that is of no word and no run of marks. Returns where it is read on."""
    kinds = tables.kinds
    code, width = decode(data, i)
    kind, after, leading = kinds[code], i + width, state[SEEN] == GAP
    if kind in (QUOTE_OPEN, QUOTE):
        _take_quote(data, after, end, kinds, state, kind)
    elif kind == OPENER:
        after = _take_bracket(data, i, end, kinds, state)
        kind = CLOSER if after > i + width else kind  # a reference
    state[LAST], state[SEEN], state[PREVIOUS], state[NUMBER_NEAR] = after, kind, kind, FAR
    if leading and kind in (PICTURE, EMOJI) and state[COUNT] > state[FIRST]:
        spans[state[COUNT] - 1, 1] = state[BEGIN] = after  # it belongs to the sentence before
        state[SEEN] = GAP
    wanted = (kind == SEMI and switches.semicolon) or (kind == COMMA and switches.comma)
    if wanted and i > state[BRACKET_END] and _kind(data, after, end, kinds) in (GAP, NEWLINE, ARABIC_LETTER):
        _close(state, spans, after)
    return after


@inner
def _take_marks(
    data: np.ndarray, i: int, end: int, tables: Tables, state: np.ndarray, spans: np.ndarray, hashed: np.int64
) -> int:
    """A run of marks. Returns where it is read on."""
    after, ends = _ends(data, i, end, tables, state, hashed)
    state[LAST], state[SEEN], state[PREVIOUS] = after, STOP, PLAIN
    if ends:
        _close(state, spans, after)
    return after


@inner
def _segment_line(
    data: np.ndarray, i: int, end: int, tables: Tables, switches: Switches, state: np.ndarray, spans: np.ndarray
) -> int:
    """Find the sentences of one line, and where it ends. Words and blanks are read here, for speed."""
    kinds, hashed = tables.kinds, np.int64(0)
    _restart(state, i)
    state[FIRST], state[WORD_END], state[BRACKET_END] = state[COUNT], -1, -1
    while i < end:
        code, width = _decode(data, i)
        kind = kinds[code]
        if FOREIGN <= kind <= NUMBER:
            state[LED_ITEM] = (
                kind == NUMBER and state[PREVIOUS] in (GAP, NEWLINE) and _take_item(data, i, end, kinds, state, spans)
            )
            i, letters, digits, lone, parts, found, size, _ = _read_word(data, i, end, kinds)
            if size:
                _note_word(state, i, letters, digits, lone, parts)
                hashed = np.int64(found)
            state[LAST], state[SEEN], state[PREVIOUS] = i, PLAIN, PLAIN
        elif kind == GAP:
            i += width
            state[PREVIOUS] = GAP
            if state[LAST] <= state[BEGIN]:
                state[BEGIN] = state[LAST] = i  # blanks before the sentence
        elif kind == NEWLINE:
            break
        elif kind in (PLAIN, COLON, CLOSER) or (kind == COMMA and not switches.comma):
            i += width
            state[LAST], state[SEEN], state[PREVIOUS], state[NUMBER_NEAR] = i, kind, kind, FAR
        elif STOP <= kind <= ELLIPSIS:
            i = _take_marks(data, i, end, tables, state, spans, hashed)
        elif kind == EMOJI and state[WORDS] > 0:
            i = _take_faces(data, i, end, tables, state, spans)
        else:
            i = _take_sign(data, i, end, tables, switches, state, spans)
    _close(state, spans, i)
    return i


@inner
def _line_break(data: np.ndarray, i: int, end: int) -> int:
    """The width of the line break at `i`: of CR, LF, both, VT, FF, NEL, and Unicode's two; or 0."""
    byte = data[i]
    if 0x0A <= byte <= 0x0D:
        return 2 if byte == 0x0D and i + 1 < end and data[i + 1] == 0x0A else 1
    if byte == 0xC2:
        return 2 if data[i + 1] == 0x85 else 0
    if byte == 0xE2:
        return 3 if data[i + 1] == 0x80 and data[i + 2] in (0xA8, 0xA9) else 0
    return 0


@inner
def _end_of_line(data: np.ndarray, i: int, end: int) -> int:
    while i < end and _line_break(data, i, end) == 0:
        i += 1
    return i


@inner
def _end_of_paragraph(data: np.ndarray, i: int, end: int, kinds: np.ndarray) -> int:
    """Where the lines from `i` up to an empty one end."""
    last = _end_of_line(data, i, end)
    while last < end:
        following = last + _line_break(data, last, end)
        stop = _end_of_line(data, following, end)
        if _skip_gaps(data, following, stop, kinds) == stop:
            break
        last = stop
    return last


@inner
def segment(
    data: np.ndarray, i: int, end: int, tables: Tables, switches: Switches, state: np.ndarray, spans: np.ndarray
) -> int:
    """Find the sentences of one text: fills `spans` with their bytes (begin, end), returns how many there are."""
    state[COUNT] = 0
    while i < end:
        stop = _end_of_paragraph(data, i, end, tables.kinds) if switches.wrapped_lines else end
        i = _segment_line(data, i, stop, tables, switches, state, spans)
        i += _line_break(data, i, end) if i < end else 0
    return state[COUNT]


@inner
def _cut_place(data: np.ndarray, begin: int, end: int, tables: Tables, longest: int) -> int:
    """Where a sentence longer than `longest` characters is cut, or its `end` if it is not longer."""
    kinds = tables.kinds
    clause, conjunction, gap, whole = -1, -1, -1, -1
    i, size, previous = begin, 0, PLAIN
    while i < end:
        code, width = decode(data, i)
        kind = GAP if kinds[code] == NEWLINE else kinds[code]
        late = 2 * size > longest
        if late and kind == GAP and previous in (SEMI, COMMA, COLON):
            clause = i
        if late and previous == GAP and _is_wordy(kind) and _next_role(data, i, end, tables) in (GOES_ON, CONJUNCTION):
            conjunction = i
        gap = i if kind == GAP and size > 0 else gap
        whole = i if size > 0 and kind not in (MARK, PICTURE) else whole
        if size == longest:
            for place in (clause, conjunction, gap, whole):
                if place >= 0:
                    return place
            return i
        previous, size, i = kind, size + 1, i + width
    return end


@inner
def _trimmed(data: np.ndarray, begin: int, end: int, kinds: np.ndarray) -> tuple[int, int]:
    """A span without the blanks at both its ends."""
    first, last = -1, begin
    while begin < end:
        code, width = decode(data, begin)
        if kinds[code] not in (GAP, NEWLINE):
            first = begin if first < 0 else first
            last = begin + width
        begin += width
    return first, last


@inner
def _cut(data: np.ndarray, begin: int, end: int, tables: Tables, longest: int, spans: np.ndarray, count: int) -> int:
    """Note a sentence, in pieces if it has more than `longest` characters; returns how many there are now."""
    while longest > 0 and end - begin > longest:  # in bytes: at least as many as characters
        place = _cut_place(data, begin, end, tables, longest)
        if place == end:
            break
        spans[count, 0], spans[count, 1] = _trimmed(data, begin, place, tables.kinds)
        count += 1
        begin, _ = _trimmed(data, place, end, tables.kinds)
    spans[count, 0], spans[count, 1] = begin, end
    return count + 1


@inner
def _cut_all(data: np.ndarray, tables: Tables, longest: int, spans: np.ndarray, count: int, pieces: np.ndarray) -> int:
    """Note all sentences of a text, in pieces where they are too long; returns how many pieces there are."""
    found = 0
    for k in range(count):
        found = _cut(data, spans[k, 0], spans[k, 1], tables, longest, pieces, found)
    return found


@inner
def _characters(data: np.ndarray, begin: int, end: int) -> int:
    count = 0
    for i in range(begin, end):
        count += data[i] & 0xC0 != 0x80
    return count


@inner
def _room(rows: np.ndarray, wanted: int) -> np.ndarray:
    """An array with room for so many rows, at least."""
    if wanted <= len(rows):
        return rows
    larger = np.empty((max(wanted, 2 * len(rows)), rows.shape[1]), rows.dtype)
    for row in range(len(rows)):
        for column in range(rows.shape[1]):
            larger[row, column] = rows[row, column]
    return larger


@njit(cache=True, nogil=True)
def find_sentences(
    data: np.ndarray, offsets: np.ndarray, valid: np.ndarray, tables: Tables, switches: Switches, only_count: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The sentences of a column.

    Returns:
        where each text's sentences begin among all, one more than there are texts; and for each sentence its bytes in
        the column (begin, end) and its characters in its text (begin, end), unless they are only to be counted.
    """
    size = len(offsets) - 1
    first, state = np.zeros(size + 1, np.int64), np.zeros(STATES, np.int64)
    found = np.empty((size + 16, 4), np.int64)
    longest = 1
    for row in range(size):
        longest = max(longest, offsets[row + 1] - offsets[row] + 1)
    spans, pieces = np.empty((longest, 2), np.int64), np.empty((longest, 2), np.int64)
    total = 0
    for row in range(size):
        begin, characters, count = offsets[row], 0, 0
        if valid[row]:
            count = segment(data, begin, offsets[row + 1], tables, switches, state, spans)
            if switches.longest > 0:
                count = _cut_all(data, tables, switches.longest, spans, count, pieces)
        first[row + 1] = first[row] + count
        if only_count:
            continue
        found = _room(found, total + count)
        final = pieces if switches.longest > 0 else spans
        for k in range(count):
            first_byte, end_byte = final[k, 0], final[k, 1]
            characters += _characters(data, begin, first_byte)
            found[total, 0], found[total, 1], found[total, 2] = first_byte, end_byte, characters
            characters += _characters(data, first_byte, end_byte)
            found[total, 3] = characters
            begin = end_byte
            total += 1
    return first, found[:total]


@njit(cache=True, nogil=True)
def copy_texts(data: np.ndarray, found: np.ndarray, ends: np.ndarray, out: np.ndarray) -> None:
    """Copy the bytes of the sentences of `find_sentences` one after another to `out`; `ends` are their ends there."""
    place = 0
    for k in range(len(found)):
        for i in range(found[k, 0], found[k, 1]):
            out[place] = data[i]
            place += 1
        ends[k + 1] = place
