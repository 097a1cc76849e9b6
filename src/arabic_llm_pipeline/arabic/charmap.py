"""Tables from code point to what becomes of it, and their application to text and to Arrow columns.

A rule by code point is data: a mapping from a character to its replacement (nothing, one or several characters). Rules
are chained into one table, so that however many there are, a text is walked through once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from arabic_llm_pipeline.arabic import alphabet
from arabic_llm_pipeline.arabic.columns import TextColumn, from_array

if TYPE_CHECKING:
    import pyarrow as pa

    from arabic_llm_pipeline.arabic.rewrite_kernel import Rules as KernelRules

Rules = Mapping[str, str]
# The same numbers as in rewrite_kernel.py, which cannot be imported here without numba (a test compares them).
WORD, DIGIT, PICTOGRAPH, VARIATION, SPACING, JOINING, JOINED = range(1, 8)
KEEP, DROP, BLANK, LINE, STRETCH, JOINER, NON_JOINER, FIRST_TEXT = range(8)
FLAG_SHIFT, FLAG_MASK, CLASS_SHIFT, CLASS_MASK, ACTION_SHIFT = 3, 0xFF, 11, 0xFF, 19
HINT_END, HINTED, STILL_HINTED = 0x20, 0x40, 0x80
QUICK_CODES, QUICK_WIDTH_SHIFT = 0x800, 16
QUICK_BLANK, QUICK_DROP, QUICK_NOT, QUICK_NOT_TWICE = 1 << 18, 1 << 19, 1 << 20, 1 << 21


@dataclass(frozen=True, eq=False)
class Charmap:
    """A table for every code point.

    Attributes:
        table: per code point what becomes of it, what it is, and the flags it reports (bits: see rewrite_kernel.py).
        quick: the same for code points below 0x800 of which one number tells all.
        pool: UTF-8 of all replacements.
        pool_offsets: where each replacement begins in the pool.
        hints: what rows are reported for, a row each: how many bytes, and those.
        final_yeh: how words that end in a Farsi Yeh are read, and those of the list (persian.py); empty if unwanted.
        growth: the most bytes that one byte of text can become.
        trim: whether blanks at the end of a text are removed.
    """

    table: np.ndarray
    quick: np.ndarray
    pool: np.ndarray
    pool_offsets: np.ndarray
    hints: np.ndarray
    final_yeh: tuple[np.ndarray, np.ndarray]
    growth: int
    trim: bool

    def apply_column(self, column: TextColumn, final_yeh: bool = True) -> tuple[TextColumn, np.ndarray]:
        """Rewrite a column; also returns for each row the flags of the code points and hints that it had.

        Args:
            column: the texts.
            final_yeh: whether the words with a last Farsi Yeh are looked at, if the table has them.
        """
        from arabic_llm_pipeline.arabic import rewrite_kernel

        wanted = final_yeh and len(self.final_yeh[1]) > 0
        done = rewrite_kernel.rewrite(column.data, column.offsets, column.valid, self._rules, wanted)
        data, offsets, flags = done
        return TextColumn(data, offsets, column.valid), flags

    @property
    def _rules(self) -> "KernelRules":
        from arabic_llm_pipeline.arabic.rewrite_kernel import Rules as KernelRules

        tables = (self.table, self.quick, self.pool, self.pool_offsets, self.hints, *self.final_yeh)
        return KernelRules(*tables, self.growth, self.trim)

    def apply_array(self, array: "pa.LargeStringArray") -> "pa.LargeStringArray":
        """Rewrite an Arrow array of large strings (sliced or not); nulls stay nulls."""
        return self.apply_column(from_array(array))[0].to_array()

    def apply(self, text: str) -> str:
        """Rewrite one text.

        Raises:
            UnicodeEncodeError: the text has half of a surrogate pair.
        """
        data = text.encode()
        column = TextColumn(_frozen(np.frombuffer(data, np.uint8)), _frozen(np.array([0, len(data)])), _ONE_VALID)
        return self.apply_column(column)[0].data.tobytes().decode()


_NOTHING, _NO_HASHES = np.zeros(0, np.int64), np.zeros(0, np.uint64)
_NOTHING.flags.writeable = _NO_HASHES.flags.writeable = False


def chain(*rules: Rules) -> dict[str, str]:
    """One mapping that does what the given ones do one after another, character by character."""
    chained: dict[str, str] = {}
    for rule in rules:
        for char, text in chained.items():
            chained[char] = "".join(rule.get(new, new) for new in text)
        for char, text in rule.items():
            chained.setdefault(char, text)
    return chained


def build(
    replacements: Rules,
    *,
    drops: Iterable[np.ndarray] = (),
    blanks: Iterable[int] = (),
    lines: str = "",
    stretch: str = "",
    joiners: str = "",
    non_joiners: str = "",
    flags: Mapping[int, Iterable[str]] | None = None,
    hints: Sequence[str] = (),
    final_yeh: tuple[np.ndarray, np.ndarray] | None = None,
    sort_marks: bool = False,
) -> Charmap:
    """Make a table.

    Args:
        replacements: what a character becomes; characters not named are kept.
        drops: code points that become nothing (for sets too large to name one by one).
        blanks: code points that become one space together with their like, none at the ends of a line. A character
            replaced by one space counts as one of them.
        lines: characters that become a line break, at most one empty line together with their like.
        stretch: characters dropped except after a heh that is a word of its own, as the Hijri mark is.
        joiners: as stretch, and also kept between two pictographs.
        non_joiners: characters dropped except between two letters that would be joined without them.
        flags: bit values (1, 2, 4, 8, 16) and the characters that set them for a row. A character sets also what its
            replacement sets.
        hints: words (without upper case) that a row is reported for: HINTED if it has one, in whatever case of ASCII,
            STILL_HINTED if one may stand in what becomes of it.
        final_yeh: tables of `persian.FinalYeh`.
        sort_marks: put kept combining marks into canonical order.
    """
    table = _kinds(sort_marks).copy()
    for bit, flagged in {**(flags or {}), HINT_END: "".join(hint[-1] + hint[-1].upper() for hint in hints)}.items():
        table[_codes(flagged)] |= bit << FLAG_SHIFT
    spaces = np.fromiter(blanks, np.int64)
    pool: dict[str, int] = {}
    growth = 1
    for char, text in replacements.items():
        code = ord(char)
        for new in text:
            table[code] |= table[ord(new)] & FLAG_MASK << FLAG_SHIFT
        _set_action(table, code, _action(char, text, pool, len(spaces) > 0))
        growth = max(growth, -(-len(text.encode()) // len(char.encode())))
    for dropped in drops:
        _set_action(table, dropped, DROP)
    for action, chars in ((LINE, lines), (STRETCH, stretch), (JOINER, joiners), (NON_JOINER, non_joiners)):
        _set_action(table, _codes(chars), action)
    _set_action(table, spaces, BLANK)
    texts = [text.encode() for text in pool]
    starts = np.cumsum([0, *map(len, texts)]).astype(np.int64)
    joined = np.frombuffer(b"".join(texts), np.uint8)
    quick = _quick(table, texts)
    if final_yeh:
        quick[ord(alphabet.FARSI_YEH)] = QUICK_NOT
    tables = (_frozen(table), _frozen(quick), _frozen(joined), _frozen(starts), _frozen(_rows(hints)))
    return Charmap(*tables, final_yeh or (_NOTHING, _NO_HASHES), growth=growth, trim=len(spaces) > 0)


def _quick(table: np.ndarray, texts: list[bytes]) -> np.ndarray:
    """The quick table: without code points that report something, are put in order, or end in a blank or a break."""
    quick = np.full(QUICK_CODES, QUICK_NOT, np.uint32)
    spaced = np.isin(table >> ACTION_SHIFT, (BLANK, LINE)).any()
    for code, entry in enumerate(table[:QUICK_CODES].tolist()):
        action = entry >> ACTION_SHIFT
        own = chr(code).encode()
        text = own if action == KEEP else texts[action - FIRST_TEXT] if action >= FIRST_TEXT else b""
        sorted_mark = action == KEEP and entry >> CLASS_SHIFT & CLASS_MASK
        if entry >> FLAG_SHIFT & FLAG_MASK or sorted_mark:
            continue
        if action == BLANK:
            quick[code] = ord(" ") | 1 << QUICK_WIDTH_SHIFT | QUICK_BLANK
        elif action == LINE and own == b"\n":  # behind a blank or another it is not so simple
            quick[code] = ord("\n") | 1 << QUICK_WIDTH_SHIFT | QUICK_BLANK | QUICK_NOT_TWICE
        elif action == DROP:
            quick[code] = QUICK_DROP
        elif text and len(text) <= len(own) and not (spaced and text.endswith((b" ", b"\n"))):
            quick[code] = int.from_bytes(text, "little") | len(text) << QUICK_WIDTH_SHIFT
    return quick


def _rows(hints: Sequence[str]) -> np.ndarray:
    """Hints as the kernel reads them."""
    words = [hint.encode() for hint in hints]
    rows = np.zeros((len(words), 1 + max(map(len, words), default=0)), np.uint8)
    for row, word in zip(rows, words, strict=True):
        row[: 1 + len(word)] = [len(word), *word]
    return rows


def _set_action(table: np.ndarray, codes: int | np.ndarray, action: int) -> None:
    table[codes] = table[codes] & (1 << ACTION_SHIFT) - 1 | action << ACTION_SHIFT


def _action(char: str, text: str, pool: dict[str, int], blanks: bool) -> int:
    if not text:
        return DROP
    if text == char:
        return KEEP
    if text == " " and blanks:
        return BLANK
    return FIRST_TEXT + pool.setdefault(text, len(pool))


@lru_cache(maxsize=2)
def _kinds(with_classes: bool) -> np.ndarray:
    """What each code point is, as far as the kernel asks, with its combining class if that is wanted."""
    kinds = np.zeros(alphabet.CODE_POINTS, np.int32)
    kinds[alphabet.is_category("L", "M", "Nd")] = WORD
    kinds[_codes(alphabet.WESTERN_DIGITS + alphabet.ARABIC_INDIC_DIGITS + alphabet.EXTENDED_DIGITS)] = DIGIT
    for kind, letters in zip((JOINING, JOINED), alphabet.joining_letters(), strict=True):
        kinds[_codes(letters)] = kind
    kinds[alphabet.is_category("So")] = kinds[_codes(alphabet.OTHER_PICTOGRAPHS)] = PICTOGRAPH
    kinds[alphabet.is_category("Zs")] = kinds[ord("\t")] = SPACING
    kinds[_codes(alphabet.EMOJI_MODIFIERS + alphabet.VARIATION_SELECTOR_16)] = VARIATION
    if with_classes:
        kinds |= alphabet.combining_classes().astype(np.int32) << CLASS_SHIFT
    return kinds


def _codes(characters: Iterable[str]) -> np.ndarray:
    return np.fromiter(map(ord, characters), np.int64)


def _frozen(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


_ONE_VALID = _frozen(np.ones(1, bool))
