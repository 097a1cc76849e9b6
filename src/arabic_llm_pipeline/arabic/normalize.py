"""The rules by code point, each a mapping from a character to what it becomes, and canonical composition.

`clean.py` chains those that a policy asks for, in the order in which they stand here.
"""

import unicodedata
from functools import lru_cache

import numpy as np
import polars as pl

from arabic_llm_pipeline.arabic import alphabet
from arabic_llm_pipeline.arabic.alphabet import (
    ALEF,
    ALEF_VARIANTS,
    ARABIC_INDIC_DIGITS,
    ARABIC_MARKS,
    DECIMAL_SEPARATOR,
    EXTENDED_DIGITS,
    HAMZA_ABOVE,
    HEH,
    LINE_BREAKS,
    NUMBER_SIGNS,
    PRESENTATION_BLOCKS,
    RELIGIOUS_LIGATURES,
    TAIL_FRAGMENT,
    TATWEEL,
    TEH_MARBUTA_VARIANTS,
    THOUSANDS_SEPARATOR,
    VISIBLE_FORMAT,
    WESTERN_DIGITS,
    YEH,
    YEH_HAMZA,
    YEH_VARIANTS,
    ZERO_WIDTH_JOINER,
    ZERO_WIDTH_NON_JOINER,
)

# A hamza on a tatweel is how Uthmani spelling writes a hamza without a seat between joined letters: in today's spelling
# it sits on a Yeh. Dropping the tatweel alone would put it on the letter before. Harakat may stand between the two.
HAMZA_ON_TATWEEL = f"{TATWEEL}+([{alphabet.ALL_HARAKAT}]*){HAMZA_ABOVE}"
HAMZA_ON_YEH = YEH_HAMZA + "${1}"

ALIF = dict.fromkeys(ALEF_VARIANTS, ALEF)
YA = dict.fromkeys(YEH_VARIANTS, YEH)
TA_MARBUTA = dict.fromkeys(TEH_MARBUTA_VARIANTS, HEH)
HAMZA_CARRIERS = alphabet.HAMZA_CARRIERS
BREAKS = dict.fromkeys(LINE_BREAKS.replace("\r", ""), "\n")  # of other systems, where spaces are not tidied
STRIP_DIACRITICS: dict[str, dict[str, str]] = {  # by the choice of the switch
    "strip": dict.fromkeys(ARABIC_MARKS, ""),
    "keep_shadda": dict.fromkeys(set(ARABIC_MARKS) - {alphabet.SHADDA}, ""),
    "keep_tanwin": dict.fromkeys(set(ARABIC_MARKS) - {*alphabet.TANWIN}, ""),
}
WESTERN = {
    **dict(zip(ARABIC_INDIC_DIGITS, WESTERN_DIGITS, strict=True)),
    **dict(zip(EXTENDED_DIGITS, WESTERN_DIGITS, strict=True)),
    DECIMAL_SEPARATOR: ".",
    THOUSANDS_SEPARATOR: ",",
}
ARABIC_INDIC = dict(zip(EXTENDED_DIGITS, ARABIC_INDIC_DIGITS, strict=True))  # Western ones: see words.py


@lru_cache
def presentation_forms(expand_ligatures: bool) -> dict[str, str]:
    """Shapes of letters, as old encodings and PDF files have them, to the letters: NFKC of these two blocks alone.

    NFKC gives a spacing haraka a space or tatweel to sit on: here it becomes the mark alone, on the letter before it.
    The tail fragment is half a glyph and goes. Signs without a decomposition (ornate parentheses, U+FDFD) stay.

    Args:
        expand_ligatures: whether the signs U+FDF0-FDFD, a whole word or phrase each, are spelt out.
    """
    rules = {TAIL_FRAGMENT: ""}
    for char in (chr(code) for block in PRESENTATION_BLOCKS for code in block):
        spelt = unicodedata.normalize("NFKC", char)
        if spelt == char or (char in RELIGIOUS_LIGATURES and not expand_ligatures):
            continue
        if all(part in ARABIC_MARKS or part in (" ", TATWEEL) for part in spelt):
            spelt = spelt.strip(" " + TATWEEL)
        rules[char] = spelt
    return rules


@lru_cache(maxsize=1)
def controls() -> np.ndarray:
    """Code points that are not seen: controls, bidi and zero-width marks, byte order marks, private use, noncharacters.

    Tab and line breaks stay for the rule on spaces. The joiner U+200D (it makes emoji) and the non-joiner U+200C (it
    parts letters that would join) are a matter of their own. U+FFFD stays: it says that text was lost here.
    """
    hidden = np.union1d(alphabet.codes("Cc", "Cf", "Co"), alphabet.noncharacters())
    seen = VISIBLE_FORMAT + NUMBER_SIGNS + LINE_BREAKS + "\t" + ZERO_WIDTH_JOINER + ZERO_WIDTH_NON_JOINER
    return np.setdiff1d(hidden, [ord(char) for char in seen])


@lru_cache(maxsize=1)
def other_scripts() -> np.ndarray:
    """Letters and marks of scripts other than Arabic and Latin, as Unicode defines script; shared ones are not."""
    letters = alphabet.codes("L", "M")
    texts = pl.Series([chr(code) for code in letters], dtype=pl.String)
    foreign = texts.str.contains(r"[^\p{Arabic}\p{Latin}\p{Common}\p{Inherited}]").to_numpy()
    return np.asarray(letters[foreign])


@lru_cache(maxsize=1)
def punctuation() -> dict[str, str]:
    """Punctuation and symbols become blanks; what only modifies them (variation selectors, keycaps) goes."""
    selectors = (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0), *alphabet.codes("Me"))
    return {chr(code): " " for code in alphabet.codes("P", "S")} | {chr(code): "" for code in selectors}


@lru_cache(maxsize=1)
def case() -> dict[str, str]:
    """Upper case to lower, by full case folding, which takes some letters apart that composition joins again."""
    folded = [(char, lower) for char in map(chr, range(0x20000)) if (lower := char.casefold()) != char]
    return {char: unicodedata.normalize("NFC", lower) for char, lower in folded}


def seat_hamza(texts: pl.Series) -> pl.Series:
    """Give a hamza that stands on a tatweel its seat, a Yeh."""
    return texts.str.replace_all(HAMZA_ON_TATWEEL, HAMZA_ON_YEH)


def nfc(texts: pl.Series) -> pl.Series:
    """Compose letters and marks (Waw and hamza above to Waw with hamza), which no table by code point can do.

    By `unicodedata`: faster here than polars, and of the same Unicode version as the tables.
    """
    return pl.Series([unicodedata.normalize("NFC", text) for text in texts], dtype=pl.String)
