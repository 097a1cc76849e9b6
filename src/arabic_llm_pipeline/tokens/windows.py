"""What lies in a store, as a person reads it: windows back to text, with where documents end and what is learned."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.tokens.columns import Array, ColumnFile
from arabic_llm_pipeline.tokens.prompts import PROMPT, FeedbackSplit, PairSplit, PromptSplit
from arabic_llm_pipeline.tokens.store import Store, TaggedFile, TokenSplit
from arabic_llm_pipeline.tokens.tokenizer import digests, load_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

FORMS: dict[str, type[TaggedFile]] = {str(form.form): form for form in (TokenSplit, PairSplit, FeedbackSplit)}
ROLE = re.compile(r"^(system|user|assistant)\n")
MOST = 300  # windows of one split, however many sources there are


@dataclass(frozen=True)
class Stretch:
    """Tokens beside each other that are alike, as text."""

    text: str
    learned: bool
    control: bool  # tokens that no text is written with: turns, ends


@dataclass(frozen=True)
class Part:
    """A document in a window, or the prompt or an answer of a row."""

    name: str  # document, prompt, chosen, rejected, completion
    id: str
    tags: tuple[str, ...]  # source, dialect, kind
    tokens: int
    learned: int
    stretches: tuple[Stretch, ...]
    goes_on: bool = False

    @property
    def said(self) -> str:
        """The text without control tokens and the names of who speaks: which way it is written."""
        return "".join(ROLE.sub("", stretch.text) for stretch in self.stretches if not stretch.control)


@dataclass(frozen=True)
class Window:
    """A window of documents, or a row of answers to one prompt."""

    place: str  # where it lies in its split
    notes: tuple[str, ...]
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Shown:
    """Windows of one split of a store."""

    form: str  # documents, pairs, feedback
    split: str
    rows: int
    tokens: int
    window: int
    mapped: bool  # read from memory-mapped files, not from HDF5
    tokenizer: str
    windows: tuple[Window, ...]


def shown(store: Path, tokenizer_dir: Path, split: str, each: int, seed: int) -> Shown:
    """Some windows of a split, of every source and dialect that it has.

    Args:
        store: directory of a store of any form.
        tokenizer_dir: of the tokenizer that it was made with.
        split: name of the split.
        each: windows that are drawn of each source and dialect.
        seed: of the draw.

    Raises:
        UserError: there is no such split, it is damaged, or was made with another tokenizer.
    """
    there = Store(store).splits
    if split not in there:
        raise UserError(f"{store} has no split {split!r}. There are: {', '.join(there) or 'none'}.")
    Store(store).check_made_from(digests(tokenizer_dir))
    form = FORMS[ColumnFile(store / f"{split}.h5").about["form"]]
    tokenizer = load_tokenizer(tokenizer_dir)
    with form(store / f"{split}.h5") as file:
        decode = _window if isinstance(file, TokenSplit) else _answers
        rows = _drawn(file, each, seed)[:MOST]
        return Shown(
            form=str(form.form),
            split=split,
            rows=len(file),
            tokens=sum(file.count(name) for name in form.mapped if name != "loss_mask"),
            window=int(file.about["window"]),
            mapped=file.maps(form.mapped[0]),
            tokenizer=str(file.about["tokenizer"]),
            windows=tuple(decode(file, row, tokenizer) for row in rows),  # type: ignore[arg-type]
        )


def _drawn(file: TaggedFile, each: int, seed: int) -> list[int]:
    """Rows by source and dialect; of a tag that is rare, all."""
    rng = np.random.default_rng(seed)
    numbers = np.stack([file.column(f"{tag}_ids") for tag in ("source", "dialect")])
    groups, group = np.unique(numbers, axis=1, return_inverse=True)
    found: list[int] = []
    for place in range(groups.shape[1]):
        rows = np.flatnonzero(group.ravel() == place)
        found += np.sort(rng.permutation(rows)[:each]).tolist()
    return found


def _window(file: TokenSplit, row: int, tokenizer: "PreTrainedTokenizerFast") -> Window:
    """The window that begins where a document does, with all that lies in it."""
    start = int(file.offsets[row])
    end = min(start + int(file.about["window"]), file.count("tokens"))
    parts = []
    for document in range(row, int(np.searchsorted(file.offsets, end, side="left"))):
        first, last = int(file.offsets[document]), int(file.offsets[document + 1])
        if first == last:
            continue
        stop = min(last, end)
        tokens, mask = file.window(first, stop - first)
        parts.append(_part(file, document, "document", tokenizer, tokens, mask, goes_on=stop < last))
    return Window(f"tokens {start:,} to {end:,}", (), tuple(parts))


def _answers(file: PromptSplit, row: int, tokenizer: "PreTrainedTokenizerFast") -> Window:
    """A prompt and the answers to it."""
    notes = ["cut to the window"] if file.read("cut", row, row + 1)[0] else []
    if isinstance(file, FeedbackSplit):
        notes.append("good" if file.read("label", row, row + 1)[0] else "bad")
    named = zip((PROMPT, *file.answers), file.row(row), strict=True)
    parts = [_part(file, row, name, tokenizer, tokens, np.full(len(tokens), name != PROMPT)) for name, tokens in named]
    return Window(f"row {row:,}", tuple(notes), tuple(parts))


def _part(
    file: TaggedFile,
    row: int,
    name: str,
    tokenizer: "PreTrainedTokenizerFast",
    tokens: Array,
    mask: Array,
    goes_on: bool = False,
) -> Part:
    tags = tuple(file.names(tag)[int(file.read(f"{tag}_ids", row, row + 1)[0])] for tag in file.tags)
    stretches = tuple(_stretches(tokenizer, tokens.tolist(), mask.astype(bool).tolist()))
    return Part(name, file.id(row), tags, len(tokens), int(np.count_nonzero(mask)), stretches, goes_on)


def _stretches(tokenizer: "PreTrainedTokenizerFast", ids: Sequence[int], learned: Sequence[bool]) -> Iterator[Stretch]:
    control = set(tokenizer.all_special_ids) | {
        number for number, token in tokenizer.added_tokens_decoder.items() if token.special
    }
    marked = [(number, on, number in control) for number, on in zip(ids, learned, strict=True)]
    for (on, is_control), group in groupby(marked, key=lambda token: token[1:]):
        yield Stretch(str(tokenizer.decode([number for number, *_ in group])), on, is_control)
