"""Filled sheets, read back and checked against the key: one CSV a rater."""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

import polars as pl

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.files import File, open_binary
from arabic_llm_pipeline.evaluation.human.sheet import FIRST, PAIRS, SECOND, TIE, UNSURE, Key, choices

RATINGS = pl.Schema(
    {
        "rater": pl.String,
        "row": pl.Int64,
        "axis": pl.String,
        "said": pl.String,  # as it was written; none where nothing was
        "value": pl.Float64,  # the point of a scale; of a pair 0 for a, 1 for b, 0.5 for neither; none: not judged
    }
)
OF_PAIR = {FIRST: 0.0, TIE: 0.5, SECOND: 1.0}
SHOWN = 5  # faults of a kind that an error names
SEPARATORS = ",;\t"


def read(paths: Sequence[File], key: Key, *, partial: bool = False) -> pl.DataFrame:
    """What all raters said, as `RATINGS`.

    Args:
        paths: filled sheets. A rater is named by the column `rater`, or else by the file.
        key: of the sheet, from `sheet.make`.
        partial: leave out what is not filled in, instead of an error.

    Raises:
        UserError: there is no sheet, or some are of another sheet, miss columns or rows, have rows or values that are
            not known, or cells that are empty; all of that for all of them at once.
    """
    if not paths:
        raise UserError("No filled sheet: set human.filled to their paths from data_root, such as human/*.csv.")
    faults: list[str] = []
    found: dict[str, list[dict[str, Any]]] = {}
    for path in paths:
        rater, rows, wrong = _file(path, key, partial)
        if rater in found:
            wrong.append(f"there is another sheet of the rater {rater!r}: name raters apart")
        found[rater] = rows
        faults += [f"  {path.name}: {fault}" for fault in wrong]
    if faults:
        raise UserError("\n".join(["Filled sheets cannot be read:", *faults]))
    return pl.DataFrame([row for rows in found.values() for row in rows], schema=RATINGS)


def _file(path: File, key: Key, partial: bool) -> tuple[str, list[dict[str, Any]], list[str]]:
    """Rater, ratings and faults of one file."""
    stem = PurePath(path.name).stem
    try:
        table = list(_records(_text(path)))
    except (UnicodeDecodeError, csv.Error) as error:
        return stem, [], [f"no CSV in UTF-8 ({error}): save it as CSV UTF-8"]
    columns = list(table[0]) if table else []
    if lost := [name for name in ("sheet", "row", *key["axes"]) if name not in columns]:
        return stem, [], [f"no column {', '.join(lost)}; it has {', '.join(columns) or 'no rows'}"]
    raters = {row["rater"].strip() for row in table if row.get("rater", "").strip()}
    rater = next(iter(raters)) if len(raters) == 1 else stem
    wrong = [f"it holds several raters ({', '.join(sorted(raters))}): one file a rater"] if len(raters) > 1 else []
    if others := {row["sheet"] for row in table} - {key["sheet"]}:
        return rater, [], [*wrong, f"it is of sheet {_few(others)}, and not of {key['sheet']}"]
    rows, more = _rows(table, key)
    ratings, empty, bad = _ratings(rater, rows, key)
    wrong += more
    if bad:
        allowed = " ".join([*choices(key["design"], key["points"]), UNSURE])
        wrong.append(f"{_count(bad, 'value')} that is none of {allowed}: {_few(bad)}")
    if empty and not partial:
        wrong.append(f"{_count(empty, 'cell')} not filled in: {_few(empty)}; fill them in, or set human.partial=true")
    return rater, ratings, wrong


def _rows(table: Sequence[Mapping[str, str]], key: Key) -> tuple[dict[int, Mapping[str, str]], list[str]]:
    """Rows by number, and what is wrong with the numbers."""
    asked = {row["row"] for row in key["rows"]} - {None}
    numbers = [_number(row["row"]) for row in table]
    times, wrong = Counter(numbers), []
    if unknown := [row["row"] for row, number in zip(table, numbers, strict=True) if number not in asked]:
        wrong.append(f"{_count(unknown, 'row')} that the sheet does not have: {_few(unknown)}")
    if twice := [number for number, count in times.items() if count > 1 and number in asked]:
        wrong.append(f"{_count(twice, 'row')} there more than once: {_few(twice)}")
    if lost := sorted(asked - set(numbers)):
        wrong.append(f"{_count(lost, 'row')} of the sheet missing: {_few(lost)}")
    rows = {number: row for row, number in zip(table, numbers, strict=True) if number in asked}
    return {number: row for number, row in rows.items() if number is not None}, wrong


def _ratings(
    rater: str, rows: Mapping[int, Mapping[str, str]], key: Key
) -> tuple[list[dict[str, Any]], list[str], list[str]]:
    """Ratings, cells that are empty, and cells that hold what cannot be said."""
    allowed = {*choices(key["design"], key["points"]), UNSURE}
    found, empty, bad = [], [], []
    for number, row in rows.items():
        for axis in key["axes"]:
            said = _said(row[axis])
            if not said:
                empty.append(f"row {number} {axis}")
            elif said not in allowed:
                bad.append(f"row {number} {axis} {row[axis]!r}")
            value = None if said not in allowed or said == UNSURE else _value(said, key["design"])
            found.append({"rater": rater, "row": number, "axis": axis, "said": said or None, "value": value})
    return found, empty, bad


def _said(cell: str) -> str:
    """A cell as it is meant: 4.0 and a four in Arabic digits are 4, the Arabic question mark is one."""
    text = cell.strip().lower().replace("\N{ARABIC QUESTION MARK}", UNSURE)
    try:
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if number.is_integer() else text


def _value(said: str, design: str) -> float:
    return OF_PAIR[said] if design == PAIRS else float(said)


def _number(cell: str) -> int | None:
    said = _said(cell)
    return int(said) if said.isdecimal() else None


def _text(path: File) -> str:
    with open_binary(path) as file:
        data = file.read()
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))  # Excel's Unicode text
    return data.decode("utf-16" if wide else "utf-8-sig")


def _records(text: str) -> Iterator[dict[str, str]]:
    """Rows by column; a spreadsheet writes commas or, where these are decimal marks, semicolons, or tabs."""
    head = text.split("\n", 1)[0]
    separator = max(SEPARATORS, key=head.count)
    for row in csv.DictReader(io.StringIO(text), delimiter=separator, restval=""):
        row.pop(None, None)  # type: ignore[call-overload]  # cells beyond the columns
        if any(value.strip() for value in row.values()):
            yield row


def _count(what: Sequence[Any], name: str) -> str:
    return f"{len(what)} {name}{'' if len(what) == 1 else 's'}"


def _few(what: Any) -> str:
    listed = [str(one) for one in what]
    return ", ".join(listed[:SHOWN]) + (", ..." if len(listed) > SHOWN else "")
