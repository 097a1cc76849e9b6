"""A row of any file becomes a record by a column map: names, positions and paths that the configuration gives."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from arabic_llm_pipeline.corpus import languages, turns
from arabic_llm_pipeline.corpus.articles import article
from arabic_llm_pipeline.corpus.records import DIALECTS, SPLITS, Record, RefusedError, Reject, message
from arabic_llm_pipeline.corpus.rows import Row, excerpt
from arabic_llm_pipeline.parameters.sources import SourceSettings

PLACE = re.compile(r"\{([^{}]+)\}")
MISSING = object()


def converted(
    rows: Iterable[Row | Reject], make: Callable[[Row], Iterable[Record | Reject]], wanted: Sequence[str] = ()
) -> Iterator[Record | Reject]:
    """The records of rows; a row that cannot be one is a reject with the reason that `make` refused it for.

    Args:
        rows: as they were read.
        make: from a row to its records.
        wanted: languages to keep; none: all.
    """
    for row in rows:
        if isinstance(row, Reject):
            yield row
            continue
        try:
            if not isinstance(row.value, dict | list):
                raise RefusedError("wrong_type")
            for found in make(row):
                if wanted and isinstance(found, Record):
                    languages.check(found.row, wanted)
                yield found
        except RefusedError as error:
            yield Reject(row.place, error.reason, excerpt(row.value))
        except RecursionError:
            yield Reject(row.place, "nested_too_deep")


def pick(value: Any, column: Any) -> Any:
    """What a column holds: by name, position, or path with dots; a list of columns or of objects gives a list.

    Returns:
        The cell, or `MISSING` where there is no such column.
    """
    if isinstance(column, list):
        return [pick(value, one) for one in column]
    if isinstance(value, list):
        if not str(column).isdecimal() and value and all(isinstance(one, dict) for one in value):
            return [pick(one, column) for one in value]
        position = int(column) if str(column).isdecimal() else len(value)
        return value[position] if position < len(value) else MISSING
    if not isinstance(value, dict):
        return MISSING
    if str(column) in value:
        return value[str(column)]
    first, dot, rest = str(column).partition(".")
    return pick(value[first], rest) if dot and first in value else MISSING


def field(value: Any, source: SourceSettings, name: str) -> Any:
    """A field's raw value by the column map, or its constant; `MISSING` if the row has no such column."""
    if name not in source.columns:
        return source.constants.get(name)
    found = pick(value, source.columns[name])
    return MISSING if isinstance(found, list) and MISSING in found else found


def optional(value: Any, source: SourceSettings, name: str) -> str | None:
    """A field's text, None where it is absent, null or empty.

    Raises:
        RefusedError: it is no text.
    """
    if name not in source.columns:  # most fields of most rows
        return source.constants.get(name)
    found = field(value, source, name)
    if found is MISSING:
        return None
    if isinstance(found, int | float) and not isinstance(found, bool):
        found = str(found)
    if found is not None and not isinstance(found, str):
        raise RefusedError("wrong_type")
    return found if found and found.strip() else None


def required(value: Any, source: SourceSettings, name: str) -> str:
    """A field's text, which must be there, and be text: a number where prose should be is a mistake of the source.

    Raises:
        RefusedError: it is absent, null, empty, or no text.
    """
    found = field(value, source, name)
    if found is MISSING:
        raise RefusedError("missing_column")
    if found is None or found == "":
        raise RefusedError("empty_text")
    if not isinstance(found, str):
        raise RefusedError("wrong_type")
    if not found.strip():
        raise RefusedError("empty_text")
    return found


def filled(value: Any, template: str) -> str:
    """A template with the texts of columns in its places; null is nothing.

    Raises:
        RefusedError: a column is missing, or no text.
    """

    def put(place: re.Match[str]) -> str:
        found = pick(value, place[1])
        if found is MISSING:
            raise RefusedError("missing_column")
        if isinstance(found, dict | list | bool):
            raise RefusedError("wrong_type")
        return "" if found is None else str(found)

    text = PLACE.sub(put, template).strip()
    if not text:
        raise RefusedError("empty_text")
    return text


def about(value: Any, source: SourceSettings) -> dict[str, Any]:
    """The fields that every kind of record has, as far as the row itself gives them.

    Raises:
        RefusedError: a dialect or split that there is not.
    """
    row = {name: (optional(value, source, name) or "").strip() or None for name in ("id", "dialect", "split", "lang")}
    if row["dialect"] is not None:
        row["dialect"] = source.dialects.get(row["dialect"], row["dialect"])
    if row["dialect"] not in (None, *DIALECTS):
        raise RefusedError("unknown_dialect")
    if row["split"] not in (None, *SPLITS):
        raise RefusedError("unknown_split")
    return row


def belonging(value: Any, source: SourceSettings, kind: str) -> dict[str, Any]:
    """Where an item belongs: kind, task, and the family by its column, its id, its source, or else the task."""
    task = optional(value, source, "task") or source.task
    family = optional(value, source, "family") or _in_id(value, source) or source.family or task
    return {"kind": kind, "task": task, "family": family}


def _in_id(value: Any, source: SourceSettings) -> str | None:
    found = re.search(source.family_pattern, optional(value, source, "id") or "") if source.family_pattern else None
    return found[1] if found else None


def prompt(value: Any, source: SourceSettings, name: str = "prompt") -> list[dict[str, str]]:
    """What is asked: the template or the field of that name, after the system message, if there is one."""
    if not source.template and (said := turns.listed(field(value, source, name))):
        asked = turns.read(said)
    else:
        asked = [message("user", filled(value, source.template) if source.template else required(value, source, name))]
    system = optional(value, source, "system")
    return [*([message("system", system)] if system and asked[0]["role"] != "system" else []), *asked]


def answer(value: Any, source: SourceSettings, name: str) -> tuple[list[dict[str, str]], str]:
    """An answer, and the turns before it, where they are given with it."""
    if not (said := turns.listed(field(value, source, name))):
        return [], required(value, source, name)
    *before, last = turns.read(said)
    if last["role"] != "assistant":
        raise RefusedError("no_answer")
    return before, last["content"]


def document_row(value: Any, source: SourceSettings) -> dict[str, Any]:
    """A piece of prose."""
    row = about(value, source) | {name: optional(value, source, name) for name in ("title", "url")}
    row |= {"kind": "prose", "messages": [message("document", required(value, source, "text"))]}
    return article(row, source.articles)


def instruction_row(value: Any, source: SourceSettings) -> dict[str, Any]:
    """An instruction, its input in the lines after it, and the answer."""
    asked = prompt(value, source, "instruction")
    if more := optional(value, source, "input"):
        asked[-1] = message("user", f"{asked[-1]['content']}\n{more}")
    row = about(value, source) | {name: optional(value, source, name) for name in ("title", "url")}
    _, said = answer(value, source, "output")
    return row | {"kind": "instruction", "messages": [*asked, message("assistant", said)]}


def conversation_row(value: Any, source: SourceSettings) -> dict[str, Any]:
    """Turns of a user and an assistant; what the user says last, and nobody answers, is no turn."""
    if not (said := turns.listed(field(value, source, "messages"))):
        raise RefusedError("missing_column")
    found = turns.answered(turns.read(said))
    system = optional(value, source, "system")
    if system and found[0]["role"] != "system":
        found = [message("system", system), *found]
    row = about(value, source) | {name: optional(value, source, name) for name in ("title", "url")}
    answers = sum(turn["role"] == "assistant" for turn in found)
    return row | {"kind": "instruction" if answers == 1 else "conversation", "messages": found}
