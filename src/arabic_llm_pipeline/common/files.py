"""Files as every room reads and writes them: UTF-8, whole or not at all, compressed by name."""

import bz2
import gzip
import json
import lzma
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.remote import RemoteFile

File = Path | RemoteFile  # what is read may lie elsewhere; what is written lies here

MAGIC = {b"\x1f\x8b": ".gz", b"BZh": ".bz2", b"\xfd7zXZ\x00": ".xz", b"\x28\xb5\x2f\xfd": ".zst"}


def read_json(path: Path) -> Any:
    """The value of a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write a value as readable JSON, Arabic as itself; the file appears whole."""
    with replace_file(path) as new:
        new.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


@contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """A path beside the wanted one to write to; it takes the wanted name when the block ends well."""
    new = path.with_name(f".{path.name}.new")
    try:
        yield new
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def open_binary(path: File) -> IO[bytes]:
    """A stream of a file's bytes, decompressed by its ending (.gz, .bz2, .xz, .zst), or else by its first bytes.

    Raises:
        UserError: there is no such file.
    """
    if not path.is_file():
        raise UserError(f"There is no file {path}. Put it there, or change the `path` of its source.")
    openers: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open, ".zst": _open_zstd}
    kind = path.suffix if path.suffix in openers else _kind(path)
    file = path if isinstance(path, Path) and kind else path.open("rb")
    return cast(IO[bytes], openers[kind](file, "rb") if kind else file)


def _kind(path: File) -> str:
    """The ending that an archive without one should have: RFC 1952, RFC 8878, and the formats of bzip2 and xz."""
    with path.open("rb") as file:
        begins = file.read(max(map(len, MAGIC)))
    return next((ending for magic, ending in MAGIC.items() if begins.startswith(magic)), "")


def _open_zstd(file: Path | IO[bytes], mode: str) -> IO[bytes]:
    import pyarrow as pa

    source = pa.OSFile(str(file), mode) if isinstance(file, Path) else pa.PythonFile(file, "r")
    return cast(IO[bytes], pa.CompressedInputStream(source, "zstd"))
