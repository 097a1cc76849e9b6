"""The kinds of noise: what people make of a word, by mistake, by habit, or in another dialect or script.

Each kind names everything that it can make of a word; none of it is the word itself, and a word for which it names
nothing is one that it cannot alter. Diacritics of the word stay where they are.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from arabic_llm_pipeline.arabic import alphabet, keyboard
from arabic_llm_pipeline.arabic.alphabet import (
    ALEF,
    ALEF_HAMZA_ABOVE,
    ALEF_HAMZA_BELOW,
    ALEF_MADDA,
    ALEF_MAKSURA,
    HEH,
    LAM,
    TATWEEL,
    TEH_MARBUTA,
    WAW,
    WAW_HAMZA,
    YEH,
    YEH_HAMZA,
)
from arabic_llm_pipeline.arabic.lexicon import read_table

REGIONS = ("EGY", "GLF", "LEV", "MGR")
ARTICLE = ALEF + LAM
MARKS = frozenset(alphabet.ARABIC_MARKS + TATWEEL)
LONG_VOWELS = ALEF + WAW + YEH
GLIDES, VOWELS = WAW + YEH, frozenset("aeiou")
VOWEL_LETTERS = LONG_VOWELS + ALEF_MAKSURA + TEH_MARBUTA

HAMZA = {  # anywhere in a word
    ALEF_HAMZA_ABOVE: ALEF,
    ALEF_HAMZA_BELOW: ALEF,
    ALEF_MADDA: ALEF,
    WAW_HAMZA: WAW + YEH_HAMZA,
    YEH_HAMZA: YEH,
}
FIRST_HAMZA = {  # of the first letter, besides
    ALEF: ALEF_HAMZA_ABOVE + ALEF_HAMZA_BELOW,
    ALEF_HAMZA_ABOVE: ALEF_HAMZA_BELOW,
    ALEF_HAMZA_BELOW: ALEF_HAMZA_ABOVE,
    ALEF_MADDA: ALEF_HAMZA_ABOVE,
}
ENDINGS = {ALEF_MAKSURA: YEH, YEH: ALEF_MAKSURA, TEH_MARBUTA: HEH, HEH: TEH_MARBUTA}
# Letters of one shape but for their dots, everywhere; and those that are so unless they end a word.
SHAPES = (
    keyboard.BEH + keyboard.TEH + keyboard.THEH, keyboard.JEEM + keyboard.HAH + keyboard.KHAH,
    keyboard.DAL + keyboard.THAL, keyboard.REH + keyboard.ZAIN, keyboard.SEEN + keyboard.SHEEN,
    keyboard.SAD + keyboard.DAD, keyboard.TAH + keyboard.ZAH, keyboard.AIN + keyboard.GHAIN,
)  # fmt: skip
INNER_SHAPES = (keyboard.BEH + keyboard.TEH + keyboard.THEH + keyboard.NOON + YEH, keyboard.FEH + keyboard.QAF)
# The Lam of the article is silent before these, which are doubled; before all others it is heard.
SUN_LETTERS = (
    keyboard.TEH + keyboard.THEH + keyboard.DAL + keyboard.THAL + keyboard.REH + keyboard.ZAIN + keyboard.SEEN
    + keyboard.SHEEN + keyboard.SAD + keyboard.DAD + keyboard.TAH + keyboard.ZAH + LAM + keyboard.NOON
)  # fmt: skip
NO_TANWIN = keyboard.THAL + keyboard.NOON + HEH + LAM + alphabet.MEEM  # this, our, her, not, what: before a last Alef
LENGTHENED = {ALEF: alphabet.FATHA, WAW: alphabet.DAMMA, YEH: alphabet.KASRA}
ELONGATED = (3, 4, 6)  # letters in a row where one is drawn out; fewer could be spelling
NOT_DRAWN = TEH_MARBUTA + keyboard.HAMZA  # at the end of a word, as other consonants are
TATWEELS = (2, 4)


class Word(NamedTuple):
    """A word of a text."""

    text: str
    joins: bool = False  # one blank stands after it, and then another word


Options = list[tuple[str, int]]  # what the word becomes, and how many characters after it go
Kind = Callable[[Word, str], Options]


def options(kind: str, word: Word, region: str) -> Options:
    """Everything that a kind can make of a word.

    Args:
        kind: one of `KINDS`.
        word: of letters, marks and tatweel.
        region: one of `REGIONS`, whose dialect or habits count where the kind has any.
    """
    return [found for found in dict.fromkeys(KINDS[kind](word, region)) if found != (word.text, 0)]


def letters(word: str) -> list[int]:
    """Places of the letters, without the marks between them."""
    return [place for place, char in enumerate(word) if char not in MARKS]


def _hamza(word: Word, _region: str) -> Options:
    text, places = word.text, letters(word.text)
    found = [_put(text, place, other) for place in places for other in HAMZA.get(text[place], "")]
    first, last = places[0], places[-1]
    if text[first] != ALEF or (len(places) > 3 and text[places[1]] != LAM):  # the article is not misspelt so
        found += [_put(text, first, other) for other in FIRST_HAMZA.get(text[first], "")]
    if len(places) > 2 and text[last] == keyboard.HAMZA:
        found.append(_put(text, last, ""))
    found += [_put(text, place, YEH_HAMZA) for place in places[1:-1] if text[place] == keyboard.HAMZA]
    return _plain(found)


def _endings(word: Word, _region: str) -> Options:
    last = letters(word.text)[-1]
    return _plain(_put(word.text, last, other) for other in ENDINGS.get(word.text[last], ""))


def _keyboard(word: Word, _region: str) -> Options:
    return _replaced(word.text, letters(word.text), keyboard.neighbours())


def _dots(word: Word, _region: str) -> Options:
    everywhere, inner = _shapes()
    places = letters(word.text)
    return _replaced(word.text, places[:-1], inner) + _replaced(word.text, places[-1:], everywhere)


def _dropped(word: Word, _region: str) -> Options:
    places = letters(word.text)
    return _plain(_put(word.text, place, "") for place in places[1:]) if len(places) > 3 else []


def _doubled(word: Word, _region: str) -> Options:
    places = letters(word.text)
    return _plain(_put(word.text, place, 2 * word.text[place]) for place in places[1:]) if len(places) > 2 else []


def _diacritics(word: Word, _region: str) -> Options:
    """Marks that are right in most words; and all of them at once. A word that has marks already gets none."""
    text = word.text
    if not MARKS.isdisjoint(text):
        return []
    marks = dict(_marks(text))
    every = "".join(char + marks.get(place, "") for place, char in enumerate(text))
    return _plain([*(_put(text, place, text[place] + mark) for place, mark in marks.items()), every])


def _marks(text: str) -> Iterator[tuple[int, str]]:
    """Place of a letter, and the mark that follows it."""
    article = text.startswith(ARTICLE) and len(text) > len(ARTICLE) + 1
    if article:
        yield (2, alphabet.SHADDA) if text[2] in SUN_LETTERS else (1, alphabet.SUKUN)
        if text[-1] not in LONG_VOWELS + ALEF_MAKSURA:
            yield len(text) - 1, alphabet.DAMMA
    for place in range(3 if article else 0, len(text) - 1 if len(text) > 2 else 0):
        if (mark := LENGTHENED.get(text[place + 1])) and _lengthens(text, place):
            seat = text[place + 1 :] == ALEF and len(text) > 3 and text[place] not in NO_TANWIN
            yield (place + 1, alphabet.FATHATAN) if seat else (place, mark)


def _lengthens(text: str, place: int) -> bool:
    """Whether the letter after this one is a long vowel, as far as letters tell; not that of an article."""
    after = text[place + 2 : place + 3]
    glide = text[place + 1] != ALEF and after and after in VOWEL_LETTERS
    article = place == 0 and text[1:3] == ARTICLE
    return not (glide or article or text[place] in LONG_VOWELS + ALEF_HAMZA_ABOVE)


def _elongation(word: Word, _region: str) -> Options:
    text, places = word.text, letters(word.text)
    both, before = alphabet.joining_letters()
    long = [one for one in places[1:] if text[one] in LONG_VOWELS or (one == places[-1] and text[one] not in NOT_DRAWN)]
    found = [_put(text, place, count * text[place]) for place in long for count in ELONGATED]
    for place in range(len(text) - 1):
        if text[place] in both and text[place + 1] in both | before:
            found += [_put(text, place, text[place] + count * TATWEEL) for count in TATWEELS]
    return _plain(found)


def _spaces(word: Word, _region: str) -> Options:
    """Split after a letter that does not join the next (a gap is there already), or after an And; joined to the next
    word where such a letter ends this one.
    """
    text, places = word.text, letters(word.text)
    apart = {*alphabet.joining_letters()[1], ALEF_MAKSURA, keyboard.HAMZA}
    ends = [one for one in places if text[one] in apart]
    cuts = [one + 1 for one in ends if one in places[1:-2] or (one == places[0] and text[one] == WAW)]
    found = [(f"{text[:cut]} {text[cut:]}", 0) for cut in cuts if len(places) > 3]
    if word.joins and places[-1] in ends:
        found.append((text, 1))
    return found


def _dialect(word: Word, region: str) -> Options:
    said, text = _said()[region], _key(word.text)
    if text.startswith(WAW) and text not in said:  # "and", which is written with the word
        return _plain(WAW + other for other in said.get(text[1:], ()))
    return _plain(said.get(text, ()))


def _arabizi(word: Word, region: str) -> Options:
    """In Latin letters: with the usual forms, and with others for the letters that have them."""
    rows, text = _latin()[region], "".join(word.text[place] for place in letters(word.text))
    if any(char not in rows for char in text):
        return []
    every = [[_form(rows[letter], text, place, which) for place, letter in enumerate(text)] for which in (0, -1)]
    return _plain(map(_vowelled, every))


KINDS: dict[str, Kind] = {
    "hamza": _hamza,
    "endings": _endings,
    "keyboard": _keyboard,
    "dots": _dots,
    "dropped": _dropped,
    "doubled": _doubled,
    "diacritics": _diacritics,
    "elongation": _elongation,
    "spaces": _spaces,
    "dialect": _dialect,
    "arabizi": _arabizi,
}


def _put(text: str, place: int, other: str) -> str:
    return text[:place] + other + text[place + 1 :]


def _plain(texts: Iterable[str]) -> Options:
    return [(text, 0) for text in texts]


def _replaced(text: str, places: Iterable[int], others: dict[str, tuple[str, ...]]) -> Options:
    return _plain(_put(text, place, other) for place in places for other in others.get(text[place], ()))


@lru_cache(maxsize=1)
def _shapes() -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """Letters with another's dots, or none: of the last letter of a word, and of those before it."""
    everywhere = {letter: tuple(group.replace(letter, "")) for group in SHAPES for letter in group}
    inner = {letter: tuple(group.replace(letter, "")) for group in INNER_SHAPES for letter in group}
    return everywhere, everywhere | inner


def _key(text: str) -> str:
    """A word as it is looked up: without marks, and with one Alef."""
    return "".join(ALEF if char in alphabet.ALEF_VARIANTS else char for char in text if char not in MARKS)


@lru_cache(maxsize=1)
def _said() -> dict[str, dict[str, tuple[str, ...]]]:
    """What is said in a region for a standard word."""
    rows = read_table("code_switch.tsv")
    return {
        region: {_key(row["form"]): tuple(row[region].split(",")) for row in rows if row[region]} for region in REGIONS
    }


@lru_cache(maxsize=1)
def _latin() -> dict[str, dict[str, tuple[str, ...]]]:
    """Latin forms of each letter in a region."""
    rows = read_table("arabizi.tsv")
    return {region: {row["letter"]: tuple(row[region].split(",")) for row in rows} for region in REGIONS}


def _form(forms: tuple[str, ...], text: str, place: int, which: int) -> str:
    """Of a Waw or Yeh its neighbours decide: it is a consonant at the beginning and before a vowel, else a vowel."""
    if text[place] not in GLIDES:
        return forms[which]
    after = text[place + 1 : place + 2]
    return forms[0 if place == 0 or (after and after in VOWEL_LETTERS) else -1]


def _vowelled(latin: Sequence[str]) -> str:
    """Forms of letters with the short vowels that Arabic does not write: an a where a syllable needs one."""
    found, bare = "", 0  # consonants since the last vowel
    for place, form in enumerate(latin):
        if form[0] not in VOWELS and (bare > 1 or (bare and place == 1)):
            found, bare = found + "a", 0
        found, bare = found + form, 0 if form[-1] in VOWELS else bare + 1
    return found
