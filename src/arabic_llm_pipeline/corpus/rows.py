"""Rows of files in the usual formats, one at a time, with a reject for whatever is none."""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import orjson

from arabic_llm_pipeline.common.files import File
from arabic_llm_pipeline.corpus.records import EXCERPT, Reject
from arabic_llm_pipeline.corpus.streams import (
    UNREADABLE,
    UTF_8,
    BrokenFileError,
    Line,
    Repaired,
    first_byte,
    read_lines,
)

OBJECTS = 256  # rows that are Python objects at a time
ROWS_AT_ONCE, BYTES_AT_ONCE = 4_096, 16 << 20  # of parquet that are read at a time, whichever is fewer
ARROW_FILE = b"ARROW1"  # what Arrow's file format begins with; the stream format begins with nothing of its own
TAB = {"delimiter": "\t", "quoting": csv.QUOTE_NONE}
COMMA = {"delimiter": ",", "strict": True}  # strict: a stray quote is an error, and does not swallow what follows


class Row(NamedTuple):
    """One row: an object of JSON, the cells of a table, or a line."""

    place: int  # line from 1; in arrays and parquet, the record from 0
    value: Any


Rows = Iterator[Row | Reject]
Found = TypeVar("Found")


def excerpt(value: Any) -> str:
    """The beginning of something rejected, to be recognised by."""
    text = value if isinstance(value, str) else _written(value)
    return text[:EXCERPT].encode("utf-8", errors="replace").decode()


def _written(value: Any) -> str:
    """A value as JSON; as Python writes what JSON cannot say; nothing, where it is too deep for both."""
    try:
        return orjson.dumps(value, default=str).decode() if isinstance(value, dict | list) else str(value)
    except orjson.JSONEncodeError:
        pass
    try:
        return repr(value)
    except RecursionError:
        return ""


def text_rows(path: File, max_bytes: int, encoding: str = UTF_8) -> Rows:
    """The lines of a text."""
    for line in read_lines(path, max_bytes, encoding):
        yield line if isinstance(line, Reject) else Row(line.place, line.text)


def jsonl_rows(path: File, max_bytes: int, encoding: str = UTF_8) -> Rows:
    """The values of a file with one JSON value a line."""
    for line in read_lines(path, max_bytes, encoding):
        yield line if isinstance(line, Reject) else _parsed(line)


def _parsed(line: Line) -> Row | Reject:
    try:
        return Row(line.place, orjson.loads(line.text))
    except orjson.JSONDecodeError:
        return Reject(line.place, "broken_json", excerpt(line.text))


def json_rows(path: File, max_bytes: int, lists: Sequence[str] = (), encoding: str = UTF_8) -> Rows:
    """The elements of one large JSON array, streamed; broken syntax ends the file with one reject.

    Args:
        path: the file.
        max_bytes: longer records are rejected.
        lists: names of the lists within lists that hold the rows; of an object, the first names its array.
        encoding: as Python calls it.
    """
    begins = first_byte(path, encoding)
    if begins == b"{" and lists:
        yield from nested(_elements(path, max_bytes, f"{lists[0]}.item", encoding), lists[1:])
    elif begins in (b"[", b""):
        yield from nested(_elements(path, max_bytes, "item", encoding), lists)
    else:
        yield Reject(0, "not_an_array", begins.decode("utf-8", errors="replace"))


def nested(rows: Rows, lists: Sequence[str]) -> Rows:
    """The elements of lists within rows, each with the fields of what is around it; their place is the row's."""
    for row in rows:
        if isinstance(row, Reject) or not lists:
            yield row
        else:
            yield from _inside(row, lists)


def _inside(row: Row, lists: Sequence[str]) -> Rows:
    if not lists:
        yield row
        return
    elements = row.value.get(lists[0]) if isinstance(row.value, dict) else None
    if not isinstance(elements, list):
        yield Reject(row.place, "wrong_type", excerpt(row.value))
        return
    around = {name: value for name, value in row.value.items() if name != lists[0]}
    for element in elements:
        value = {**around, **element} if isinstance(element, dict) else element
        yield from _inside(Row(row.place, value), lists[1:])


def _elements(path: File, max_bytes: int, prefix: str, encoding: str) -> Rows:
    import ijson

    begins = first_byte(path, encoding)
    place = 0
    try:
        with Repaired(path, encoding) as stream:
            for value in ijson.items(stream, prefix, use_float=True):
                yield _readable(Row(place, value), max_bytes)
                place += 1
    except BrokenFileError as error:
        yield Reject(place, str(error))
    except ijson.JSONError as error:
        yield Reject(place, "broken_json" if begins else "empty_file", str(error)[:EXCERPT])


def _readable(row: Row, max_bytes: int) -> Row | Reject:
    """The row, unless it holds bytes that were no UTF-8, or is too long."""
    try:
        texts = list(_texts(row.value))
    except RecursionError:
        return Reject(row.place, "nested_too_deep")
    if any(UNREADABLE in text for text in texts):
        return Reject(row.place, "invalid_utf8", excerpt(row.value).replace(UNREADABLE, "\ufffd"))
    if sum(map(len, texts)) > max_bytes:
        return Reject(row.place, "record_too_long", excerpt(row.value))
    return row


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inside in value.values() if isinstance(value, dict) else value:
            yield from _texts(inside)


def table_rows(path: File, max_bytes: int, dialect: dict[str, Any], header: bool, encoding: str = UTF_8) -> Rows:
    """The rows of a CSV or TSV file: by column name where the first line is a header, else as a list of cells."""
    damaged: list[Reject] = []
    csv.field_size_limit(max_bytes)
    reader = _Records(_undamaged(read_lines(path, max_bytes, encoding), damaged), dialect)
    names: list[str] | None = None
    for row in reader:
        yield from damaged
        damaged.clear()
        if isinstance(row, Reject):
            yield row
        elif header and names is None:
            names = row.value
        elif names is not None and len(row.value) != len(names):
            yield Reject(row.place, "wrong_column_count", excerpt(row.value))
        else:
            yield row if names is None else Row(row.place, dict(zip(names, row.value, strict=True)))
    yield from damaged


def _undamaged(lines: Iterable[Line | Reject], damaged: list[Reject]) -> Iterator[Line]:
    for line in lines:
        if isinstance(line, Reject):
            damaged.append(line)
        else:
            yield line


class _Records:
    """csv's reader with the line each record begins on, going on after an error."""

    def __init__(self, lines: Iterator[Line], dialect: dict[str, Any]):
        self._lines, self._place = lines, 0
        self._begun = ""
        self._reader = csv.reader(self._feed(), **dialect)

    def _feed(self) -> Iterator[str]:
        for line in self._lines:
            if not self._begun:
                self._place, self._begun = line.place, line.text
            yield line.text + "\n"

    def __iter__(self) -> Rows:
        while True:
            self._begun = ""
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error:
                yield Reject(self._place, "broken_csv", excerpt(self._begun))
            else:
                yield Row(self._place, cells)


def parquet_rows(path: File, max_bytes: int, columns: set[str] | None = None) -> Rows:
    """The rows of a parquet file as objects.

    Args:
        path: the file.
        max_bytes: longer records are rejected.
        columns: only these, of those there are; all of them if not given.
    """
    return columnar(path, "parquet", columns, partial(batch_rows, max_bytes=max_bytes))


def arrow_rows(path: File, max_bytes: int, columns: set[str] | None = None) -> Rows:
    """The rows of an Arrow file as objects: the stream that `datasets` keeps data sets in, or Arrow's file format.

    The arguments are those of `parquet_rows`.
    """
    return columnar(path, "arrow", columns, partial(batch_rows, max_bytes=max_bytes))


def columnar(
    path: File, form: str, columns: set[str] | None, read: Callable[[Any, int], Iterable[Found]]
) -> Iterator[Found | Reject]:
    """What is read of the batches of a file, up to the damage and its reason.

    Args:
        path: the file.
        form: parquet or arrow.
        columns: only these, of those there are; all of them if not given.
        read: from a record batch and the place of its first row.
    """
    import pyarrow as pa

    batches, broken = (_parquet_batches, "broken_parquet") if form == "parquet" else (_arrow_batches, "broken_arrow")
    place = 0
    try:
        for batch in batches(path, columns):
            yield from read(batch, place)
            place += batch.num_rows
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # the last: in the names of columns
        yield Reject(place, broken, str(error)[:EXCERPT])


def _parquet_batches(path: File, columns: set[str] | None) -> Iterator[Any]:
    import pyarrow.parquet as pq

    with path.open("rb") as source, pq.ParquetFile(source) as file:
        named = _named(file.schema_arrow.names, columns)
        yield from file.iter_batches(batch_size=_rows_at_once(file.metadata), columns=named)


def _rows_at_once(metadata: Any) -> int:
    groups = [metadata.row_group(n) for n in range(metadata.num_row_groups)]
    widest = max((group.total_byte_size / max(group.num_rows, 1) for group in groups), default=0)
    return max(1, min(ROWS_AT_ONCE, int(BYTES_AT_ONCE / max(widest, 1))))


def _arrow_batches(path: File, columns: set[str] | None) -> Iterator[Any]:
    """The batches of a file of either form, mapped into memory where it lies here."""
    import pyarrow as pa

    with pa.memory_map(str(path)) if isinstance(path, Path) else pa.PythonFile(path.open("rb"), "r") as file:
        if file.size() >= len(ARROW_FILE) and file.read(len(ARROW_FILE)) == ARROW_FILE:
            reader = pa.ipc.open_file(file)
            batches = (reader.get_batch(n) for n in range(reader.num_record_batches))
        else:
            file.seek(0)
            batches = iter(pa.ipc.open_stream(file))
        yield from (_whole(batch.select(_named(batch.schema.names, columns))) for batch in batches)


def _whole(batch: Any) -> Any:
    """The batch, if no offset in it leads out of it: Arrow takes them as they lie in the file, and reads what is there.

    Raises:
        ArrowInvalid: one does, or a text within lists or objects is not UTF-8.
    """
    import pyarrow as pa

    bytes_of = {pa.string(): pa.binary(), pa.large_string(): pa.large_binary()}  # what is no UTF-8 costs a row only
    for column in batch.columns:
        column.view(bytes_of.get(column.type, column.type)).validate(full=True)
    return batch


def _named(there: list[str], wanted: set[str] | None) -> list[str]:
    return [name for name in there if wanted is None or name in wanted]


def batch_rows(batch: Any, place: int, max_bytes: int) -> Rows:
    """Many rows at once, which is three times as fast, or one by one where a text is no UTF-8."""
    for start in range(0, batch.num_rows, OBJECTS):
        part = batch.slice(start, OBJECTS)
        try:
            values = part.to_pylist()
        except UnicodeDecodeError:
            yield from (_row(part, place + start, n, max_bytes) for n in range(part.num_rows))
        else:
            yield from (_readable(Row(place + start + n, value), max_bytes) for n, value in enumerate(values))


def _row(batch: Any, place: int, number: int, max_bytes: int) -> Row | Reject:
    try:
        value = {name: column[number].as_py() for name, column in zip(batch.schema.names, batch.columns, strict=True)}
    except UnicodeDecodeError:
        return Reject(place + number, "invalid_utf8")
    return _readable(Row(place + number, value), max_bytes)
