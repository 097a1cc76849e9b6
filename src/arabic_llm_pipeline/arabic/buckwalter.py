"""Buckwalter's transliteration, in which older corpora are written, to Arabic letters.

One ASCII character a letter or mark (T. Buckwalter, 2002); the blocks U+0621-063A and U+0640-0652 in their order, and
six letters outside them.
"""

LETTERS = "'|>&<}AbptvjHxd*rzs$SDTZEg"
MARKS = "_fqklmnhwYyFNKaui~o"
OTHERS = {"`": "\u0670", "{": "\u0671", "P": "\u067e", "J": "\u0686", "V": "\u06a4", "G": "\u06af"}
TABLE = str.maketrans(
    {char: chr(0x0621 + place) for place, char in enumerate(LETTERS)}
    | {char: chr(0x0640 + place) for place, char in enumerate(MARKS)}
    | OTHERS
)
GAP = "<UNK>"  # what speech recognition could not write


def to_arabic(text: str) -> str:
    """A transliterated text in Arabic letters; other characters stay."""
    return text.replace(GAP, " ").translate(TABLE)
