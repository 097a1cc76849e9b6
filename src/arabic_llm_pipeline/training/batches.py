"""From the token store to a trainer's batches: no second tokenisation, no copy; the order hangs on the seed alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.training import DocumentSelection, LoopSettings, PairSelection, SftSettings
from arabic_llm_pipeline.tokens.packing import Pieces, cut, pack
from arabic_llm_pipeline.tokens.pairs import PairSplit, PairStore
from arabic_llm_pipeline.tokens.store import Ints, Split, TokenSplit, TokenStore

if TYPE_CHECKING:
    from torch import Tensor

IGNORED = -100  # label of what is not learned
PADDING = 0  # any token: it comes last in its row, so nothing that is learned sees it
Batch = dict[str, Any]


@dataclass(frozen=True)
class Schedule:
    """Which row comes when: a permutation for each pass, one after the other, cut to the steps."""

    rows: int  # that there are
    batch: int  # rows in an optimizer step
    steps: int
    seed: int

    def order(self) -> Ints:
        """Row of every place; [steps * batch]."""
        places = self.steps * self.batch
        passes = -(-places // self.rows)
        drawn = [np.random.default_rng([self.seed, number]).permutation(self.rows) for number in range(passes)]
        return np.concatenate(drawn)[:places]

    def epoch(self, step: int) -> float:
        """Passes over the data that so many steps make."""
        return step * self.batch / self.rows


def schedule(rows: int, settings: LoopSettings, steps: int, seed: int) -> Schedule:
    """As many steps as are asked for, or as the passes make.

    Args:
        rows: that there are.
        settings: batch, and passes.
        steps: asked for; 0: as many as the passes make.
        seed: of the order.
    """
    batch = settings.micro_batch * settings.accumulation
    return Schedule(rows, batch, steps or max(1, round(rows * settings.epochs / batch)), seed)


class DocumentRows:
    """Rows of documents: one in each, or several side by side that do not see each other."""

    def __init__(self, directory: Path, settings: SftSettings, vocabulary: int):
        """Choose documents, cut them to the store's window, and lay them in rows.

        Args:
            directory: of a token store.
            settings: selection and packing.
            vocabulary: rows of the model's embedding.

        Raises:
            UserError: nothing is chosen, the selection names what is not there, or the store is damaged.
        """
        self.split, self.vocabulary = _whole(TokenStore(directory).split("train")), vocabulary
        self.pieces = _pieces(self.split, settings.selection)
        everything = np.arange(len(self.pieces))
        window = int(self.split.about["window"])
        packed = settings.packing and len(everything)
        self.rows = pack(self.pieces.length, window, everything) if packed else list(everything[:, None])
        if not self.rows:
            raise UserError(f"Nothing in {directory} is chosen to train on by {settings.selection!r}.")

    def __len__(self) -> int:
        return len(self.rows)

    def collate(self, rows: Sequence[int]) -> Batch:
        """Token ids, position ids that begin anew with each document, and labels, all [rows, longest].

        There is no attention mask: on sdpa and eager the borders of documents are taken from the position ids.
        Padding goes on counting, so it belongs to the last document of its row, which does not look ahead.
        """
        contents = [[self._piece(piece) for piece in self.rows[row]] for row in rows]
        lengths = [sum(len(tokens) for tokens, _ in content) for content in contents]
        ids = np.full((len(rows), max(lengths)), PADDING, dtype=np.int64)
        labels = np.full_like(ids, IGNORED)
        positions = np.zeros_like(ids)
        for row, content in enumerate(contents):
            at = 0
            for tokens, mask in content:
                end = at + len(tokens)
                ids[row, at:end] = tokens
                labels[row, at + 1 : end] = np.where(mask[1:], tokens[1:], IGNORED)  # nothing foretells the first
                positions[row, at:] = np.arange(ids.shape[1] - at)
                at = end
        return _tensors(self.vocabulary, sum(lengths), input_ids=ids, position_ids=positions, labels=labels)

    def _piece(self, piece: int) -> tuple[np.ndarray, np.ndarray]:
        pieces = self.pieces
        place = (int(part[piece]) for part in (pieces.document, pieces.start, pieces.length))
        tokens, mask = self.split.piece(*place)
        return tokens.astype(np.int64), mask  # signed: IGNORED is no token


class WindowRows:
    """Rows of running text, each a window of the whole split, across the borders of documents."""

    def __init__(self, directory: Path, vocabulary: int):
        """Divide the split.

        Raises:
            UserError: there is less text than one window, or the store is damaged.
        """
        self.split, self.vocabulary = _whole(TokenStore(directory).split("train")), vocabulary
        self.window = int(self.split.about["window"])
        self.tokens = self.split.count("tokens")
        if not len(self):
            raise UserError(f"{directory} has {self.tokens} tokens to train on, less than a window of {self.window}.")

    def __len__(self) -> int:
        return (self.tokens - 1) // self.window

    def collate(self, rows: Sequence[int]) -> Batch:
        """Token ids and labels, [rows, window + 1]: each row ends with the token the next begins with."""
        ids = np.stack([self.split.window(row * self.window, self.window + 1)[0] for row in rows]).astype(np.int64)
        positions = np.broadcast_to(np.arange(ids.shape[1]), ids.shape).copy()
        labels = ids.copy()
        labels[:, 0] = IGNORED
        return _tensors(self.vocabulary, ids.size, input_ids=ids, position_ids=positions, labels=labels)


class PairRows:
    """Rows of preference pairs, as TRL's collator takes them."""

    def __init__(self, directory: Path, selection: PairSelection, vocabulary: int):
        """Choose pairs.

        Raises:
            UserError: nothing is chosen, the selection names what is not there, or the store is damaged.
        """
        from trl.trainer.dpo_trainer import DataCollatorForPreference

        self.split: PairSplit = _whole(PairStore(directory).split("train"))
        self.vocabulary = vocabulary
        chosen = self.split.select(sources=selection.sources, dialects=selection.dialects)
        self.chosen = self.split.weighted(chosen, selection.weights)
        self._collate = DataCollatorForPreference(pad_token_id=PADDING)
        if not len(self.chosen):
            raise UserError(f"No pair in {directory} is chosen to train on by {selection!r}.")

    def __len__(self) -> int:
        return len(self.chosen)

    def collate(self, rows: Sequence[int]) -> Batch:
        """Prompts with their chosen answers, then with their rejected ones, and masks of the answers."""
        pairs = [self.split.pair(int(self.chosen[row])) for row in rows]
        names = ("prompt_ids", "chosen_ids", "rejected_ids")
        batch = self._collate([dict(zip(names, (part.tolist() for part in pair), strict=True)) for pair in pairs])
        tokens = sum(2 * len(prompt) + len(chosen) + len(rejected) for prompt, chosen, rejected in pairs)
        _check(int(batch["input_ids"].max()), self.vocabulary)
        return {**batch, "tokens": tokens}


def _whole(split: Split) -> Split:
    """A split whose checksums were compared: once a training, as a damaged token would be learned without a word."""
    split.verify()
    return split


def _pieces(split: TokenSplit, selection: DocumentSelection) -> Pieces:
    """Chosen documents that have anything to learn, cut to the window."""
    chosen = split.select(kinds=selection.kinds, sources=selection.sources, dialects=selection.dialects)
    chosen = split.weighted(chosen[split.loss_tokens[chosen] > 0], selection.weights)
    return cut(split.lengths, split.kinds == "prose", chosen, int(split.about["window"]))


def _tensors(vocabulary: int, tokens: int, **arrays: np.ndarray) -> Batch:
    import torch

    _check(int(arrays["input_ids"].max()), vocabulary)
    found: dict[str, Tensor | int] = {name: torch.from_numpy(array) for name, array in arrays.items()}
    return {**found, "tokens": tokens}


def _check(highest: int, vocabulary: int) -> None:
    if highest >= vocabulary:
        raise UserError(
            f"The token store holds token {highest}, the model's embedding has {vocabulary} rows: they do not belong "
            "together. Set tokenizer.source=base and make the tokens again."
        )
