"""The token store: documents as the trainers read them, a file a split."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.tokens.columns import Array, ColumnFile, files

Ints = NDArray[np.int64]


class TaggedFile(ColumnFile):
    """Rows that have a source and a dialect, kept as small numbers whose names the file knows."""

    tags: ClassVar[tuple[str, ...]]
    offsets_of: ClassVar[dict[str, str]]  # columns that say where rows end in another column
    mapped: ClassVar[tuple[str, ...]]  # columns that may be memory-mapped
    shared: ClassVar[dict[str, str]] = {}  # columns that hold equal values once, and those that say which one a row has

    def __len__(self) -> int:
        return self.count("source_ids")

    def row(self, i: int) -> tuple[Array, ...]:
        """What a row holds."""
        raise NotImplementedError

    def __getitem__(self, at: int | slice) -> Any:
        """A row, as `row` gives it and as a list counts them, or a list of those of a slice."""
        rows = len(self)
        if isinstance(at, slice):
            return [self.row(i) for i in range(*at.indices(rows))]
        if not -rows <= at < rows:
            raise IndexError(f"row {at} of {rows}")
        return self.row(at % rows)

    def names(self, tag: str) -> list[str]:
        """The values that a tag (kind, source, dialect) has in the whole store; a row's number is the place in it."""
        return list(self.about[f"{tag}_names"])

    def tagged(self, tag: str) -> Array:
        """The value of a tag for each row, by name."""
        return np.array(self.names(tag), dtype=np.str_)[self._numbers(tag)]

    @property
    def sources(self) -> Array:
        """The source of each row."""
        return self.tagged("source")

    @property
    def dialects(self) -> Array:
        """The dialect of each row."""
        return self.tagged("dialect")

    def _numbers(self, tag: str) -> Array:
        return self.column(f"{tag}_ids")

    def _select(self, wanted: dict[str, Sequence[str] | None]) -> Ints:
        chosen = np.ones(len(self), dtype=bool)
        for tag, values in wanted.items():
            if values is not None:
                chosen &= np.isin(self._numbers(tag), self._known(tag, values))
        return np.flatnonzero(chosen)

    def _known(self, tag: str, values: Sequence[str]) -> list[int]:
        """Numbers of names; a source that is not there is misspelt, a kind or dialect may just not occur."""
        names = self.names(tag)
        if tag == "source" and (unknown := [value for value in values if value not in names]):
            raise UserError(f"No source is called {unknown[0]!r} in {self.path.parent}. There are: {', '.join(names)}.")
        return [names.index(value) for value in values if value in names]


class TokenSplit(TaggedFile):
    """The documents of one split: token ids and loss masks, one after the other in corpus order.

    `loss_mask` is 1 where a token is to be learned: what the assistant says and the token that ends its turn; in
    prose everything.
    """

    form = "documents"
    tags = ("kind", "source", "dialect")
    offsets_of: ClassVar = {"offsets": "tokens"}
    mapped = ("tokens", "loss_mask")

    @property
    def kinds(self) -> Array:
        """The kind of each document: prose, instruction or conversation."""
        return self.tagged("kind")

    @cached_property
    def offsets(self) -> Ints:
        """Where each document starts in the tokens of the split, and where the last one ends; [documents + 1]."""
        return self.column("offsets")

    @property
    def lengths(self) -> Ints:
        """Tokens of each document."""
        return np.diff(self.offsets)

    @property
    def loss_tokens(self) -> Array:
        """Tokens of each document that are to be learned."""
        return self.column("loss_tokens")

    @property
    def text_words(self) -> Array:
        """Words of each document, by spaces, the template's not counted."""
        return self.column("text_words")

    @property
    def text_bytes(self) -> Array:
        """Length of each document's text in UTF-8, the template's not counted."""
        return self.column("text_bytes")

    def row(self, i: int) -> tuple[Array, ...]:
        """Tokens and loss mask of a document."""
        return self.document(i)

    def document(self, i: int) -> tuple[Array, Array]:
        """Tokens and loss mask of a document, however long it is."""
        return self.piece(i, 0, int(self.offsets[i + 1] - self.offsets[i]))

    def piece(self, i: int, start: int, length: int) -> tuple[Array, Array]:
        """Tokens and loss mask of a part of a document, as `packing.cut` hands them out."""
        return self.window(int(self.offsets[i]) + start, length)

    def turn_end(self, i: int, limit: int) -> int:
        """Tokens of a document up to the end of the last answer that ends within a limit; 0 if none does."""
        _, mask = self.piece(i, 0, min(limit + 1, int(self.lengths[i])))
        ends = np.flatnonzero((mask[:-1] == 1) & (mask[1:] == 0))
        return int(ends[-1]) + 1 if len(ends) else 0

    def window(self, start: int, length: int) -> tuple[Array, Array]:
        """Tokens and loss mask of any stretch of the split, across the borders of documents."""
        return self.read("tokens", start, start + length), self.read("loss_mask", start, start + length)

    def random_window(self, length: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Tokens and loss mask of a stretch that begins anywhere; all there is, if that is less."""
        start = int(rng.integers(max(1, self.count("tokens") - length + 1)))
        return self.window(start, min(length, self.count("tokens")))

    def select(
        self,
        kinds: Sequence[str] | None = None,
        sources: Sequence[str] | None = None,
        dialects: Sequence[str] | None = None,
    ) -> Ints:
        """The documents that have one of the named values in each tag that is given, in corpus order.

        Raises:
            UserError: the store has no such kind, source or dialect.
        """
        return self._select({"kind": kinds, "source": sources, "dialect": dialects})


Split = TypeVar("Split", bound=TaggedFile)


class Store(Generic[Split]):
    """A directory with a file for each split, of whatever form it says."""

    split_class: type[Split] = TaggedFile  # type: ignore[assignment]

    def __init__(self, directory: Path):
        self.directory = directory

    @property
    def splits(self) -> list[str]:
        """Names of the splits that are there."""
        return [path.stem for path in files(self.directory)]

    def split(self, name: str) -> Split:
        """One split.

        Raises:
            UserError: its file is not there, not whole, or of another layout.
        """
        return self.split_class(self.directory / f"{name}.h5")

    def verify(self) -> None:
        """Compare all that is there with its checksums.

        Raises:
            UserError: something is damaged.
        """
        for name in self.splits:
            with self.split(name) as split:
                split.verify()

    def check_made_from(self, digests: Mapping[str, str]) -> None:
        """Make sure that this store was made from what is at hand.

        Args:
            digests: of tokenizer and template (`tokenizer.digests`), or of the corpus (`writing.corpus_digest`).

        Raises:
            UserError: it was made from others.
        """
        for name in self.splits:
            with self.split(name) as split:
                self._compare(split, digests)

    def _compare(self, split: Split, digests: Mapping[str, str]) -> None:
        for part, digest in digests.items():
            if (found := split.about[part]) != digest:
                raise UserError(
                    f"{split.path} was made with another {part} ({found[:12]}, not {digest[:12]}): its numbers would "
                    "stand for other text. Make it again: kedro run --pipelines=tokenize"
                )


class TokenStore(Store[TokenSplit]):
    """The documents of a corpus as tokens."""

    split_class = TokenSplit
