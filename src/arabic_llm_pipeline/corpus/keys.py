"""What makes two records the same: matching keys (spelling variants, marks and punctuation off), and their hashes."""

from collections.abc import Sequence
from functools import partial
from hashlib import blake2b

import polars as pl

from arabic_llm_pipeline.arabic.clean import MATCHING_KEY, clean_expr

HASH_BYTES = 16  # 128 bits: no two of 10^12 keys collide by chance
KEYS = {  # what a record says beyond its turns
    "documents": {},
    "pairs": {"_chosen": pl.col("chosen"), "_rejected": pl.col("rejected")},
    "feedback": {"_completion": pl.col("completion"), "_label": pl.col("label").cast(pl.String)},
    "items": {name: pl.col(name[1:]).list.join("\n", ignore_nulls=True) for name in ("_choices", "_answers")},
}
TEXTS = {  # columns of a record's own texts; the first has its turns
    "documents": ("messages",),
    "pairs": ("prompt", "chosen", "rejected"),
    "feedback": ("prompt", "completion"),
    "items": ("prompt",),
}
ANSWERS = {"pairs": "_chosen", "feedback": "_completion"}  # what goes with a prompt that many records may share


def contents(messages: str) -> pl.Expr:
    """The texts of all messages in a column, one after another."""
    return pl.col(messages).list.eval(pl.element().struct.field("content")).list.join("\n")


def text_of(table: str) -> pl.Expr:
    """The whole text of a record: its turns and answers, a line each; of an item what is asked."""
    return _joined_texts(TEXTS[table])


def said(table: str) -> pl.Expr:
    """What of a record tells how its writer speaks: of a pair not the answer that nobody wants."""
    return _joined_texts([name for name in TEXTS[table] if name != "rejected"])


def _joined_texts(columns: Sequence[str]) -> pl.Expr:
    turns, *answers = columns
    return pl.concat_str(contents(turns), *answers, separator="\n") if answers else contents(turns)


def key(text: pl.Expr) -> pl.Expr:
    """The matching key of a text."""
    return clean_expr(text, MATCHING_KEY)


def with_keys(frame: pl.LazyFrame, table: str) -> pl.LazyFrame:
    """A frame of records with their matching keys.

    New columns: `_asked`, the first turn (of prose: the text); `_group`, what decides over a record's split: the first
    turn, of pairs and feedback with the (better) answer, because many may share one prompt; `_whole`, all of it,
    without the system message. They are columns, not expressions to be used twice: polars would compute them twice.
    """
    spoken = pl.element().filter(pl.element().struct.field("role") != "system").struct.field("content")
    turns = pl.col(TEXTS[table][0]).list.eval(spoken)
    more = {name: key(text).fill_null("") for name, text in KEYS[table].items()}
    frame = frame.with_columns(_asked=key(turns.list.first()), _rest=key(turns.list.slice(1).list.join("\n")), **more)
    whole = pl.concat_str("_asked", "_rest", *more, *(["task"] if table == "items" else []), separator="\n")
    answer = ANSWERS.get(table)
    group = pl.concat_str("_asked", answer, separator="\n") if answer else pl.col("_asked")
    return frame.with_columns(_group=group, _whole=whole)


def hashed(text: pl.Expr, salt: str = "") -> pl.Expr:
    """A text's hash (Binary, 16 bytes; BLAKE2b): the same on every machine and with every version of the libraries."""
    return text.map_batches(partial(_hash, salt=salt), return_dtype=pl.Binary, is_elementwise=True)


def _hash(texts: pl.Series, salt: str) -> pl.Series:
    key = salt.encode()
    found = texts.cast(pl.Binary)  # as it lies there: decoded and encoded again it takes three times as long
    digests = [None if t is None else blake2b(t, digest_size=HASH_BYTES, key=key).digest() for t in found]
    return pl.Series(texts.name, digests, dtype=pl.Binary)
