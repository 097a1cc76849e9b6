"""The store of preference pairs: a prompt and two answers to it, as tokens, a file a split."""

from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

import numpy as np

from arabic_llm_pipeline.tokens.columns import Array
from arabic_llm_pipeline.tokens.store import Ints, Store, TaggedFile

PARTS = ("prompt", "chosen", "rejected")


class PairSplit(TaggedFile):
    """The pairs of one split.

    A prompt ends where the assistant begins to speak; an answer is what it says and the token that ends its turn. What
    a model sees is prompt + answer.
    """

    form = "pairs"
    tags = ("source", "dialect")
    offsets_of: ClassVar = {f"{part}_offsets": part for part in PARTS}
    mapped = PARTS

    @cached_property
    def offsets(self) -> dict[str, Ints]:
        """For prompt, chosen and rejected: where each pair's starts in the tokens of all; [pairs + 1]."""
        return {part: self.column(f"{part}_offsets") for part in PARTS}

    @property
    def lengths(self) -> Ints:
        """Tokens of prompt, chosen and rejected answer of each pair; [pairs, 3]."""
        return np.stack([np.diff(self.offsets[part]) for part in PARTS], axis=1)

    def pair(self, i: int) -> tuple[Array, Array, Array]:
        """Token ids of the prompt, the chosen and the rejected answer."""
        prompt, chosen, rejected = (self._part(part, i) for part in PARTS)
        return prompt, chosen, rejected

    @property
    def cut(self) -> Array:
        """1 for pairs whose prompt or answers were too long and were cut."""
        return self.column("cut")

    def select(self, sources: Sequence[str] | None = None, dialects: Sequence[str] | None = None) -> Ints:
        """The pairs that have one of the named values in each tag that is given, in corpus order.

        Raises:
            UserError: the store has no such source or dialect.
        """
        return self._select({"source": sources, "dialect": dialects})

    def _part(self, part: str, i: int) -> Array:
        offsets = self.offsets[part]
        return self.read(part, int(offsets[i]), int(offsets[i + 1]))


class PairStore(Store[PairSplit]):
    """The preference pairs of a corpus as tokens."""

    split_class = PairSplit
