"""Records: their columns on disk, and what a loader hands over, a record or what was wrong with one."""

from typing import Any, NamedTuple

import polars as pl
from polars.datatypes import DataType, DataTypeClass

DOCUMENT = "document"  # the role of the one message of prose
MESSAGE = pl.Struct({"role": pl.String, "content": pl.String})
MESSAGES = pl.List(MESSAGE)
QUALITY = pl.Struct(
    {
        "characters": pl.Int32,
        "words": pl.Int32,
        "sentences": pl.Int32,
        "arabic_ratio": pl.Float32,
        "diacritics_ratio": pl.Float32,
        "alif_ya_merges": pl.Int32,
    }
)
Columns = dict[str, DataType | DataTypeClass]
FIRST: Columns = {"id": pl.String, "source": pl.String}
LICENCE: Columns = {"licence": pl.String}
TAGS: Columns = {"dialect": pl.String, "dialect_score": pl.Float32, "script": pl.String}
FATE: Columns = {"split": pl.String, "copies": pl.Int32, "reason": pl.String, "value": pl.Float32}


def _table(own: Columns, lang: Columns | None = None, quality: Columns | None = None) -> pl.Schema:
    """Columns of its own between those that every table has; documents have two more."""
    return pl.Schema(FIRST | own | LICENCE | (lang or {}) | TAGS | (quality or {}) | FATE)


TEXTS = pl.List(pl.String)
DOCUMENTS = _table(
    {"kind": pl.String, "messages": MESSAGES, "title": pl.String, "url": pl.String},
    {"lang": pl.String},
    {"quality": QUALITY},
)
PAIRS = _table({"prompt": MESSAGES, "chosen": pl.String, "rejected": pl.String, "margin": pl.Float32})
FEEDBACK = _table({"prompt": MESSAGES, "completion": pl.String, "label": pl.Boolean})
ITEMS = _table(
    {
        "task": pl.String,
        "family": pl.String,
        "kind": pl.String,  # one of parameters.shapes.ITEM_KINDS
        "question": pl.String,  # what is asked, or the text to classify, without instruction, passage and choices
        "prompt": MESSAGES,
        "choices": TEXTS,
        "answers": TEXTS,
        "label": pl.Int32,
        "passage": pl.String,
    }
)
SENTENCES = pl.Schema(
    {
        "id": pl.String,  # of the document
        "source": pl.String,
        "split": pl.String,
        "message": pl.Int32,  # which of the document's, from 0
        "ordinal": pl.Int32,  # which of the message's, from 0
        "start": pl.Int32,  # in the message's text, in characters
        "end": pl.Int32,
        "text": pl.String,
        "dialect": pl.String,
        "dialect_score": pl.Float32,
    }
)
REJECTS = pl.Schema(
    {"source": pl.String, "file": pl.String, "place": pl.Int64, "reason": pl.String, "excerpt": pl.String}
)
SCHEMAS = {"documents": DOCUMENTS, "pairs": PAIRS, "items": ITEMS, "feedback": FEEDBACK, "rejects": REJECTS}
RECORDS = ("documents", "pairs", "items", "feedback")
TAUGHT = ("documents", "pairs", "feedback")
SPLITS = ("train", "dev", "test")
DIALECTS = ("MSA", "EGY", "GLF", "LEV", "MGR", "unknown")
MANY = "mul"  # ISO 639-2, as `lang`: several languages, such as a text with its translation
SCRIPTS = ("arabic", "arabizi", "mixed", "latin", "other")
EXCERPT = 200  # characters

# What a loader leaves out by rule: well formed, kept among the rejects, but no sign of a broken source.
LEFT_OUT = frozenset(
    {"deleted", "disambiguation", "low_review", "neutral_rating", "no_answer", "other_language", "other_namespace"}
    | {"redirect", "spam", "unanswerable", "unreviewed"}
)


class Record(NamedTuple):
    """A row of one of the tables, but for what all rows of its source have in common."""

    table: str  # one of RECORDS
    row: dict[str, Any]  # `id` is the upstream's, or the ordinal


class Reject(NamedTuple):
    """What could not become a record, and why."""

    place: int  # line from 1; in arrays and XML, the record from 0
    reason: str
    excerpt: str = ""


class RefusedError(Exception):
    """Raised while one record is made: this one cannot be; its reason is the message."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


def message(role: str, content: str) -> dict[str, str]:
    """One turn of a conversation, or the whole of a piece of prose."""
    return {"role": role, "content": content}
