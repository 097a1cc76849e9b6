"""From the token store to a trainer's batches: no second tokenisation, no copy."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.training import DocumentLoopSettings, DocumentSelection, Mixture
from arabic_llm_pipeline.tokens.mixture import Draws
from arabic_llm_pipeline.tokens.packing import Pieces, cut, pack
from arabic_llm_pipeline.tokens.store import Ints, Split, TokenStore
from arabic_llm_pipeline.training.schedule import lay_out

if TYPE_CHECKING:
    from torch import Tensor

IGNORED = -100  # label of what is not learned
HELD_OUT = "dev"  # the split that validation scores; test is for evaluation alone
ONCE = {"mixture": Mixture(), "steps": 0, "epochs": 1.0}  # what changes in settings for it
PADDING = 0  # any token: it comes last in its row, so nothing that is learned sees it
Batch = dict[str, Any]


class DocumentRows:
    """Rows of documents: one in each, or several side by side that do not see each other."""

    def __init__(
        self, directory: Path, settings: DocumentLoopSettings, vocabulary: int, seed: int, split: str = "train"
    ):
        """Choose documents, cut them to the store's window, and lay them in rows.

        Args:
            directory: of a token store.
            settings: selection, mixture, packing, padding, and what is done to conversations that are too long.
            vocabulary: rows of the model's embedding.
            seed: of what a mixture draws.
            split: of the store.

        Raises:
            UserError: nothing is chosen, the selection names what is not there, or the store is damaged.
        """
        self.split, self.vocabulary = whole(TokenStore(directory).split(split)), vocabulary
        self.window, self.padding_free = int(self.split.about["window"]), settings.padding_free
        self.chosen = self._chosen(settings.selection)
        self.further = self._further(settings)
        self.pieces = self._cut(np.concatenate((self.chosen, self.further)), settings.too_long)
        self.draws = Draws(self.split, self.chosen, settings.mixture, seed)
        self.rows, self.passes = self._laid_out(settings, seed)
        if not self.rows:
            raise UserError(f"Nothing in {directory} is chosen to train on by {settings.selection!r}.")

    def collate(self, rows: Sequence[int]) -> Batch:
        """Token ids, position ids that begin anew with each document, and labels, all [rows, longest].

        There is no attention mask: the borders of documents are taken from the position ids, in sdpa and eager for
        any number of rows, in flash attention for one. Padding goes on counting, so it belongs to the last document of
        its row, which does not look ahead. Without padding all is one row, [1, tokens].
        """
        contents = [[self._piece(piece) for piece in self.rows[row]] for row in rows]
        if self.padding_free:
            contents = [[piece for content in contents for piece in content]]
        lengths = [sum(len(tokens) for tokens, _ in content) for content in contents]
        ids = np.full((len(contents), max(lengths)), PADDING, dtype=np.int64)
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

    def held_out(self, directory: Path, settings: DocumentLoopSettings, seed: int) -> "DocumentRows":
        """All that is chosen of the dev split, each once.

        Raises:
            UserError: nothing is.
        """
        return DocumentRows(directory, settings.model_copy(update=ONCE), self.vocabulary, seed, HELD_OUT)

    def records(self, rows: Sequence[int]) -> Ints:
        """The documents of a micro-batch, as rows of the store, in the order in which they lie in it."""
        return self.pieces.document[np.concatenate([self.rows[row] for row in rows])]

    def starts(self, rows: Sequence[int], width: int) -> Ints:
        """Where each of them begins in the micro-batch laid flat, whose rows are so wide."""
        lengths = [self.pieces.length[self.rows[row]] for row in rows]
        if self.padding_free:
            lengths = [np.concatenate(lengths)]
        return np.concatenate([np.cumsum(of) - of + width * place for place, of in enumerate(lengths)])

    def about(self) -> dict[str, Any]:
        """What is trained on, in figures: rows of a pass, what was cut, how full rows are, shares of the mixture."""
        first = self.rows[: self.passes[0]]
        tokens = int(self.pieces.length[np.concatenate(first)].sum())
        return {
            "rows": len(first),
            "tokens": tokens,
            "cut": self.pieces.truncated,
            "dropped": self.pieces.dropped,
            "lost_tokens": self.pieces.lost,
            "fill": round(tokens / (len(first) * self.window), 4),
            **self.draws.about(),
        }

    def _further(self, settings: DocumentLoopSettings) -> Ints:  # noqa: ARG002
        """Documents whose pieces stand behind those of the chosen ones; none here."""
        return self.chosen[:0]

    def _laid_out(self, settings: DocumentLoopSettings, seed: int) -> tuple[list[Ints], tuple[int, ...]]:  # noqa: ARG002
        """The rows of all passes, and how many each has."""
        return lay_out(lambda number: self._lay(number, settings.packing), settings, self.draws.differ)

    def _chosen(self, selection: DocumentSelection) -> Ints:
        """Documents that are asked for and have anything to learn."""
        wanted = self.split.select(kinds=selection.kinds, sources=selection.sources, dialects=selection.dialects)
        return wanted[self.split.loss_tokens[wanted] > 0]

    def _cut(self, chosen: Ints, too_long: str) -> Pieces:
        goes_on = (self.split.kinds == "prose") | (too_long == "split")
        kept = np.minimum(self.split.lengths, self.window)
        for document in chosen[(self.split.lengths[chosen] > self.window) & ~goes_on[chosen]]:
            kept[document] = self._kept(int(document), too_long)
        return cut(self.split.lengths, goes_on, kept, chosen, self.window)

    def _kept(self, document: int, too_long: str) -> int:
        """Tokens that are left of a conversation that is too long: none, if none of them is learned."""
        if too_long == "drop":
            return 0
        if too_long == "turn":
            return self.split.turn_end(document, self.window)
        return self.window if self.split.piece(document, 0, self.window)[1][1:].any() else 0

    def _lay(self, number: int, packing: bool) -> list[Ints]:
        return self._in_rows(self.pieces.of(self.draws.drawn(number)), packing)

    def _in_rows(self, pieces: Ints, packing: bool) -> list[Ints]:
        return pack(self.pieces.length, self.window, pieces) if packing else list(pieces[:, None])

    def _piece(self, piece: int) -> tuple[np.ndarray, np.ndarray]:
        pieces = self.pieces
        place = (int(part[piece]) for part in (pieces.document, pieces.start, pieces.length))
        tokens, mask = self.split.piece(*place)
        return tokens.astype(np.int64), mask  # signed: IGNORED is no token


class WindowRows:
    """Rows of running text, each a window of the whole split, across the borders of documents."""

    def __init__(self, directory: Path, vocabulary: int, split: str = "train"):
        """Divide the split.

        Raises:
            UserError: there is less text than one window, or the store is damaged.
        """
        self.split, self.vocabulary = whole(TokenStore(directory).split(split)), vocabulary
        self.window = int(self.split.about["window"])
        self.tokens = self.split.count("tokens")
        self.passes = ((self.tokens - 1) // self.window,)
        if self.passes[0] < 1:
            raise UserError(f"{directory} has {self.tokens} tokens to train on, less than a window of {self.window}.")
        self.rows = range(self.passes[0])

    def held_out(self, directory: Path, settings: Any, seed: int) -> "WindowRows":  # noqa: ARG002
        """The dev split.

        Raises:
            UserError: it is less than one window.
        """
        return WindowRows(directory, self.vocabulary, HELD_OUT)

    def records(self, rows: Sequence[int]) -> Ints:
        """The documents that a micro-batch has tokens of, as rows of the store, in their order in it."""
        return np.concatenate([np.arange(*self._documents(row)) for row in rows])

    def starts(self, rows: Sequence[int], width: int) -> Ints:
        """Where each of them begins, or goes on, in the micro-batch laid flat, whose rows are so wide."""
        found = []
        for place, row in enumerate(rows):
            first, last = self._documents(row)
            found.append(place * width + np.maximum(self.split.offsets[first:last] - row * self.window, 0))
        return np.concatenate(found)

    def _documents(self, row: int) -> tuple[int, int]:
        """First of a row, and the one after the last."""
        start, offsets = row * self.window, self.split.offsets
        first = int(np.searchsorted(offsets, start, "right")) - 1
        return first, int(np.searchsorted(offsets, start + self.window + 1, "left"))

    def about(self) -> dict[str, Any]:
        """What is trained on, in figures: rows of a pass, and tokens."""
        return {"rows": self.passes[0], "tokens": self.passes[0] * self.window}

    def collate(self, rows: Sequence[int]) -> Batch:
        """Token ids and labels, [rows, window + 1]: each row ends with the token the next begins with."""
        ids = np.stack([self.split.window(row * self.window, self.window + 1)[0] for row in rows]).astype(np.int64)
        positions = np.broadcast_to(np.arange(ids.shape[1]), ids.shape).copy()
        labels = ids.copy()
        labels[:, 0] = IGNORED
        return _tensors(self.vocabulary, ids.size, input_ids=ids, position_ids=positions, labels=labels)


def whole(split: Split) -> Split:
    """A split whose checksums were compared: once a training, as a damaged token would be learned without a word."""
    split.verify()
    return split


def _tensors(vocabulary: int, tokens: int, **arrays: np.ndarray) -> Batch:
    import torch

    check(int(arrays["input_ids"].max()), vocabulary)
    found: dict[str, Tensor | int] = {name: torch.from_numpy(array) for name, array in arrays.items()}
    return {**found, "tokens": tokens}


def check(highest: int, vocabulary: int) -> None:
    """Whether the model knows every token of a batch.

    Args:
        highest: of the batch's token ids.
        vocabulary: rows of the model's embedding.

    Raises:
        UserError: it does not.
    """
    if highest >= vocabulary:
        raise UserError(
            f"The token store holds token {highest}, the model's embedding has {vocabulary} rows: they do not belong "
            "together. Set tokenizer.source=base and make the tokens again."
        )
