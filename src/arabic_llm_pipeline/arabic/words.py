"""The rules for which a word, not a code point or a pattern, decides: case endings; digits, if not of Latin text."""

from functools import lru_cache

import numpy as np

from arabic_llm_pipeline.arabic import alphabet
from arabic_llm_pipeline.arabic.columns import TextColumn, frozen

# The same numbers as in words_kernel.py (a test compares them).
LETTER, SILENT, VOWEL, TANWIN, MEEM, MARK = range(1, 7)
BLANK, LATIN, DIGIT, KEYCAP = range(1, 5)


def strip_endings(column: TextColumn) -> TextColumn:
    """Take the vowel, sukun or tanwin from the last letter of each word of two letters or more.

    Shadda and superscript Alef stay, being letters. A tanwin before a last Alef or Alef Maksura goes, as that letter is
    only its seat. What is joined to a word counts to it: of a noun with a pronoun, the pronoun's vowel goes and the
    case stays, since only a dictionary tells the two apart. Small Waw and Yeh are letters here: what they lengthen
    does not end a word.
    """
    from arabic_llm_pipeline.arabic import words_kernel

    data, offsets = words_kernel.strip_endings(column.data, column.offsets, column.valid, _endings())
    return TextColumn(data, offsets, column.valid)


def arabic_indic_digits(column: TextColumn) -> TextColumn:
    """Make Arabic-Indic of Western digits, but for those in what stands between two blanks and has a Latin letter.

    There they are part of a name, an address, a unit, or a letter of Arabizi. The digits of keycap emoji stay, too.
    """
    from arabic_llm_pipeline.arabic import words_kernel

    data, offsets = words_kernel.arabic_indic_digits(column.data, column.offsets, column.valid, _tokens())
    return TextColumn(data, offsets, column.valid)


@lru_cache(maxsize=1)
def _endings() -> np.ndarray:
    """What each code point is to `strip_endings`: 0 ends a word."""
    classes = np.zeros(alphabet.CODE_POINTS, np.uint8)
    classes[alphabet.is_category("L")] = LETTER
    classes[alphabet.is_category("M", "Cf")] = MARK  # invisible signs are no end of a word
    classes[_codes(alphabet.VISIBLE_FORMAT + alphabet.NUMBER_SIGNS)] = 0
    classes[_codes(alphabet.ALEF + alphabet.ALEF_MAKSURA)] = SILENT
    classes[_codes(alphabet.FATHA + alphabet.DAMMA + alphabet.KASRA + alphabet.SUKUN + alphabet.QURANIC_SUKUN)] = VOWEL
    classes[_codes(alphabet.TANWIN)] = TANWIN
    classes[_codes(alphabet.SMALL_MEEMS)] = MEEM
    return frozen(classes)


@lru_cache(maxsize=1)
def _tokens() -> np.ndarray:
    """What each code point is to `arabic_indic_digits`."""
    classes = np.zeros(alphabet.CODE_POINTS, np.uint8)
    classes[alphabet.is_category("Z")] = classes[_codes(alphabet.LINE_BREAKS + "\t")] = BLANK
    letters = alphabet.codes("L")
    classes[letters[letters <= alphabet.LAST_LATIN]] = LATIN
    classes[_codes(alphabet.WESTERN_DIGITS)] = DIGIT
    classes[_codes(alphabet.VARIATION_SELECTOR_16 + alphabet.KEYCAP)] = KEYCAP
    return frozen(classes)


def _codes(characters: str) -> np.ndarray:
    return np.array([ord(char) for char in characters])
