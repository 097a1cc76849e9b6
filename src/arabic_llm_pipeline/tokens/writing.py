"""From a corpus of records to the token stores, as a stream."""

import hashlib
from collections.abc import Sequence
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.parameters.tokenize import TokenizeSettings
from arabic_llm_pipeline.tokens.chat import Renderer
from arabic_llm_pipeline.tokens.encoder import Ids
from arabic_llm_pipeline.tokens.encoding import encode_ahead, kept_rows
from arabic_llm_pipeline.tokens.prompts import PROMPT, FeedbackSplit, PairSplit, PromptSplit
from arabic_llm_pipeline.tokens.store import TokenSplit
from arabic_llm_pipeline.tokens.store_writer import Row, StoreWriter
from arabic_llm_pipeline.tokens.tokenizer import digests, load_tokenizer

CONTENT = pl.element().struct.field("content")
BLOCK = 1 << 20  # bytes hashed at a time
SMALL = 1 << 16  # vocabularies up to it fit in two bytes a token


def write_documents(shards: ShardSet, tokenizer_dir: Path, settings: TokenizeSettings, workspace: Path) -> Path:
    """Write the kept documents of a corpus as a token store; gives its directory.

    Args:
        shards: of documents.
        tokenizer_dir: made by `make_tokenizer` or `train_bpe`.
        settings: window, and which splits are memory-mapped too.
        workspace: where the directory is made; what an earlier run left of it is replaced.
    """
    tokenizer = load_tokenizer(tokenizer_dir)
    renderer = Renderer(tokenizer, settings.learned == "last_answer", remember_words=True)
    about = _about(shards, tokenizer_dir, settings)
    dtypes = {"tokens": _dtype(len(tokenizer)), "loss_mask": "|u1"}
    dtypes |= dict.fromkeys(("loss_tokens", "text_words", "text_bytes"), "<i4")
    batches = kept_rows(
        shards,
        ["id", "source", "dialect", "kind", "messages"],
        _in_all("messages", CONTENT.str.len_chars()),
        settings.batch_characters,
    )
    with StoreWriter(workspace / "documents", TokenSplit, dtypes, settings.window, settings.part_bytes) as writer:
        for frame, rows in encode_ahead(batches, lambda batch: _documents(renderer, batch), settings.threads):
            writer.add(frame, rows)
        return writer.finish(about, settings.memory_map)


def write_pairs(shards: ShardSet, tokenizer_dir: Path, settings: TokenizeSettings, workspace: Path) -> Path:
    """Write the kept preference pairs of a corpus as a pair store; gives its directory.

    A prompt longer than `max_prompt` loses its beginning, an answer that then goes over the window its end. Pairs whose
    answers are the same by then teach nothing: they are left out, and counted (`left_out`).

    Args:
        shards: of pairs.
        tokenizer_dir: made by `make_tokenizer` or `train_bpe`.
        settings: window and max_prompt, and which splits are memory-mapped too.
        workspace: where the directory is made; what an earlier run left of it is replaced.
    """
    return _write_answers(PairSplit, {"margin": "<f4"}, shards, tokenizer_dir, settings, workspace)


def write_feedback(shards: ShardSet, tokenizer_dir: Path, settings: TokenizeSettings, workspace: Path) -> Path:
    """Write the kept feedback of a corpus as a feedback store; gives its directory.

    What is too long is cut as in `write_pairs`, whose arguments these are.
    """
    return _write_answers(FeedbackSplit, {"label": "|u1"}, shards, tokenizer_dir, settings, workspace)


def _write_answers(
    form: type[PromptSplit],
    more: dict[str, str],
    shards: ShardSet,
    tokenizer_dir: Path,
    settings: TokenizeSettings,
    workspace: Path,
) -> Path:
    tokenizer = load_tokenizer(tokenizer_dir)
    renderer, about = Renderer(tokenizer, remember_words=True), _about(shards, tokenizer_dir, settings)
    dtypes = dict.fromkeys((PROMPT, *form.answers), _dtype(len(tokenizer))) | {"cut": "|u1"} | more
    batches = kept_rows(
        shards,
        ["id", "source", "dialect", PROMPT, *form.answers, *more],
        pl.sum_horizontal(pl.col(form.answers).str.len_chars()) + _in_all(PROMPT, CONTENT.str.len_chars()),
        settings.batch_characters,
    )
    directory = workspace / str(form.form)
    with StoreWriter(directory, form, dtypes, settings.window, settings.part_bytes) as writer:
        encode = partial(_answers, renderer, form=form, more=tuple(more), settings=settings)
        for frame, rows in encode_ahead(batches, encode, settings.threads):
            writer.add(frame, rows)
        return writer.finish(about, settings.memory_map)


def corpus_digest(shards: ShardSet) -> str:
    """What tells one corpus from another: BLAKE2b of its shards."""
    digest = hashlib.blake2b(digest_size=32)
    for path in shards.paths:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
    return digest.hexdigest()


def _about(shards: ShardSet, tokenizer_dir: Path, settings: TokenizeSettings) -> dict[str, Any]:
    """What the store is made from: what does not change a token of it is left out."""
    parameters = settings.model_dump(mode="json", include={"window", "max_prompt", "learned"})
    sizes = {"window": settings.window, "max_prompt": settings.max_prompt}
    return {**sizes, "parameters": parameters, "corpus": corpus_digest(shards), **digests(tokenizer_dir)}


def _dtype(vocabulary: int) -> str:
    return "<u2" if vocabulary <= SMALL else "<u4"


def _in_all(messages: str, measure: pl.Expr) -> pl.Expr:
    """The sum of a measure over the messages of each row."""
    return pl.col(messages).list.eval(measure).list.sum()


def _documents(renderer: Renderer, frame: pl.DataFrame) -> list[Row | None]:
    sizes = frame.select(
        text_words=_in_all("messages", CONTENT.str.count_matches(r"\S+")),
        text_bytes=_in_all("messages", CONTENT.str.len_bytes()),
    )
    encoded = renderer.documents(frame["messages"].to_list())
    return [
        {"tokens": ids, "loss_mask": mask, "loss_tokens": np.count_nonzero(mask), **size}
        for (ids, mask), size in zip(encoded, sizes.iter_rows(named=True), strict=True)
    ]


def _answers(
    renderer: Renderer, frame: pl.DataFrame, form: type[PromptSplit], more: Sequence[str], settings: TokenizeSettings
) -> list[Row | None]:
    prompts = frame[PROMPT].to_list()
    answers = [renderer.answers(prompts, frame[part].to_list()) for part in form.answers]
    encoded = zip(renderer.prompts(prompts), *answers, strict=True)
    rows = [_fitted(settings, prompt, dict(zip(form.answers, said, strict=True))) for prompt, *said in encoded]
    others = frame.select(more).with_columns(pl.selectors.float().fill_null(float("nan"))).iter_rows(named=True)
    return [row and {**row, **other} for row, other in zip(rows, others, strict=True)]


def _fitted(settings: TokenizeSettings, prompt: Ids, answers: dict[str, Ids]) -> Row | None:
    """A prompt with its answers, cut to the window; None where that leaves two equal answers."""
    room = settings.window - min(len(prompt), settings.max_prompt)
    kept = {name: answer[:room] for name, answer in answers.items()}
    if any(np.array_equal(one, other) for one, other in combinations(kept.values(), 2)):
        return None
    too_long = len(prompt) > settings.max_prompt or max(map(len, answers.values())) > room
    return {PROMPT: prompt[-settings.max_prompt :], **kept, "cut": int(too_long)}
