"""The preview of the corpus: a page to search, of records that stayed and went, with what cleaning changed in them."""

import base64
import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from markupsafe import Markup

from arabic_llm_pipeline.corpus.limits import Deciding
from arabic_llm_pipeline.reporting.changes import Piece, lost, marked
from arabic_llm_pipeline.reporting.templating import environment
from arabic_llm_pipeline.reporting.view import count, short, shortened

KEPT = "kept"
BYTES = 4_900_000  # of all cards: the page ends at 5 MB
RETURN = "\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}"
FILTERS = ("table", "source", "dialect", "reason")
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Said:
    """A message of a record, with what cleaning changed in it."""

    role: str
    pieces: Sequence[Piece]


@dataclass(frozen=True)
class Card:
    """A record as the page shows it."""

    row: Row
    reason: str
    value: str  # what decided, and the threshold beside it
    parameter: str
    said: Sequence[Said]
    lost: Sequence[tuple[str, str]]  # kinds of characters that went from what is shown, and how many
    stays: str  # the text of the record that stays for it


def render(rows: pl.DataFrame, deciding: Deciding, characters: int) -> str:
    """The page, which needs nothing else.

    Args:
        rows: what is shown (`corpus.preview.ROWS`).
        deciding: the settings that the values are to be read beside.
        characters: of each message, after which it is cut.
    """
    made = environment()
    template = made.get_template("preview_card.html")
    cards = [template.render(card=card(row, deciding, characters)) for row in rows.iter_rows(named=True)]
    shown = fitting(cards, rows["rank"].to_list(), BYTES)
    script = Markup(made.get_template("preview.js").render())
    return made.get_template(
        "preview.html"
    ).render(
        cards=[Markup(cards[place]) for place in shown],  # rendered, and escaped, above
        left_out=len(cards) - len(shown),
        options={name: _options(rows, name) for name in FILTERS[:3]},
        reasons=reasons(rows),
        script=script,
        digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def fitting(cards: Sequence[str], ranks: Sequence[int], most: int) -> list[int]:
    """Places of the cards that fit into so many bytes, in their order: of each group the first ones."""
    chosen, size = [], 0
    for place in sorted(range(len(cards)), key=lambda place: (ranks[place], place)):
        size += len(cards[place].encode())
        if size > most:
            break
        chosen.append(place)
    return sorted(chosen)


def reasons(rows: pl.DataFrame) -> list[tuple[str, str, str]]:
    """Each reason with how many records of the corpus have it, and how many are shown; what stayed comes first."""
    heads = rows.filter(pl.col("rank") == 0).group_by("reason").agg(pl.col("of").sum())
    found = heads.join(rows.group_by("reason").len(), on="reason", nulls_equal=True)
    ordered = found.sort(pl.col("reason").is_not_null(), -pl.col("of"), "reason")
    return [(reason or KEPT, count(of), count(shown)) for reason, of, shown in ordered.rows()]


def card(row: Row, deciding: Deciding, characters: int) -> Card:
    """One record."""
    limit = deciding.limit(row["reason"], row["dialect"]) if row["reason"] else None
    value = "" if row["value"] is None else short(round(row["value"], 4))
    before, after = row["before"] or row["after"] or [], row["after"] or []
    pairs = list(zip(before, after, strict=False))
    gone: Counter[str] = sum((lost(a["content"] or "", b["content"] or "") for a, b in pairs), Counter())
    return Card(
        row=row,
        reason=row["reason"] or KEPT,
        value=f"{value} / {short(limit.threshold)}" if value and limit else value,
        parameter=limit.parameter if limit else "",
        said=[said(b["role"], a["content"] or "", b["content"] or "", characters) for a, b in pairs],
        lost=[(name, count(number)) for name, number in sorted(gone.items())],
        stays=shortened("\n".join(one["content"] or "" for one in row["stays"] or []), characters),
    )


def said(role: str, before: str, after: str, characters: int) -> Said:
    """A message; what is invisible in it is shown where it went or came, and controls in any case."""
    return Said(role, [Piece(piece.kind, visible(piece)) for piece in marked(before, after, characters)])


def visible(piece: Piece) -> str:
    """The text of a piece with names of code points in the place of those that cannot be seen."""
    changed = piece.kind != "same"
    return "".join(_shown(character, changed=changed) for character in piece.text)


def _shown(character: str, *, changed: bool) -> str:
    category = unicodedata.category(character)
    if character == "\n":
        return RETURN + character if changed else character
    if (category == "Cc" and character != "\t") or (changed and category in {"Cf", "Cn", "Co"}):
        return f"[U+{ord(character):04X}]"
    return character


def _options(rows: pl.DataFrame, name: str) -> Iterable[str]:
    return rows[name].drop_nulls().unique().sort()
