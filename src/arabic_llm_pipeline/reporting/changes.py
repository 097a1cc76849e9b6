"""Documents before and after cleaning: which are shown, what is marked in them, and what went, in words."""

import difflib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from arabic_llm_pipeline.reporting.view import count, listed

# Words (Arabic marks and tatweel stay in them), runs of space, signs one by one: joined again, they are the text.
WORDS = re.compile(r"(?:[^\W_]|[\u0610-\u061a\u0640\u064b-\u065f\u0670])+|\s+|.", re.DOTALL)
CONTEXT = 60  # characters shown before the first change
CUT = "\N{HORIZONTAL ELLIPSIS}"
LOOKED_AT = 3  # times the characters that are shown: so that both sides can end at the same word
PRESENTATION_FORMS = ((0xFB50, 0xFDFF), (0xFE70, 0xFEFC))  # Unicode's blocks Arabic Presentation Forms-A and -B
KINDS = {  # general category of Unicode, or its first letter -> in words
    "Cf": "invisible characters",
    "Cc": "control characters",
    "C": "unassigned characters",
    "M": "marks",
    "N": "digits",
    "Z": "spaces",
    "S": "signs",
    "P": "signs",
}
Text = tuple[str, str, str]  # id, before, after


@dataclass(frozen=True)
class Piece:
    """A stretch of a text that cleaning kept, removed or put in."""

    kind: str  # same, del, ins
    text: str


@dataclass(frozen=True)
class Change:
    """A document before and after cleaning."""

    form: ClassVar[str] = "change"  # of the card that shows it
    id: str
    lost: str
    before: Sequence[Piece]
    after: Sequence[Piece]


def kind(character: str) -> str:
    """What kind of thing a character is, for a person who asks what cleaning took away."""
    if any(low <= ord(character) <= high for low, high in PRESENTATION_FORMS):
        return "presentation forms"
    if character.isspace():
        return "spaces"
    category, name = unicodedata.category(character), unicodedata.name(character, "")
    if category[0] != "L":
        return KINDS.get(category, KINDS.get(category[0], "signs"))
    if name == "ARABIC TATWEEL":
        return "tatweel"
    script = name.partition(" ")[0]
    return f"{script.capitalize()} letters" if script in {"ARABIC", "LATIN"} else "letters of other scripts"


def lost(before: str, after: str) -> Counter[str]:
    """How many characters of each kind there were more before than there are after."""
    kinds: Counter[str] = Counter()
    for character, number in (Counter(before) - Counter(after)).items():
        kinds[kind(character)] += number
    return kinds


def chosen(rows: Iterable[Text], most: int) -> list[Text]:
    """Some documents that show many kinds of change: each adds most to those before it; of equals, the short ones."""
    ordered = sorted(rows, key=lambda row: (len(row[1]), row[0]))
    left = [(frozenset(lost(before, after)), (id_, before, after)) for id_, before, after in ordered]
    seen: set[str] = set()
    found: list[Text] = []
    while left and len(found) < most:
        best = max(left, key=lambda row: len(row[0] - seen))
        left.remove(best)
        seen |= best[0]
        found.append(best[1])
    return found


def change(id_: str, before: str, after: str, excerpt: int) -> Change:
    """Mark what differs between two texts word by word, from shortly before the first difference.

    Args:
        id_: of the document.
        before: its text as it was read.
        after: its text as it is taught.
        excerpt: characters after which both sides end, where the texts are longer.
    """
    start = max(0, next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), 0) - CONTEXT)
    old, new = (WORDS.findall(text[start : start + LOOKED_AT * excerpt]) for text in (before, after))
    left: list[Piece] = []
    right: list[Piece] = []
    for tag, i, j in _words(old, new):
        if sum(len(piece.text) for piece in left) > excerpt or sum(len(piece.text) for piece in right) > excerpt:
            break
        _append(left, Piece("same" if tag == "equal" else "del", "".join(old[slice(*i)])))
        _append(right, Piece("same" if tag == "equal" else "ins", "".join(new[slice(*j)])))
    words = listed(f"{name} ({count(number)})" for name, number in sorted(lost(before, after).items()))
    return Change(id_, words, left, right)


def put_in(before: str, after: str) -> list[Piece]:
    """A text, with the words marked that an earlier one has not at that place."""
    pieces: list[Piece] = []
    old, new = WORDS.findall(before), WORDS.findall(after)
    for tag, _, j in _words(old, new):
        _append(pieces, Piece("same" if tag == "equal" else "ins", "".join(new[slice(*j)])))
    return [piece for piece in pieces if piece.text]


def marked(before: str, after: str, excerpt: int) -> list[Piece]:
    """What became of a text, from its beginning, in one line of pieces: what went stands before what came for it.

    Args:
        before: as it was read.
        after: as it is taught.
        excerpt: characters after which the line ends; a piece that is an ellipsis says so.
    """
    old, new = (WORDS.findall(text[: LOOKED_AT * excerpt]) for text in (before, after))
    pieces: list[Piece] = []
    shown = 0
    for piece in _in_one_line(old, new):
        if shown > excerpt:
            return [*pieces, Piece("same", CUT)]
        _append(pieces, piece)
        shown += len(piece.text)
    return pieces


def _in_one_line(old: Sequence[str], new: Sequence[str]) -> Iterator[Piece]:
    """Word by word; what both begin with is not searched for changes."""
    same = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    yield from (Piece("same", word) for word in old[:same])
    for tag, i, j in _words(old[same:], new[same:]):
        yield Piece("same" if tag == "equal" else "del", "".join(old[same:][slice(*i)]))
        if tag != "equal":
            yield Piece("ins", "".join(new[same:][slice(*j)]))


Span = tuple[int, int]


def _words(old: Sequence[str], new: Sequence[str]) -> Iterable[tuple[str, Span, Span]]:
    """What became of the words; those that stayed one by one, so that an excerpt can end after any of them."""
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            both = zip(pairwise(range(i1, i2 + 1)), pairwise(range(j1, j2 + 1)), strict=True)
            yield from ((tag, i, j) for i, j in both)
        else:
            yield tag, (i1, i2), (j1, j2)


def _append(pieces: list[Piece], piece: Piece) -> None:
    """Neighbours of one kind are one piece."""
    if pieces and pieces[-1].kind == piece.kind:
        pieces[-1] = Piece(piece.kind, pieces[-1].text + piece.text)
    elif piece.text:
        pieces.append(piece)
