"""Files that hold the same bytes whenever and wherever they are written."""

import bz2
import gzip
import json
import lzma
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def write(path: Path, content: bytes) -> None:
    """Bytes into a file, compressed as its ending says; no time of day and no name goes into a gzip header."""
    compress = {
        ".gz": lambda data: gzip.compress(data, 9, mtime=0),
        ".bz2": bz2.compress,
        ".xz": lambda data: lzma.compress(data, preset=9),
    }.get(path.suffix, bytes)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(compress(content))


def read(path: Path) -> bytes:
    """The bytes that were written."""
    expand = {".gz": gzip.decompress, ".bz2": bz2.decompress, ".xz": lzma.decompress}.get(path.suffix, bytes)
    return expand(path.read_bytes())


def json_lines(values: Iterable[Any]) -> bytes:
    """One JSON value a line, Arabic as itself."""
    return "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values).encode()


def json_array(values: list[Any]) -> bytes:
    """One JSON array with a line a value."""
    return ("[\n" + ",\n".join(json.dumps(value, ensure_ascii=False) for value in values) + "\n]\n").encode()


def tab_separated(rows: Iterable[Iterable[str]]) -> bytes:
    """Lines of cells without quoting; there are no tabs and no line breaks in a cell."""
    return "".join("\t".join(row) + "\n" for row in rows).encode()
