"""Words that were encoded before are looked up: texts are mostly words that came already (Zipf's law)."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from functools import cached_property
from itertools import pairwise
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from arabic_llm_pipeline.tokens.encoder import Encoder, Ids, Mask
from arabic_llm_pipeline.tokens.template import Span

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MOST = 1_000_000  # words that are kept: some 200 MB
TOGETHER = 512  # new words that are encoded as one text
SPACE = "\u0120"  # LATIN CAPITAL LETTER G WITH DOT ABOVE: how byte-level tokens write the byte of a space
# A space between two characters that are none: in byte-level BPE a pre-token begins there. Python counts a few more
# characters as spaces than the patterns of tokenizers do, so that no border of theirs is missed.
BORDER = re.compile(r"(?<=\S) (?=\S)")
DOUBTFUL = re.compile(r"\s | \s|^ | $")
LETTERS = r"\p{L}"
KINDS = (  # a word, a mark alone, digits of two kinds, signs, a suffix, a tatweel before a new line, an emoji, a joiner
    "\u0643\u062a\u0628", "\u064b", "\u0661\u0662", "12", "...", "a", "\u060c", "'s", "\u0640\nx", "(", "\U0001f600",
    "\u200c",
)  # fmt: skip


class Memo(Encoder):
    """Remembers the ids of words, each with the space before it; what it gives is what the tokenizer gives.

    It is for tokenizers of which `splits_at_spaces` is true.
    """

    def __init__(self, tokenizer: "Tokenizer"):
        super().__init__(tokenizer)
        self._words: dict[str, bytes] = {}  # word -> ids of a space and it, in four bytes each
        self._coming: dict[str, Future[None]] = {}  # words that some thread is encoding
        self._lock = Lock()

    def ids(self, texts: Sequence[str]) -> list[Ids]:
        """The ids of texts."""
        return [_joined(parts) for parts in self._parts([words(text) for text in texts])]

    def marked(self, texts: Sequence[tuple[str, list[Span]]]) -> list[tuple[Ids, Mask]]:
        """The ids of texts, and 1 for tokens that hold a character of one of the text's spans."""
        split = [words(text) for text, _ in texts]
        found = self._parts(split)
        return [
            (_joined(parts), self._mask(text, parts, spans))
            for text, parts, (_, spans) in zip(split, found, texts, strict=True)
        ]

    def _parts(self, texts: Sequence[list[str]]) -> list[list[bytes]]:
        """The ids of each word of texts, as bytes; the first has no space before it."""
        firsts = list({text[0] for text in texts})
        begin = dict(zip(firsts, (ids.tobytes() for ids in super().ids(firsts)), strict=True))
        known = self._learned({word for text in texts for word in text[1:]})
        return [[begin[text[0]], *map(known.__getitem__, text[1:])] for text in texts]

    def _learned(self, wanted: set[str]) -> dict[str, bytes]:
        """The words that are known, these among them; no two threads encode the same."""
        done: Future[None] = Future()
        with self._lock:
            if len(self._words) > MOST:
                self._words, self._coming = {}, {}
            known, coming = self._words, self._coming
            unknown = wanted.difference(known)
            others = {coming[word] for word in unknown.intersection(coming)}
            new = list(unknown.difference(coming))
            coming.update(dict.fromkeys(new, done))
        try:
            known.update(self._encoded(new))
        except BaseException as error:
            done.set_exception(error)
            raise
        with self._lock:
            for word in new:
                del coming[word]
        done.set_result(None)
        for other in others:
            other.result()
        return known

    def _encoded(self, new: list[str]) -> Iterator[tuple[str, bytes]]:
        """Words with the ids of a space and each: many as one text, cut where a token begins by a space."""
        apart = [word for word in new if word.split() != [word]]  # with spaces of its own
        plain = list(set(new).difference(apart)) if apart else new
        groups = [plain[start : start + TOGETHER] for start in range(0, len(plain), TOGETHER)]
        for group, ids in zip(groups, super().ids([" " + " ".join(group) for group in groups]), strict=True):
            starts = np.flatnonzero(self._spaced[ids])
            if len(starts) == len(group) and starts[0] == 0:
                whole, ends = ids.tobytes(), [*(4 * starts).tolist(), 4 * len(ids)]
                yield from zip(group, (whole[start:end] for start, end in pairwise(ends)), strict=True)
            else:  # a token of two words, or of a space within one
                apart += group
        yield from zip(apart, (ids.tobytes() for ids in super().ids([f" {word}" for word in apart])), strict=True)

    @cached_property
    def _spaced(self) -> NDArray[np.bool_]:
        """For each token whether it begins by a space; [ids]."""
        tokens = self._tokenizer.get_vocab(with_added_tokens=True)
        spaced = np.zeros(max(tokens.values()) + 1, dtype=bool)
        spaced[[number for token, number in tokens.items() if token[:1] == SPACE]] = True
        return spaced

    def _mask(self, text: Sequence[str], parts: Sequence[bytes], spans: list[Span]) -> Mask:
        """By words; those that a span begins or ends in are looked at by themselves."""
        begins, sizes = _places(text), np.array([len(part) // 4 for part in parts])
        inside, at_edges = _words_in(begins, spans)
        mask, ends = np.repeat(inside, sizes), np.cumsum(sizes)
        for word in at_edges:
            clipped = _clipped(spans, int(begins[word]), int(begins[word + 1]))
            [(_, part)] = super().marked([(f"{' ' if word else ''}{text[word]}", clipped)])
            mask[ends[word] - sizes[word] : ends[word]] = part
        return mask


def _joined(parts: Sequence[bytes]) -> Ids:
    return np.frombuffer(b"".join(parts), dtype=np.uint32)


def words(text: str) -> list[str]:
    """A text split where it can be encoded apart: joined by spaces, the words are the text."""
    return text.split(" ") if not DOUBTFUL.search(text) else BORDER.split(text)


def _places(text: Sequence[str]) -> NDArray[np.int64]:
    """Where each word begins, with the space before it, and where the text ends; [words + 1]."""
    sizes = np.fromiter(map(len, text), dtype=np.int64, count=len(text))
    sizes[1:] += 1
    return np.concatenate([[0], np.cumsum(sizes)])


def _words_in(begins: NDArray[np.int64], spans: list[Span]) -> tuple[Mask, list[int]]:
    """For each word whether a span holds it, and the words that a span begins or ends in."""
    inside, at_edges = np.zeros(len(begins) - 1, dtype=np.uint8), set()
    for start, end in spans:
        if start == end:
            continue
        first, last = (int(np.searchsorted(begins, place, side="right")) - 1 for place in (start, end - 1))
        inside[first : last + 1] = 1
        at_edges |= {word for word, edge, at in ((first, first, start), (last, last + 1, end)) if begins[edge] != at}
    return inside, sorted(at_edges)


def _clipped(spans: list[Span], begin: int, end: int) -> list[Span]:
    """The parts of spans in a stretch of the text, counted from its beginning."""
    return [
        (max(start, begin) - begin, min(stop, end) - begin) for start, stop in spans if start < end and stop > begin
    ]


def splits_at_spaces(tokenizer: "Tokenizer") -> bool:
    """Whether a tokenizer is a byte-level BPE whose pre-tokens begin at a space between two words.

    That is so for the patterns of GPT-2, GPT-4, Llama 3, Qwen and their like: no branch of theirs goes on over a space
    once it has matched something else. It is tried, too, on words of letters, numbers, marks and signs.
    """
    from tokenizers import models

    added = tokenizer.get_added_tokens_decoder().values()
    return (
        isinstance(tokenizer.model, models.BPE)
        and not any(token.lstrip or token.rstrip or token.single_word or " " in token.content for token in added)
        and _about(tokenizer.normalizer).get("type", "NFC") == "NFC"
        and _byte_level(_about(tokenizer.pre_tokenizer))
        and _holds(tokenizer)
    )


def _about(part: Any) -> dict[str, Any]:
    """What tokenizer.json says of a normaliser or pre-tokenizer."""
    return dict(json.loads(part.__getstate__())) if part is not None else {}


def _byte_level(pre_tokenizer: dict[str, Any]) -> bool:
    steps = list(_steps(pre_tokenizer))
    if not steps or steps[-1]["type"] != "ByteLevel" or steps[-1]["add_prefix_space"]:
        return False
    by_pattern = any(LETTERS in step.get("pattern", {}).get("Regex", "") for step in steps)
    known = {step["type"] for step in steps} <= {"Split", "ByteLevel", "Digits"}
    return known and (by_pattern or steps[-1]["use_regex"])


def _steps(pre_tokenizer: dict[str, Any]) -> Iterable[dict[str, Any]]:
    for step in pre_tokenizer.get("pretokenizers", [pre_tokenizer]):
        if step:
            yield step


def _holds(tokenizer: "Tokenizer") -> bool:
    """Try all pairs of kinds of words."""
    texts = [f"{one} {other}" for one in KINDS for other in KINDS]
    whole = [encoding.ids for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
    found = [ids.tolist() for ids in Memo(tokenizer).ids(texts)]
    return whole == found
