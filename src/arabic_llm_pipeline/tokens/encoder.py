"""Texts to ids, and which tokens lie in given spans of a text."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from arabic_llm_pipeline.tokens.template import Span

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

Ids = NDArray[np.uint32]
Mask = NDArray[np.uint8]


class Encoder:
    """A tokenizer without special tokens, padding or truncation; for any number of threads."""

    def __init__(self, tokenizer: "Tokenizer"):
        self._tokenizer = tokenizer

    def ids(self, texts: Sequence[str]) -> list[Ids]:
        """The ids of texts."""
        return [_ids(found) for found in self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)]

    def marked(self, texts: Sequence[tuple[str, list[Span]]]) -> list[tuple[Ids, Mask]]:
        """The ids of texts, and 1 for tokens that hold a character of one of the text's spans."""
        encodings = self._tokenizer.encode_batch([text for text, _ in texts], add_special_tokens=False)
        return [(_ids(found), _mask(found, spans)) for found, (_, spans) in zip(encodings, texts, strict=True)]


def _ids(encoding: "Encoding") -> Ids:
    return np.array(encoding.ids, dtype=np.uint32)


def _mask(encoding: "Encoding", spans: list[Span]) -> Mask:
    """1 for tokens that hold a character of a span, as `assistant_masks` of transformers."""
    mask = np.zeros(len(encoding), dtype=np.uint8)
    for start, end in spans:
        if start == end:
            continue
        first, last = encoding.char_to_token(start), encoding.char_to_token(end - 1)
        if first is None or last is None:  # a tokenizer that drops characters: look at every token
            return overlap(encoding.offsets, spans)
        mask[first : _last_of(encoding, last) + 1] = 1
    return mask


def _last_of(encoding: "Encoding", token: int) -> int:
    """The last token of the character that a token is of: rare characters are several tokens."""
    place = encoding.token_to_chars(token)
    while token + 1 < len(encoding) and encoding.token_to_chars(token + 1) == place:
        token += 1
    return token


def overlap(places: Sequence[Span], spans: list[Span]) -> Mask:
    """1 for tokens that hold a character of a span, by where each lies in the text."""
    starts, ends = np.array(places, dtype=np.int64).reshape(-1, 2).T
    mask = np.zeros(len(places), dtype=np.uint8)
    for start, end in spans:
        mask |= ((starts < end) & (ends > start)).astype(np.uint8)
    return mask
