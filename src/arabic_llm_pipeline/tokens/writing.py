"""From a corpus of records to the token stores, as a stream."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.parameters.tokenize import TokenizeSettings
from arabic_llm_pipeline.tokens.chat import Renderer
from arabic_llm_pipeline.tokens.encoder import Ids
from arabic_llm_pipeline.tokens.encoding import encode_ahead, kept_rows
from arabic_llm_pipeline.tokens.pairs import PARTS, PairSplit
from arabic_llm_pipeline.tokens.store import TokenSplit
from arabic_llm_pipeline.tokens.store_writer import Row, StoreWriter
from arabic_llm_pipeline.tokens.tokenizer import digests, load_tokenizer

CONTENT = pl.element().struct.field("content")
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
    about = _about(tokenizer_dir, settings)
    dtypes = {"tokens": _dtype(len(tokenizer)), "loss_mask": "|u1"}
    dtypes |= dict.fromkeys(("loss_tokens", "text_words", "text_bytes"), "<i4")
    batches = kept_rows(
        shards,
        ["id", "source", "dialect", "kind", "messages"],
        _in_all("messages", CONTENT.str.len_chars()),
        settings.batch_characters,
    )
    with StoreWriter(workspace / "documents", TokenSplit, dtypes, settings.window) as writer:
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
    tokenizer = load_tokenizer(tokenizer_dir)
    renderer, about = Renderer(tokenizer, remember_words=True), _about(tokenizer_dir, settings)
    dtypes = dict.fromkeys(PARTS, _dtype(len(tokenizer))) | {"cut": "|u1"}
    answers = pl.col("chosen").str.len_chars() + pl.col("rejected").str.len_chars()
    batches = kept_rows(
        shards,
        ["id", "source", "dialect", "prompt", *PARTS[1:]],
        answers + _in_all("prompt", CONTENT.str.len_chars()),
        settings.batch_characters,
    )
    with StoreWriter(workspace / "pairs", PairSplit, dtypes, settings.window) as writer:
        for frame, rows in encode_ahead(batches, lambda batch: _pairs(renderer, batch, settings), settings.threads):
            writer.add(frame, rows)
        return writer.finish(about, settings.memory_map)


def _about(tokenizer_dir: Path, settings: TokenizeSettings) -> dict[str, Any]:
    return {"window": settings.window, "max_prompt": settings.max_prompt, **digests(tokenizer_dir)}


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


def _pairs(renderer: Renderer, frame: pl.DataFrame, settings: TokenizeSettings) -> list[Row | None]:
    prompts = frame["prompt"].to_list()
    answers = [renderer.answers(prompts, frame[part].to_list()) for part in PARTS[1:]]
    return [_pair(settings, *parts) for parts in zip(renderer.prompts(prompts), *answers, strict=True)]


def _pair(settings: TokenizeSettings, prompt: Ids, chosen: Ids, rejected: Ids) -> Row | None:
    """A pair cut to the window; None where that leaves two equal answers."""
    room = settings.window - min(len(prompt), settings.max_prompt)
    row = {"prompt": prompt[-settings.max_prompt :], "chosen": chosen[:room], "rejected": rejected[:room]}
    if np.array_equal(row["chosen"], row["rejected"]):
        return None
    return row | {"cut": int(len(prompt) > settings.max_prompt or max(len(chosen), len(rejected)) > room)}
