"""The stores of preference pairs and of feedback: a prompt and answers to it, as tokens, a file a split."""

from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

import numpy as np

from arabic_llm_pipeline.tokens.columns import Array
from arabic_llm_pipeline.tokens.store import Ints, Store, TaggedFile

PROMPT = "prompt"


class PromptSplit(TaggedFile):
    """The rows of one split: a prompt, and one answer to it or two. Equal prompts lie there once.

    A prompt ends where the assistant begins to speak; an answer is what it says and the token that ends its turn. What
    a model sees is prompt + answer.
    """

    answers: ClassVar[tuple[str, ...]]
    tags = ("source", "dialect")
    shared: ClassVar = {PROMPT: "prompt_rows"}

    @cached_property
    def offsets(self) -> dict[str, Ints]:
        """For the prompts and each answer: where one starts in the tokens of all, and where the last one ends."""
        return {part: self.column(f"{part}_offsets") for part in (PROMPT, *self.answers)}

    @cached_property
    def prompt_rows(self) -> Array:
        """Which of the prompts each row has."""
        return self.column("prompt_rows")

    @property
    def lengths(self) -> Ints:
        """Tokens of the prompt and of each answer; [rows, 1 + answers]."""
        prompts = np.diff(self.offsets[PROMPT])[self.prompt_rows]
        return np.stack([prompts, *(np.diff(self.offsets[part]) for part in self.answers)], axis=1)

    @property
    def cut(self) -> Array:
        """1 for rows whose prompt or answers were too long and were cut."""
        return self.column("cut")

    def row(self, i: int) -> tuple[Array, ...]:
        """Token ids of the prompt and of each answer."""
        return self._part(PROMPT, int(self.prompt_rows[i])), *(self._part(part, i) for part in self.answers)

    def select(self, sources: Sequence[str] | None = None, dialects: Sequence[str] | None = None) -> Ints:
        """The rows that have one of the named values in each tag that is given, in corpus order.

        Raises:
            UserError: the store has no such source or dialect.
        """
        return self._select({"source": sources, "dialect": dialects})

    def _part(self, part: str, i: int) -> Array:
        offsets = self.offsets[part]
        return self.read(part, int(offsets[i]), int(offsets[i + 1]))


class PairSplit(PromptSplit):
    """Preference pairs: a chosen and a rejected answer."""

    form = "pairs"
    answers = ("chosen", "rejected")
    mapped = (PROMPT, *answers)
    offsets_of: ClassVar = {"prompt_offsets": "prompt", "chosen_offsets": "chosen", "rejected_offsets": "rejected"}

    @property
    def margins(self) -> Array:
        """By how much the chosen answer is better, as its source says; not a number where it says nothing."""
        return self.column("margin")


class FeedbackSplit(PromptSplit):
    """Feedback: one answer, and whether it is good."""

    form = "feedback"
    answers = ("completion",)
    mapped = (PROMPT, *answers)
    offsets_of: ClassVar = {"prompt_offsets": "prompt", "completion_offsets": "completion"}

    @property
    def labels(self) -> Array:
        """1 for completions that are good."""
        return self.column("label")


class PairStore(Store[PairSplit]):
    """The preference pairs of a corpus as tokens."""

    split_class = PairSplit


class FeedbackStore(Store[FeedbackSplit]):
    """The feedback of a corpus as tokens."""

    split_class = FeedbackSplit
