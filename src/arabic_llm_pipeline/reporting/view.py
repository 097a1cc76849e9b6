"""What the templates are given: tables, figures and facts as plain values, and how numbers are written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

Kind = Literal["text", "number", "arabic", "code"]
ABSENT, NONE = "n/a", "none"
MINUTE_S, HOUR_S = 60, 3600


@dataclass(frozen=True)
class Column:
    """A column of a table; its kind sets alignment, direction and language of the cells."""

    name: str
    kind: Kind = "text"


@dataclass(frozen=True)
class Table:
    """A table whose first column names its rows."""

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    title: str = ""  # what is clicked on where the table is folded; the caption, if none is given


@dataclass(frozen=True)
class Figure:
    """A plot as SVG, what it says in words, and its numbers."""

    key: str  # unique in the page
    svg: str
    caption: str
    table: Table


@dataclass(frozen=True)
class Fact:
    """One figure of the summary."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Block:
    """A part of a section, with a heading of its own where it has a title."""

    OPEN_CARDS: ClassVar[int] = 4  # so many stand open, the rest are folded
    OPEN_ROWS: ClassVar[int] = 25  # of a table; a longer one is folded

    title: str = ""
    text: Sequence[str] = ()
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    lists: Sequence[Table] = field(default=())  # folded: long tables that few will open
    more: Sequence[Figure] = ()  # folded, too
    points: Sequence[str] = ()  # of a list
    code: Sequence[str] = ()  # lines to be typed
    cards: Sequence[Any] = ()  # texts side by side: each names the form of its card in the templates


def count(value: float | None) -> str:
    """A whole number with thousands marked: 12,345."""
    return ABSENT if value is None else f"{value:,.0f}"


def decimal(value: float | None, digits: int = 3) -> str:
    """A number with so many digits after the point."""
    return ABSENT if value is None else f"{value:,.{digits}f}"


def short(value: float | None) -> str:
    """A number of any size in four significant digits: 0.0002, 3570."""
    return ABSENT if value is None else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def share(value: float | None) -> str:
    """A share as percent: 58.9%."""
    return ABSENT if value is None else f"{100 * value:.1f}%"


def points(value: float | None) -> str:
    """A difference of shares in percentage points, with its sign."""
    return ABSENT if value is None else f"{100 * value:+.1f}"


def interval(bounds: Sequence[float | None] | None, digits: int = 1, factor: float = 100) -> str:
    """Bounds of an interval; as percent unless told otherwise: [55.0, 62.7]."""
    if not bounds or any(bound is None for bound in bounds):
        return ABSENT
    return f"[{', '.join(f'{factor * float(bound or 0):,.{digits}f}' for bound in bounds)}]"


def measured(value: float | None, bounds: Sequence[float | None] | None) -> str:
    """A share with its interval: 58.9% [55.0, 62.7]."""
    return ABSENT if value is None else f"{share(value)} {interval(bounds)}"


def probability(value: float | None) -> str:
    """A p value: 0.021, or < 0.001."""
    return ABSENT if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"


def duration(seconds: float | None) -> str:
    """Seconds in the two units a person would say: 2 min 3 s."""
    if seconds is None:
        return ABSENT
    if seconds < MINUTE_S:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < HOUR_S:
        return f"{whole // MINUTE_S} min {whole % MINUTE_S} s"
    return f"{whole // HOUR_S} h {whole % HOUR_S // MINUTE_S} min"


def listed(names: Iterable[str]) -> str:
    """Names as in a sentence: a, b and c."""
    found = list(names)
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}" if found else NONE


def shortened(text: str, characters: int) -> str:
    """The beginning of a text, marked where it was cut."""
    return text if len(text) <= characters else f"{text[: characters - 1].rstrip()}\u2026"  # HORIZONTAL ELLIPSIS


def flat(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as dotted names with their values as text, in the order they have."""
    if isinstance(value, dict) and value:
        return [row for key, inner in value.items() for row in flat(inner, f"{prefix}.{key}" if prefix else str(key))]
    if isinstance(value, (list, tuple)):
        return [(prefix, ", ".join(map(plain, value)) or NONE)]
    return [(prefix, plain(value))]


def plain(value: Any) -> str:
    """A setting as a person would write it in YAML."""
    if value is None or value == {}:
        return NONE
    return str(value).lower() if isinstance(value, bool) else str(value)


def words(name: str) -> str:
    """A name of the code as words."""
    return name.replace("_", " ")
