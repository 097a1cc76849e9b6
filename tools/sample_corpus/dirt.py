"""The dirt of the sample, counted: in the files where it would be found, and in a source of its own."""

from collections import Counter
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import spoil
import writing
import wrong
from prose import Piece
from words import rows

Counts = Counter[tuple[str, str]]
BOM = "\ufeff".encode()
REPEATED = 20  # instructions
IN_PLACE: list[tuple[str, int, str, Callable[[str, Random], str | None]]] = [  # what, how many, in which field, how
    ("input is null", 20, "input", lambda _text, _rng: None),
    ("mark-up", 8, "output", lambda text, _rng: f"<p><b>{text}</b>&nbsp;</p>"),
    ("tatweel", 8, "instruction", lambda text, rng: spoil.stretched(text, rng, share=1.0)),
    ("presentation forms", 8, "instruction", lambda text, _rng: spoil.presentation_forms(text)),
    ("invisible characters", 8, "instruction", lambda text, rng: spoil.controlled(text, rng, share=1.0)),
]
WAYS: list[tuple[str, Callable[[str, Random], str]]] = [
    ("mark-up", lambda text, _rng: spoil.marked_up(text)),
    ("presentation forms", lambda text, _rng: spoil.presentation_forms(text)),
    ("tatweel", spoil.stretched),
    ("invisible characters", spoil.controlled),
    ("decomposed letters", lambda text, _rng: spoil.decomposed(text)),
    ("Persian letters", lambda text, _rng: spoil.foreign_letters(text)),
]


class Soil:
    """Puts dirt into files and counts it."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.counts: Counts = Counter()

    def strew(self, file: str, lines: list[Any], dirt: list[tuple[str, Any]]) -> list[Any]:
        """The lines with dirty ones between them, never before the first."""
        lines = list(lines)
        for what, line in dirt:
            lines.insert(self.rng.randrange(1, len(lines)), line)
            self.counts[file, what] += 1
        return lines

    def instructions(self, records: list[dict[str, Any]]) -> list[Any]:
        """The training instructions: some spoilt in place, some repeated, some that are none."""
        file = "bactrian_x/ar.json.gz"
        records = [dict(record) for record in records]
        alone = [number for number, record in enumerate(records) if not record["input"]]
        chosen = iter(self.rng.sample(alone, sum(number for _, number, _, _ in IN_PLACE) + 2 * REPEATED))
        for what, number, key, change in IN_PLACE:
            for record in (records[next(chosen)] for _ in range(number)):
                record[key] = change(record[key], self.rng)
                self.counts[file, what] += 1
        twice = [("exact duplicate", dict(records[next(chosen)])) for _ in range(REPEATED)]
        nearly = [("near duplicate", self._reworded(records[next(chosen)])) for _ in range(REPEATED)]
        residue = [
            ("Latin residue", {"instruction": asked, "input": "", "output": said, "id": f"dolly-{60100 + number}"})
            for number, (asked, said) in enumerate(rows("residue"))
        ]
        return self.strew(file, records, twice + nearly + residue + wrong.INSTRUCTIONS)

    def _reworded(self, record: dict[str, Any]) -> dict[str, Any]:
        number = self.rng.randrange(61_000, 69_000)
        return record | {"instruction": f"{record['instruction']} من فضلك", "id": f"alpaca-{number}"}

    def trees(self, values: list[dict[str, Any]]) -> bytes:
        """The message trees, and one whose line was cut off."""
        lines = writing.json_lines(values).splitlines()
        cut = [("broken JSON", lines[0][: len(lines[0]) // 2].decode(errors="ignore").encode())]
        return _joined(self.strew("oasst/2023-04-12_oasst_ready.trees.jsonl.gz", lines, cut))

    def pairs(self, values: list[dict[str, str]]) -> bytes:
        """The preference pairs, and some that are none."""
        lines = writing.json_lines(values).splitlines()
        return _joined(self.strew("preference/pairs.jsonl.xz", lines, wrong.PAIRS))

    def sentences(self, values: list[tuple[str, str]]) -> bytes:
        """Dialect sentences under a header, some twice, some with invisible characters, and lines that are none."""
        file = "dialects/sentences.tsv.gz"
        lines = [f"{text}\t{dialect}".encode() for text, dialect in values]
        twice = [("exact duplicate", line) for line in self.rng.sample(lines, 8)]
        for place in self.rng.sample(range(len(values)), 6):
            text, dialect = values[place]
            lines[place] = f"{spoil.controlled(text, self.rng, share=1.0)}\t{dialect}".encode()
            self.counts[file, "invisible characters"] += 1
        return b"text\tdialect\n" + _joined(self.strew(file, lines, twice + wrong.SENTENCES))

    def web(self, pieces: list[Piece], elsewhere: list[Piece]) -> bytes:
        """A source of dirt: prose spoilt in every way, copies of documents of other files, lines that are none."""
        file = "dirty/web.jsonl.gz"
        dirt = [*self._spoilt(pieces), *self._copies(elsewhere), *_comments(), *_advertisements(self.rng)]
        self.rng.shuffle(dirt)
        self.counts.update((file, what) for what, _, _ in dirt)
        values = [
            {"id": f"web-{number:03d}", "title": title, "text": text} for number, (_, title, text) in enumerate(dirt)
        ]
        lines = self.strew(file, writing.json_lines(values).splitlines(), wrong.WEB)
        self.counts[file, "byte order mark"] += 1
        self.counts[file, "line ends in CR LF"] += 2
        return BOM + b"\r\n".join(lines[:3]) + b"\n" + _joined(lines[3:])

    def _spoilt(self, pieces: list[Piece]) -> Iterator[tuple[str, str | None, str]]:
        for number, piece in enumerate(pieces):
            what, change = WAYS[number % len(WAYS)]
            yield what, piece.title, change(piece.row["text"], self.rng)

    def _copies(self, pieces: list[Piece]) -> Iterator[tuple[str, str | None, str]]:
        for number, piece in enumerate(pieces):
            text = piece.row["text"]
            yield (
                ("near duplicate", piece.title, spoil.nearly(text, self.rng))
                if number % 2
                else ("exact duplicate", piece.title, text)
            )


def _joined(lines: list[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def _comments() -> Iterator[tuple[str, str | None, str]]:
    for what, text in rows("comments"):
        yield what.replace("_", " "), None, spoil.misread(text) if what == "misread" else text


def _advertisements(rng: Random) -> Iterator[tuple[str, str | None, str]]:
    """The same text ten times with another price and telephone number."""
    [(template,)] = rows("advertisement")
    for _ in range(10):
        price, number = rng.randrange(100, 900), rng.randrange(100_000, 999_999)
        yield "advertisement", None, template.format(price=price, number=number)
