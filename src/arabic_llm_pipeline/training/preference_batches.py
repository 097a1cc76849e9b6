"""Pairs and feedback from the token store, as TRL's collators take them: no second tokenisation, no copy."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.preference import KtoSettings, PairLoopSettings, RewardSettings
from arabic_llm_pipeline.tokens.columns import Array
from arabic_llm_pipeline.tokens.mixture import Draws
from arabic_llm_pipeline.tokens.prompts import FeedbackStore, PairSplit, PairStore
from arabic_llm_pipeline.tokens.store import Ints
from arabic_llm_pipeline.training.batches import HELD_OUT, ONCE, PADDING, Batch, check, whole
from arabic_llm_pipeline.training.schedule import lay_out

log = logging.getLogger(__name__)
BALANCED = (1.0, 1.33)  # weight of all good answers over that of all bad ones; KTO's paper, equation 8: 1 to 4/3


class PairRows:
    """Rows of preference pairs."""

    def __init__(self, directory: Path, settings: PairLoopSettings, vocabulary: int, seed: int, split: str = "train"):
        """Choose pairs.

        Args:
            directory: of a pair store.
            settings: selection and mixture.
            vocabulary: rows of the model's embedding.
            seed: of what a mixture draws.
            split: of the store.

        Raises:
            UserError: nothing is chosen, the selection names what is not there, or the store is damaged.
        """
        from trl.trainer.dpo_trainer import DataCollatorForPreference

        self.split: PairSplit = whole(PairStore(directory).split(split))
        self.vocabulary = vocabulary
        chosen = self.split.select(sources=settings.selection.sources, dialects=settings.selection.dialects)
        self.draws = Draws(self.split, chosen, settings.mixture, seed)
        self.rows, self.passes = lay_out(
            lambda number: chosen[self.draws.drawn(number)].tolist(), settings, self.draws.differ
        )
        self._collate: Any = DataCollatorForPreference(pad_token_id=PADDING)
        self.reference: Array | None = None  # log-probabilities of the chosen and rejected answers; [rows, 2]
        if not self.rows:
            raise UserError(f"No pair in {directory} is chosen to train on by {settings.selection!r}.")

    def held_out(self, directory: Path, settings: PairLoopSettings, seed: int) -> "PairRows":
        """All that is chosen of the dev split, each once.

        Raises:
            UserError: nothing is.
        """
        return PairRows(directory, settings.model_copy(update=ONCE), self.vocabulary, seed, HELD_OUT)

    def records(self, rows: Sequence[int]) -> Ints:
        """The pairs of a micro-batch, as rows of the store."""
        return np.array([self.rows[row] for row in rows], dtype=np.int64)

    def about(self) -> dict[str, Any]:
        """What is trained on, in figures: rows of a pass, pairs that were cut, shares of the mixture."""
        first = self.rows[: self.passes[0]]
        return {"rows": len(first), "cut": int(self.split.cut[first].sum()), **self.draws.about()}

    def collate(self, rows: Sequence[int]) -> Batch:
        """Prompts with their chosen answers, then with their rejected ones, and masks of the answers."""
        pairs = [self.pair(row) for row in rows]
        names = ("prompt_ids", "chosen_ids", "rejected_ids")
        batch = self._collate([dict(zip(names, (part.tolist() for part in pair), strict=True)) for pair in pairs])
        tokens = sum(2 * len(prompt) + len(chosen) + len(rejected) for prompt, chosen, rejected in pairs)
        check(int(batch["input_ids"].max()), self.vocabulary)
        return {**batch, **self._reference(rows), "tokens": tokens}

    def pair(self, row: int) -> tuple[Array, ...]:
        """Token ids of prompt, chosen and rejected answer of a row."""
        return self.split.row(self.rows[row])

    def _reference(self, rows: Sequence[int]) -> Batch:
        import torch

        if self.reference is None:
            return {}
        chosen, rejected = torch.from_numpy(self.reference[list(rows)]).unbind(1)
        return {"ref_chosen_logps": chosen, "ref_rejected_logps": rejected}


class RewardRows(PairRows):
    """Rows of preference pairs as whole sequences, each of which a reward model gives one number."""

    def __init__(
        self,
        directory: Path,
        settings: RewardSettings,
        vocabulary: int,
        seed: int,
        padding: int,
        split: str = "train",
    ):
        """Choose pairs.

        Args:
            directory: of a pair store.
            settings: selection, mixture, and how much a pair's own margin counts.
            vocabulary: rows of the model's embedding.
            seed: of what a mixture draws.
            padding: token that no sequence ends in: transformers gives the number at the last token that is another.
            split: of the store.

        Raises:
            UserError: as of other pairs; or margins are to count, and no chosen pair has one.
        """
        from trl.trainer.reward_trainer import DataCollatorForPreference

        super().__init__(directory, settings, vocabulary, seed, split)
        self.padding, self._collate = padding, DataCollatorForPreference(pad_token_id=padding)
        self.margins = np.nan_to_num(self.split.margins[self.rows]) * settings.margin if settings.margin else None
        if self.margins is not None and not self.margins.any():
            raise UserError(
                f"reward.margin={settings.margin}, but none of the chosen pairs in {directory} has a margin. Set "
                "reward.margin=0, or name the column of margins in the source (sources.<name>.columns.margin)."
            )

    def held_out(self, directory: Path, settings: Any, seed: int) -> "RewardRows":
        """As of other pairs.

        Raises:
            UserError: nothing is chosen, or none of it has a margin.
        """
        once = settings.model_copy(update=ONCE)
        return RewardRows(directory, once, self.vocabulary, seed, self.padding, HELD_OUT)

    def about(self) -> dict[str, Any]:
        """As of other pairs; and how many have a margin, where these count."""
        count = {} if self.margins is None else {"with_margin": int((self.margins[: self.passes[0]] != 0).sum())}
        return {**super().about(), **count}

    def collate(self, rows: Sequence[int]) -> Batch:
        """Prompts with their chosen answers, then with their rejected ones; masks of all, and of the answers."""
        import torch

        pairs = [self.pair(row) for row in rows]
        prompts = [len(pair[0]) for pair in pairs] * 2
        whole = [[np.concatenate([pair[0], pair[part]]).tolist() for pair in pairs] for part in (1, 2)]
        batch = self._collate([{"chosen_ids": one, "rejected_ids": other} for one, other in zip(*whole, strict=True)])
        check(int(batch["input_ids"].max()), self.vocabulary)
        places = torch.arange(batch["input_ids"].shape[1])
        answers = batch["attention_mask"] * (places >= torch.tensor(prompts)[:, None])
        if self.margins is not None:
            batch["margin"] = torch.from_numpy(self.margins[list(rows)])
        return {**batch, "completion_mask": answers, "tokens": int(batch["attention_mask"].sum())}


class SampledRows(PairRows):
    """Rows of pairs that a model made itself."""

    def __init__(self, pairs: Sequence[tuple[Array, Array, Array]], vocabulary: int):
        """Take what is there.

        Args:
            pairs: token ids of prompt, better and worse answer.
            vocabulary: rows of the model's embedding.
        """
        from trl.trainer.dpo_trainer import DataCollatorForPreference

        self.pairs, self.vocabulary, self.reference = pairs, vocabulary, None
        self.rows, self.passes = list(range(len(pairs))), (len(pairs),)
        self._collate = DataCollatorForPreference(pad_token_id=PADDING)

    def about(self) -> dict[str, Any]:
        """How many there are."""
        return {"rows": len(self.rows)}

    def pair(self, row: int) -> tuple[Array, ...]:
        """Token ids of prompt, better and worse answer of a row."""
        return self.pairs[row]


class FeedbackRows:
    """Rows of answers that are good or bad, each for itself: records of feedback, or the two answers of each pair."""

    def __init__(self, directory: Path, settings: KtoSettings, vocabulary: int, seed: int, split: str = "train"):
        """Choose answers.

        Args:
            directory: of a pair store or a feedback store, as `settings.feedback` says.
            settings: selection, mixture and weights.
            vocabulary: rows of the model's embedding.
            seed: of what a mixture draws.
            split: of the store.

        Raises:
            UserError: nothing is chosen, the selection names what is not there, or the store is damaged.
        """
        from trl.trainer.kto_trainer import DataCollatorForUnpairedPreference

        self.paired = settings.feedback == "pairs"
        store: Any = PairStore(directory) if self.paired else FeedbackStore(directory)
        self.split = whole(store.split(split))
        self.vocabulary, self._mismatched = vocabulary, settings.loss_type == "kto"
        chosen = self.split.select(sources=settings.selection.sources, dialects=settings.selection.dialects)
        self.draws = Draws(self.split, chosen, settings.mixture, seed)
        self.rows, self.passes = lay_out(
            lambda number: self._answers(chosen[self.draws.drawn(number)]), settings, self.draws.differ
        )
        self._collate = DataCollatorForUnpairedPreference(pad_token_id=PADDING)
        if not self.rows:
            raise UserError(
                f"No {settings.feedback} in {directory} are chosen to train on by {settings.selection!r}. "
                "kto.feedback=pairs takes the answers of pairs, kto.feedback=feedback records of feedback."
            )
        if split != HELD_OUT:
            self._warn(settings)

    def held_out(self, directory: Path, settings: KtoSettings, seed: int) -> "FeedbackRows":
        """All that is chosen of the dev split, each once.

        Raises:
            UserError: nothing is.
        """
        return FeedbackRows(directory, settings.model_copy(update=ONCE), self.vocabulary, seed, HELD_OUT)

    def records(self, rows: Sequence[int]) -> Ints:
        """The rows of the store that the answers of a micro-batch are from."""
        return np.array([self.rows[row][0] for row in rows], dtype=np.int64)

    def about(self) -> dict[str, Any]:
        """What is trained on, in figures: answers of a pass, good ones, those that were cut, shares of the mixture."""
        first = self.rows[: self.passes[0]]
        cut = int(self.split.cut[[row for row, _, _ in first]].sum())
        return {"rows": len(first), "good": self._good(), "cut": cut, **self.draws.about()}

    def collate(self, rows: Sequence[int] | Sequence[tuple[int, int]]) -> Batch:
        """Prompts with an answer each and its label; and with an answer to another prompt.

        From the latter KTO estimates how far the model is from its reference at large.

        Args:
            rows: each with the row whose answer is the other; alone: with the one before it, the first's the last.
        """
        pairs = [row if isinstance(row, tuple) else (row, rows[place - 1]) for place, row in enumerate(rows)]
        answers = [self._row(row) for row, _ in pairs]
        examples = [
            {"prompt_ids": prompt, "completion_ids": answer, "KL_completion_ids": self._row(other)[1], "label": label}
            for (prompt, answer, label), (_, other) in zip(answers, pairs, strict=True)
        ]
        if not self._mismatched:
            for example in examples:
                del example["KL_completion_ids"]
        batch = self._collate(examples)
        check(int(batch["input_ids"].max()), self.vocabulary)
        return {**batch, "tokens": sum(len(prompt) + len(answer) for prompt, answer, _ in answers)}

    def _answers(self, rows: Ints) -> list[tuple[int, int, bool]]:
        """Row of the store, which of its parts is the answer, and whether that is good."""
        if self.paired:
            return [(int(row), answer, answer == 1) for row in rows for answer in (1, 2)]
        return [(int(row), 1, bool(self.split.labels[row])) for row in rows]

    def _row(self, row: int) -> tuple[list[int], list[int], bool]:
        stored, answer, label = self.rows[row]
        parts = self.split.row(stored)
        return parts[0].tolist(), parts[answer].tolist(), label

    def _good(self) -> int:
        return sum(label for _, _, label in self.rows[: self.passes[0]])

    def _warn(self, settings: KtoSettings) -> None:
        good, rows = self._good(), self.passes[0]
        ratio = settings.desirable_weight * good / (settings.undesirable_weight * max(rows - good, 1))
        if not BALANCED[0] <= round(ratio, 2) <= BALANCED[1]:
            log.warning(
                "Good answers weigh %.2f times what bad ones do (%d of %d are good). The paper has them between 1 and "
                "1.33: set kto.desirable_weight or kto.undesirable_weight.", ratio, good, rows
            )  # fmt: skip
