"""What candidates answered, of all kinds that people can judge, in one shape."""

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from arabic_llm_pipeline.corpus.records import Columns
from arabic_llm_pipeline.evaluation import formats

EXACT, WRITING = "exact", "writing"
COLUMNS: Columns = {
    "of": pl.String,  # exact, writing
    "item_id": pl.String,
    "family": pl.String,
    "dialect": pl.String,
    "prompt": pl.String,  # what is asked, with its passage; of a conversation all that was said
    "answers": pl.List(pl.String),  # accepted ones, or references
    "generated": pl.String,
}
SHAPE = pl.Schema(COLUMNS)
SUFFIXES = {EXACT: "_answers", WRITING: "_writing_answers"}  # of entries of a candidate
BETWEEN = "\n\n"  # the turns of a conversation
SPEAKERS = {  # "instructions", "question", "answer"
    "system": "\u062a\u0639\u0644\u064a\u0645\u0627\u062a", "user": formats.QUESTION, "assistant": formats.ANSWER,
}  # fmt: skip


def of_candidates(entries: Mapping[str, pl.DataFrame], kinds: Sequence[str]) -> dict[str, pl.DataFrame]:
    """Candidate -> its answers of these kinds as `SHAPE`, in the order of the entries.

    Args:
        entries: `<candidate>_answers` as `exact_match.judged` has them, `<candidate>_writing_answers` as
            `writing.candidate` has them; each may be without rows.
        kinds: exact, writing, or both.
    """
    names = [name.removesuffix(SUFFIXES[EXACT]) for name in entries if not name.endswith(SUFFIXES[WRITING])]
    return {name: pl.concat([SHAPE.to_frame(), *_of(name, entries, kinds)]) for name in names}


def _of(name: str, entries: Mapping[str, pl.DataFrame], kinds: Sequence[str]) -> Iterator[pl.DataFrame]:
    for kind in kinds:
        frame = entries[f"{name}{SUFFIXES[kind]}"]
        if len(frame):
            told = frame if kind == EXACT else _asked_in_text(frame)
            yield told.with_columns(of=pl.lit(kind)).select(pl.col(name).cast(dtype) for name, dtype in SHAPE.items())


def _asked_in_text(frame: pl.DataFrame) -> pl.DataFrame:
    prompts = [_text(*row) for row in frame.select("prompt", "passage").iter_rows()]
    return frame.rename({"id": "item_id"}).with_columns(prompt=pl.Series(prompts, dtype=pl.String))


def _text(messages: Sequence[Mapping[str, str]], passage: str | None) -> str:
    """What is said before the answer: who says it, where several do; and the passage, where no message holds it."""
    said = [one["content"] for one in messages]
    if len(said) > 1:
        said = [f"{SPEAKERS[one['role']]}: {one['content']}" for one in messages]
    alone = [passage] if passage and not any(passage in text for text in said) else []
    return BETWEEN.join([*alone, *said])
