"""Named code points of the Arabic script, and the sets of them that the rules are made of.

Every letter is written by its Unicode name. Sets that Unicode itself defines (marks, presentation forms, control
characters) are read from `unicodedata`; sets that are a choice (what counts as an Alif) are spelt out.
"""

import unicodedata
from functools import lru_cache

import numpy as np

CODE_POINTS = 0x110000
ASSIGNED = 0x40000  # planes 4 to 13 are empty, 14 to 16 are handled by `categories`

ALEF = "\N{ARABIC LETTER ALEF}"
ALEF_MADDA = "\N{ARABIC LETTER ALEF WITH MADDA ABOVE}"
ALEF_HAMZA_ABOVE = "\N{ARABIC LETTER ALEF WITH HAMZA ABOVE}"
ALEF_HAMZA_BELOW = "\N{ARABIC LETTER ALEF WITH HAMZA BELOW}"
ALEF_WASLA = "\N{ARABIC LETTER ALEF WASLA}"
ALEF_WAVY_HAMZA_ABOVE = "\N{ARABIC LETTER ALEF WITH WAVY HAMZA ABOVE}"
ALEF_WAVY_HAMZA_BELOW = "\N{ARABIC LETTER ALEF WITH WAVY HAMZA BELOW}"
ALEF_HIGH_HAMZA = "\N{ARABIC LETTER HIGH HAMZA ALEF}"
ALEF_MAKSURA = "\N{ARABIC LETTER ALEF MAKSURA}"
YEH = "\N{ARABIC LETTER YEH}"
FARSI_YEH = "\N{ARABIC LETTER FARSI YEH}"
KAF = "\N{ARABIC LETTER KAF}"
KEHEH = "\N{ARABIC LETTER KEHEH}"
SWASH_KAF = "\N{ARABIC LETTER SWASH KAF}"
HEH_DOACHASHMEE = "\N{ARABIC LETTER HEH DOACHASHMEE}"
HEH_GOAL = "\N{ARABIC LETTER HEH GOAL}"
AE = "\N{ARABIC LETTER AE}"
YEH_HAMZA = "\N{ARABIC LETTER YEH WITH HAMZA ABOVE}"
WAW = "\N{ARABIC LETTER WAW}"
WAW_HAMZA = "\N{ARABIC LETTER WAW WITH HAMZA ABOVE}"
HEH = "\N{ARABIC LETTER HEH}"
LAM = "\N{ARABIC LETTER LAM}"
MEEM = "\N{ARABIC LETTER MEEM}"
TEH_MARBUTA = "\N{ARABIC LETTER TEH MARBUTA}"
TEH_MARBUTA_GOAL = "\N{ARABIC LETTER TEH MARBUTA GOAL}"
TATWEEL = "\N{ARABIC TATWEEL}"

FATHATAN = "\N{ARABIC FATHATAN}"
FATHA = "\N{ARABIC FATHA}"
DAMMA = "\N{ARABIC DAMMA}"
KASRA = "\N{ARABIC KASRA}"
SHADDA = "\N{ARABIC SHADDA}"
SUKUN = "\N{ARABIC SUKUN}"
MADDAH_ABOVE = "\N{ARABIC MADDAH ABOVE}"
HAMZA_ABOVE = "\N{ARABIC HAMZA ABOVE}"
HAMZA_BELOW = "\N{ARABIC HAMZA BELOW}"
SUPERSCRIPT_ALEF = "\N{ARABIC LETTER SUPERSCRIPT ALEF}"
SMALL_WAW = "\N{ARABIC SMALL WAW}"
SMALL_YEH = "\N{ARABIC SMALL YEH}"
TAIL_FRAGMENT = "\N{ARABIC TAIL FRAGMENT}"
# Of printed Qurans. The second three stand for the first where a text was encoded before Unicode had those.
OPEN_TANWIN = "\N{ARABIC OPEN FATHATAN}\N{ARABIC OPEN DAMMATAN}\N{ARABIC OPEN KASRATAN}"
OPEN_TANWIN += "\N{ARABIC INVERTED DAMMA}\N{ARABIC FATHA WITH TWO DOTS}\N{ARABIC SUBSCRIPT ALEF}"
QURANIC_SUKUN = "\N{ARABIC SMALL HIGH DOTLESS HEAD OF KHAH}"
SMALL_MEEMS = "\N{ARABIC SMALL HIGH MEEM ISOLATED FORM}\N{ARABIC SMALL LOW MEEM}"  # a tanwin, or Noon, read as Meem

COMMA = "\N{ARABIC COMMA}"
SEMICOLON = "\N{ARABIC SEMICOLON}"
QUESTION_MARK = "\N{ARABIC QUESTION MARK}"
FULL_STOP_URDU = "\N{ARABIC FULL STOP}"
DECIMAL_SEPARATOR = "\N{ARABIC DECIMAL SEPARATOR}"
THOUSANDS_SEPARATOR = "\N{ARABIC THOUSANDS SEPARATOR}"
LETTER_MARK = "\N{ARABIC LETTER MARK}"  # a bidi control, in spite of its name

WESTERN_DIGITS = "0123456789"
ARABIC_INDIC_DIGITS = "".join(map(chr, range(0x0660, 0x066A)))
EXTENDED_DIGITS = "".join(map(chr, range(0x06F0, 0x06FA)))  # Persian, Urdu

LAST_LATIN = 0x24F  # of the blocks of Latin that European languages are written in
KEYCAP = "\N{COMBINING ENCLOSING KEYCAP}"

ORNATE_PARENTHESES = "\N{ORNATE LEFT PARENTHESIS}\N{ORNATE RIGHT PARENTHESIS}"

ZERO_WIDTH_JOINER = "\N{ZERO WIDTH JOINER}"
ZERO_WIDTH_NON_JOINER = "\N{ZERO WIDTH NON-JOINER}"
VARIATION_SELECTOR_16 = "\N{VARIATION SELECTOR-16}"
# Parts of joined emoji that are not of the category So: an arrow, and what Unicode holds free for new ones.
OTHER_PICTOGRAPHS = "\N{LEFT RIGHT ARROW}" + "".join(
    c for c in map(chr, range(0x1F000, 0x1FB00)) if unicodedata.category(c) == "Cn"
)
EMOJI_MODIFIERS = "".join(map(chr, range(0x1F3FB, 0x1F400)))

ALEF_VARIANTS = (
    ALEF_MADDA
    + ALEF_HAMZA_ABOVE
    + ALEF_HAMZA_BELOW
    + ALEF_WASLA
    + ALEF_WAVY_HAMZA_ABOVE
    + ALEF_WAVY_HAMZA_BELOW
    + ALEF_HIGH_HAMZA
)
YEH_VARIANTS = ALEF_MAKSURA + FARSI_YEH
TEH_MARBUTA_VARIANTS = TEH_MARBUTA + TEH_MARBUTA_GOAL
HAMZA_CARRIERS = {WAW_HAMZA: WAW, YEH_HAMZA: YEH}

ARABIC_BLOCKS = (
    range(0x0600, 0x0700),  # Arabic
    range(0x0750, 0x0780),  # Supplement
    range(0x0870, 0x0900),  # Extended-B, Extended-A
    range(0xFB50, 0xFE00),  # Presentation Forms-A
    range(0xFE70, 0xFF00),  # Presentation Forms-B
    range(0x10EC0, 0x10F00),  # Extended-C
    range(0x1EE00, 0x1EF00),  # Mathematical Alphabetic Symbols
)
PRESENTATION_BLOCKS = ARABIC_BLOCKS[3:5]
RELIGIOUS_LIGATURES = "".join(map(chr, range(0xFDF0, 0xFDFE)))  # words and phrases in one sign

ARABIC = "".join(chr(c) for block in ARABIC_BLOCKS for c in block)
ARABIC_LETTERS = "".join(c for c in ARABIC if unicodedata.category(c) == "Lo")
TANWIN = "".join(chr(c) for c in range(ord(FATHATAN), ord(FATHA))) + OPEN_TANWIN
HARAKAT = "".join(chr(c) for c in range(ord(FATHATAN), ord(SUKUN) + 1)) + SUPERSCRIPT_ALEF
ALL_HARAKAT = HARAKAT + OPEN_TANWIN + QURANIC_SUKUN
ARABIC_MARKS = "".join(c for c in ARABIC if unicodedata.category(c) == "Mn") + SMALL_WAW + SMALL_YEH
"""What removing diacritics removes: harakat, Quranic marks and the two small letters of Quranic spelling. A hamza or
madda that stands alone here could not be composed with its letter (clean.py composes first)."""

# Signs that enclose or precede a number or a verse: Unicode calls them format characters, but they are seen.
VISIBLE_FORMAT = "".join(
    c for c in ARABIC if unicodedata.category(c) == "Cf" and c not in (LETTER_MARK, "\N{ZERO WIDTH NO-BREAK SPACE}")
)
NUMBER_SIGNS = "\N{KAITHI NUMBER SIGN}\N{KAITHI NUMBER SIGN ABOVE}\N{SYRIAC ABBREVIATION MARK}"
LINE_BREAKS = "\n\r\v\f\x85\N{LINE SEPARATOR}\N{PARAGRAPH SEPARATOR}"


_GROUPS = {"C": "cfnos", "L": "lmotu", "M": "cen", "N": "dlo", "P": "cdefios", "S": "ckmo", "Z": "lps"}
CATEGORIES = tuple(first + second for first, seconds in _GROUPS.items() for second in seconds)  # Cc, Cf, ...


@lru_cache(maxsize=1)
def categories() -> np.ndarray:
    """The general category of every code point, as its place in `CATEGORIES`."""
    places = {name: place for place, name in enumerate(CATEGORIES)}
    table = np.full(CODE_POINTS, places["Cn"], np.uint8)
    for block in (range(ASSIGNED), range(0xE0000, 0xE0200)):  # the second: tags and variation selectors
        table[block.start : block.stop] = list(map(places.__getitem__, map(unicodedata.category, map(chr, block))))
    for plane in (0xF0000, 0x100000):
        table[plane : plane + 0xFFFE] = places["Co"]
    return table


def is_category(*wanted: str) -> np.ndarray:
    """Per code point: whether its general category is, or begins with, one of the wanted ones."""
    return np.isin(categories(), [place for place, name in enumerate(CATEGORIES) if name.startswith(wanted)])


def codes(*wanted: str) -> np.ndarray:
    """The code points whose general category is, or begins with, one of the wanted ones."""
    return np.flatnonzero(is_category(*wanted))


@lru_cache(maxsize=1)
def joining_letters() -> tuple[frozenset[str], frozenset[str]]:
    """Letters that join on both sides, and letters that join only the one before, as their presentation forms tell.

    Letters without such forms (of few languages, and none of Arabic, Persian or Urdu) are in neither.
    """
    shapes: dict[str, set[str]] = {"<initial>": set(), "<final>": set()}
    for char in (chr(code) for block in PRESENTATION_BLOCKS for code in block):
        shape, _, letters = unicodedata.decomposition(char).partition(" ")
        if shape in shapes and len(letters) == 4:  # one letter, not a ligature
            shapes[shape].add(chr(int(letters, 16)))
    return frozenset(shapes["<initial>"]), frozenset(shapes["<final>"] - shapes["<initial>"])


def noncharacters() -> np.ndarray:
    """The 66 code points that Unicode promises never to assign."""
    last = [plane | end for plane in range(0, CODE_POINTS, 0x10000) for end in (0xFFFE, 0xFFFF)]
    return np.array([*range(0xFDD0, 0xFDF0), *last])


@lru_cache(maxsize=1)
def combining_classes() -> np.ndarray:
    """The canonical combining class of every code point, 0 for all that do not combine."""
    table = np.zeros(CODE_POINTS, np.uint8)
    marks = codes("M")
    table[marks] = [unicodedata.combining(chr(code)) for code in marks]
    return table


@lru_cache(maxsize=1)
def compositions() -> tuple[frozenset[str], frozenset[str]]:
    """Characters that may compose with what stands before them, and characters that are never in NFC.

    A text without any of them whose marks stand in the order of their combining classes is in NFC (Unicode Standard
    Annex #15, "Detecting Normalization Forms": quick check Maybe and No).
    """
    seconds = {chr(code) for block in (range(0x1161, 0x1176), range(0x11A8, 0x11C3)) for code in block}  # Hangul
    never = {chr(code) for code in range(0x2F800, 0x2FA20)}  # compatibility ideographs
    for char in map(chr, range(0x20000)):
        parts = unicodedata.decomposition(char)
        if parts and parts[0] != "<":
            if " " in parts:
                seconds.add(chr(int(parts.split()[1], 16)))
            if not unicodedata.is_normalized("NFC", char):
                never.add(char)
    return frozenset(seconds), frozenset(never)
