"""The keys of the Arabic keyboard, and which letters lie beside each other on it.

The layout is Arabic (101), which Windows and most keyboards sold in Arab countries have; keys as in Unicode's CLDR,
keyboards/windows/ar-t-k0-windows.xml. The rows stand as on keyboards of ANSI's shape: the home row a quarter of a key
to the right of the row above, the lowest row half a key to the right of the home row.
"""

from collections.abc import Iterator
from functools import lru_cache

from arabic_llm_pipeline.arabic import alphabet

DAD = "\N{ARABIC LETTER DAD}"
SAD = "\N{ARABIC LETTER SAD}"
THEH = "\N{ARABIC LETTER THEH}"
QAF = "\N{ARABIC LETTER QAF}"
FEH = "\N{ARABIC LETTER FEH}"
GHAIN = "\N{ARABIC LETTER GHAIN}"
AIN = "\N{ARABIC LETTER AIN}"
KHAH = "\N{ARABIC LETTER KHAH}"
HAH = "\N{ARABIC LETTER HAH}"
JEEM = "\N{ARABIC LETTER JEEM}"
DAL = "\N{ARABIC LETTER DAL}"
SHEEN = "\N{ARABIC LETTER SHEEN}"
SEEN = "\N{ARABIC LETTER SEEN}"
BEH = "\N{ARABIC LETTER BEH}"
TEH = "\N{ARABIC LETTER TEH}"
NOON = "\N{ARABIC LETTER NOON}"
TAH = "\N{ARABIC LETTER TAH}"
HAMZA = "\N{ARABIC LETTER HAMZA}"
REH = "\N{ARABIC LETTER REH}"
ZAIN = "\N{ARABIC LETTER ZAIN}"
ZAH = "\N{ARABIC LETTER ZAH}"
THAL = "\N{ARABIC LETTER THAL}"

# Q to ], A to ', Z to / of an English keyboard; the key of B gives two letters. Thal lies alone, left of the digits.
UPPER = (DAD, SAD, THEH, QAF, FEH, GHAIN, AIN, alphabet.HEH, KHAH, HAH, JEEM, DAL)
HOME = (SHEEN, SEEN, alphabet.YEH, BEH, alphabet.LAM, alphabet.ALEF, TEH, NOON, alphabet.MEEM, alphabet.KAF, TAH)
LOWER = (
    alphabet.YEH_HAMZA, HAMZA, alphabet.WAW_HAMZA, REH, alphabet.LAM + alphabet.ALEF, alphabet.ALEF_MAKSURA,
    alphabet.TEH_MARBUTA, alphabet.WAW, ZAIN, ZAH,
)  # fmt: skip
ROWS = ((0.0, UPPER), (0.25, HOME), (0.75, LOWER))  # how far each is moved to the right, in keys
# With the shift key; without it the same key gives what ROWS has.
SHIFTED = {
    alphabet.ALEF_HAMZA_ABOVE: alphabet.ALEF,
    alphabet.ALEF_HAMZA_BELOW: GHAIN,
    alphabet.ALEF_MADDA: alphabet.ALEF_MAKSURA,
}


@lru_cache(maxsize=1)
def neighbours() -> dict[str, tuple[str, ...]]:
    """What the keys that touch a letter's key give; of a letter typed with shift, what comes without it."""
    keys = list(_keys())
    found = {
        letters: tuple(other for other, there in keys if other != letters and _touch(place, there))
        for letters, place in keys
    }
    return found | {letter: (plain,) for letter, plain in SHIFTED.items()}


def _keys() -> Iterator[tuple[str, tuple[float, int]]]:
    for row, (offset, letters) in enumerate(ROWS):
        for place, letter in enumerate(letters):
            yield letter, (offset + place, row)


def _touch(one: tuple[float, int], other: tuple[float, int]) -> bool:
    beside, below = abs(one[0] - other[0]), abs(one[1] - other[1])
    return beside == 1 if below == 0 else below == 1 and beside < 1
