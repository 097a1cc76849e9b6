"""What a tokenizer is learned from: pieces of text as strings of units, and what was learned as a byte-level model.

A unit is what no token is ever learned inside of: a byte; or a character, or an Arabic letter with its diacritics. The
trainers of `tokenizers` see each unit as one private character. In the model that comes of it, a unit is put together
from its bytes by merges that stand before all others, so that nothing is merged across its borders first.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from arabic_llm_pipeline.arabic.alphabet import ARABIC_LETTERS, ARABIC_MARKS
from arabic_llm_pipeline.common.errors import UserError

if TYPE_CHECKING:
    from tokenizers.models import BPE, Unigram
    from tokenizers.trainers import Trainer

FIRST = 0xF0000  # plane 15, for private use
BREAK = "\n"  # between pieces
CLUSTER = re.compile(f"[{ARABIC_LETTERS}][{ARABIC_MARKS}]+|.", re.DOTALL)
BYTES = 256
DIGITS = 6  # of a score; beyond, it hangs on the order in which the library adds up
WORST = 10.0  # less likely than any other piece: bytes, which stand for what was not learned
CHUNK = 10_000


def byte_letters() -> dict[int, str]:
    """The character that stands for each byte in byte-level vocabularies (GPT-2's table)."""
    from tokenizers.pre_tokenizers import ByteLevel

    shown = [byte for byte in range(BYTES) if chr(byte).isprintable() and not chr(byte).isspace() and byte != 0xAD]
    letters = {byte: chr(byte) for byte in shown}
    letters |= {byte: chr(BYTES + i) for i, byte in enumerate(sorted(set(range(BYTES)) - set(shown)))}
    assert set(letters.values()) == set(ByteLevel.alphabet())  # noqa: S101  a table that GPT-2 fixed
    return letters


class Units:
    """Units by number, and text as strings of them."""

    def __init__(self, units: Sequence[bytes], clusters: bool):
        """Number the units.

        Args:
            units: what each stands for.
            clusters: text is cut into characters and marked letters; else into bytes.
        """
        self.units, self._clusters = list(units), clusters
        self._codes = {unit: chr(FIRST + number) for number, unit in enumerate(self.units)}

    @classmethod
    def of_bytes(cls) -> "Units":
        """All bytes, in the order of the characters that stand for them."""
        letters = byte_letters()
        return cls([bytes([byte]) for byte in sorted(letters, key=letters.__getitem__)], clusters=False)

    @classmethod
    def of_characters(cls, pieces: Mapping[str, int], coverage: float) -> "Units":
        """Characters and marked letters that make up so much of all of them, the frequent ones first."""
        counts: Counter[str] = Counter()
        for piece, count in pieces.items():
            for unit in CLUSTER.findall(piece):
                counts[unit] += count
        plain, marked = ({u: n for u, n in counts.items() if (len(u) > 1) is several} for several in (False, True))
        plain |= dict.fromkeys((char for unit in marked for char in unit if char not in plain), 0)
        chosen = [*_covering(plain, coverage, {c for u in marked for c in u}), *_covering(marked, coverage, set())]
        return cls([unit.encode() for unit in chosen], clusters=True)

    def cut(self, piece: str) -> Iterator[str]:
        """A piece as strings of units; it breaks where a character is no unit."""
        parts = [unit.encode() for unit in CLUSTER.findall(piece)] if self._clusters else _bytes(piece.encode())
        run = "".join(self._codes.get(part, BREAK) for part in parts)
        yield from filter(None, run.split(BREAK))

    def spelt(self, token: str) -> bytes:
        """What a string of units stands for."""
        return b"".join(self.units[ord(code) - FIRST] for code in token)

    @property
    def alphabet(self) -> list[str]:
        """The characters that stand for the units."""
        return list(self._codes.values())

    def merges(self) -> list[tuple[bytes, bytes]]:
        """Merges that put each unit together from its bytes: its characters first, then one by one from the left."""
        found: dict[tuple[bytes, bytes], None] = {}
        for unit in self.units:
            characters = [char.encode() for char in unit.decode()] if self._clusters else []
            for character in characters:
                found |= dict.fromkeys(_steps(_bytes(character)))
            found |= dict.fromkeys(_steps(characters))
        return list(found)


def _covering(counts: Mapping[str, int], coverage: float, always: set[str]) -> list[str]:
    """The most frequent, until they make up so much of all; and some, however rare."""
    left, chosen = coverage * sum(counts.values()), []
    for unit, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
        if left > 0 or unit in always:
            chosen.append(unit)
        left -= count
    return chosen


def _bytes(text: bytes) -> list[bytes]:
    return [text[i : i + 1] for i in range(len(text))]


def _steps(parts: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
    whole = parts[0] if parts else b""
    for part in parts[1:]:
        yield whole, part
        whole += part


def learn_bpe(pieces: Mapping[str, int], units: Units, size: int, min_frequency: int, special: list[str]) -> "BPE":
    """Byte-pair encoding over units, as a byte-level model; its special tokens come first.

    Raises:
        UserError: the vocabulary is too small for the units.
    """
    from tokenizers import models, trainers

    forced, letters = units.merges(), byte_letters()
    _check_room(size - len(special) - BYTES - len(forced), size, units, len(forced), special)
    trainer = trainers.BpeTrainer(
        vocab_size=len(units.units) + size - len(special) - BYTES - len(forced),
        min_frequency=min_frequency,
        initial_alphabet=units.alphabet,
        limit_alphabet=len(units.units),
        show_progress=False,
    )
    learned = _trained(models.BPE(), trainer, pieces, units)["merges"]
    merges = [*forced, *((units.spelt(left), units.spelt(right)) for left, right in learned)]
    shown = [(_shown(left, letters), _shown(right, letters)) for left, right in merges]
    tokens = [*special, *sorted(letters.values()), *(left + right for left, right in shown)]
    return models.BPE(vocab={token: number for number, token in enumerate(dict.fromkeys(tokens))}, merges=shown)


def learn_unigram(pieces: Mapping[str, int], units: Units, size: int) -> "Unigram":
    """A unigram language model over units, as a byte-level model without special tokens.

    Single bytes that no piece is are less likely than any: they spell what was not learned.

    Raises:
        UserError: the vocabulary is too small for the units.
    """
    from tokenizers import models, trainers

    letters = byte_letters()
    single = sum(len(unit) == 1 for unit in units.units)
    wanted = size - BYTES + single
    _check_room(wanted - len(units.units), size, units, len(units.units) - single, [])
    trainer = trainers.UnigramTrainer(vocab_size=wanted, special_tokens=[], show_progress=False)
    found = {}
    for token, score in _trained(models.Unigram(), trainer, pieces, units)["vocab"]:
        found[_shown(units.spelt(token), letters)] = round(score, DIGITS)
    worst = round(min(found.values()) - WORST, DIGITS)
    found |= {letter: worst for letter in letters.values() if letter not in found}
    return models.Unigram(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))


def _trained(model: Any, trainer: "Trainer", pieces: Mapping[str, int], units: Units) -> dict[str, Any]:
    """What a trainer makes of pieces, as tokenizer.json has it."""
    from tokenizers import Tokenizer, pre_tokenizers

    blank: Tokenizer = Tokenizer(model)
    blank.pre_tokenizer = pre_tokenizers.CharDelimiterSplit(BREAK)
    blank.train_from_iterator(_repeated(pieces, units), trainer)
    return dict(json.loads(blank.to_str())["model"])


def _repeated(pieces: Mapping[str, int], units: Units) -> Iterator[str]:
    """Every piece as often as it was found: the trainers count for themselves."""
    waiting: list[str] = []
    for piece, count in pieces.items():
        for run in units.cut(piece):
            waiting.extend((run + BREAK) * min(CHUNK, count - done) for done in range(0, count, CHUNK))
        if len(waiting) >= CHUNK:
            yield "".join(waiting)
            waiting = []
    yield "".join(waiting)


def _shown(token: bytes, letters: Mapping[int, str]) -> str:
    return "".join(letters[byte] for byte in token)


def _check_room(left: int, size: int, units: Units, merges: int, special: list[str]) -> None:
    if left < 0:
        raise UserError(
            f"tokenizer_training.vocabulary={size} is too small: {BYTES} bytes, {len(special)} control tokens and "
            f"{merges} tokens for {len(units.units)} characters and marked letters are in it before anything is "
            "learned. Set a larger vocabulary, or a lower tokenizer_training.coverage."
        )
