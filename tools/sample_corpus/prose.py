"""The hand-written prose: which documents there are, which are held out, and which go into which file."""

import re
from dataclasses import dataclass
from pathlib import Path

from words import stable_order

PROSE = Path(__file__).parent / "prose"
HEADER = re.compile(r"^=== (\w+) \| (\w+) \| (.+)$", re.MULTILINE)
SENTENCE_END = re.compile(r"(?<=[.!؟?…»])\s+(?=\S)|\n+")
SHORTEST = 3  # words of a sentence that stands alone
# documents of each file that are held out, spoilt, or cut into sentences; the others are trained on whole
SHARES = {
    "msa_encyclopedia": {"test": 3, "dev": 2, "dirty": 0, "sentences": 0},
    "msa_general": {"test": 4, "dev": 2, "dirty": 6, "sentences": 3},
    "egy": {"test": 2, "dev": 1, "dirty": 1, "sentences": 4},
    "lev": {"test": 2, "dev": 1, "dirty": 1, "sentences": 4},
    "glf": {"test": 2, "dev": 1, "dirty": 1, "sentences": 4},
    "mgr": {"test": 2, "dev": 1, "dirty": 1, "sentences": 4},
}
WHOLE = "documents"


@dataclass(frozen=True)
class Piece:
    """One document of prose; a line of its text that begins with ## is the heading of a section."""

    name: str
    dialect: str
    genre: str
    title: str
    text: str

    @property
    def row(self) -> dict[str, str]:
        """The document as the files hold it."""
        return {"id": self.name, "title": self.title, "text": plain(self.text), "dialect": self.dialect}


def pieces(file: str) -> list[Piece]:
    """The documents of one prose file, in its order."""
    _, *parts = HEADER.split((PROSE / f"{file}.txt").read_text(encoding="utf-8"))
    found = zip(parts[0::4], parts[1::4], parts[2::4], parts[3::4], strict=True)
    return [
        Piece(f"{file.replace('_', '-')}-{number:02d}", dialect, genre, title.strip(), text.strip())
        for number, (dialect, genre, title, text) in enumerate(found, start=1)
    ]


def shared_out() -> dict[str, dict[str, list[Piece]]]:
    """Prose file -> use -> documents: each document has one use, chosen by a stable order of the titles."""
    return {file: _shared_out(file, shares) for file, shares in SHARES.items()}


def _shared_out(file: str, shares: dict[str, int]) -> dict[str, list[Piece]]:
    left = {piece.title: piece for piece in pieces(file)}
    order = stable_order(list(left))
    uses: dict[str, list[Piece]] = {}
    for use, number in shares.items():
        uses[use] = [left[title] for title in order[:number]]
        order = order[number:]
    return uses | {WHOLE: [piece for piece in left.values() if piece.title in order]}


def plain(text: str) -> str:
    """The text with its headings as paragraphs."""
    return re.sub(r"^## (.+)\n+", r"\1\n\n", text, flags=re.MULTILINE)


def sentences(piece: Piece) -> list[str]:
    """The sentences of a document, without those that are a word or two."""
    found = (sentence.strip() for sentence in SENTENCE_END.split(plain(piece.text)))
    return [sentence for sentence in found if len(sentence.split()) >= SHORTEST]
