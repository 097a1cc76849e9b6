"""Tokens as a person reads them: text, and which parts of it count in the loss."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

OPEN, CLOSE = "\u27e6", "\u27e7"  # MATHEMATICAL LEFT, RIGHT WHITE SQUARE BRACKET: in no corpus and on every screen


def parts(
    tokenizer: "PreTrainedTokenizerFast", ids: Sequence[int], learned: Sequence[bool]
) -> Iterator[tuple[str, bool]]:
    """Stretches of a row as text, each with whether it is learned; control tokens are written out."""
    for is_learned, group in groupby(zip(ids, learned, strict=True), key=lambda token: bool(token[1])):
        yield str(tokenizer.decode([token for token, _ in group])), is_learned


def bracketed(tokenizer: "PreTrainedTokenizerFast", ids: Sequence[int], learned: Sequence[bool]) -> str:
    """A row as one text, what is learned in brackets."""
    return "".join(f"{OPEN}{text}{CLOSE}" if on else text for text, on in parts(tokenizer, ids, learned))
