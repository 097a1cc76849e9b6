"""What a model is shown: the item in a format, its passage shortened where the whole does not fit."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import polars as pl
from numpy.typing import NDArray

from arabic_llm_pipeline.corpus.records import MESSAGES, Columns
from arabic_llm_pipeline.evaluation import formats
from arabic_llm_pipeline.tokens.chat import Renderer

STEP = 0.6  # of what seems too much is cut at once: tokens of a passage may be shorter than those around it
ROUNDS = 40
BETWEEN = "\n\n"
Row = dict[str, Any]


class Shown(NamedTuple):
    """Token ids of the prompts, and of which something was cut."""

    ids: list[NDArray[Any]]
    cut: list[bool]


def shown(
    name: str, items: pl.DataFrame, examples: formats.Examples, renderer: Renderer, room: int, more: str = ""
) -> Shown:
    """Prompts of at most `room` tokens.

    A passage loses its end, so that instruction and question stay whole; what is too long without it loses its
    beginning.

    Args:
        name: of the format.
        items: id, family, prompt, passage.
        examples: from `formats.examples`.
        renderer: of the model's tokenizer.
        room: tokens.
        more: what every prompt ends in, on a line of its own.
    """
    rows = [_whole(row, more) for row in items.iter_rows(named=True)]
    passages = [row["passage"] or "" for row in rows]
    ids = _ids(name, rows, examples, renderer)
    for _ in range(ROUNDS):
        long = [place for place, found in enumerate(ids) if len(found) > room and passages[place]]
        if not long:
            break
        for place in long:
            shorter = _shorter(rows[place], passages[place], len(ids[place]), room)
            rows[place], passages[place] = _with(rows[place], passages[place], shorter), shorter
        again = _ids(name, [rows[place] for place in long], examples, renderer)
        for place, found in zip(long, again, strict=True):
            ids[place] = found
    whole = [row["passage"] or "" for row in items.iter_rows(named=True)]
    cut = [len(found) > room or kept != was for found, kept, was in zip(ids, passages, whole, strict=True)]
    return Shown([found[-room:] for found in ids], cut)


def _ids(name: str, rows: Sequence[Row], examples: formats.Examples, renderer: Renderer) -> list[NDArray[Any]]:
    schema: Columns = {"id": pl.String, "family": pl.String, "prompt": MESSAGES}
    asked = pl.DataFrame([{key: row[key] for key in schema} for row in rows], schema=schema)
    return formats.prompts(name, asked, examples, renderer) if rows else []


def _whole(row: Row, more: str) -> Row:
    """The item with its passage in its last message, and what ends every prompt."""
    said = row["prompt"][-1]["content"]
    if row["passage"] and row["passage"] not in said:
        said = f"{row['passage']}{BETWEEN}{said}"
    return _last(row, f"{said}\n{more}" if more else said)


def _last(row: Row, content: str) -> Row:
    return row | {"prompt": [*row["prompt"][:-1], row["prompt"][-1] | {"content": content}]}


def _with(row: Row, passage: str, shorter: str) -> Row:
    return _last(row, row["prompt"][-1]["content"].replace(passage, shorter, 1))


def _shorter(row: Row, passage: str, tokens: int, room: int) -> str:
    """The beginning of a passage, up to a blank, with as many characters less as the tokens that are too many have."""
    a_token = sum(len(message["content"]) for message in row["prompt"]) / tokens
    left = passage[: max(0, len(passage) - int((tokens - room) * a_token * STEP) - 1)]
    return left.rsplit(None, 1)[0] if len(left.split()) > 1 else ""
