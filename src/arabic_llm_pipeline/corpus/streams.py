"""Bytes of files that may be damaged: read up to the damage, decoded line by line or repaired as they stream."""

import codecs
import zlib
from collections.abc import Iterator
from lzma import LZMAError
from pathlib import Path
from typing import Any, NamedTuple, Self

from pyarrow import ArrowException

from arabic_llm_pipeline.common.files import open_binary
from arabic_llm_pipeline.corpus.records import EXCERPT, Reject

CHUNK = 1 << 18
DAMAGE = (EOFError, OSError, zlib.error, LZMAError, ArrowException)
BOM = "\ufeff"
UNREADABLE = (
    "\U0010ffff"  # a noncharacter, never text: stands where bytes are no UTF-8, so that only that record is refused
)


class BrokenFileError(Exception):
    """A file that cannot be read any further; the message is the reason."""


class Line(NamedTuple):
    """A line of text without its end."""

    place: int  # from 1
    text: str


class Stream:
    """The decompressed bytes of a file, piece by piece; what comes before the damage of an archive is not lost."""

    def __init__(self, path: Path):
        self._path = path

    def __enter__(self) -> Self:
        try:
            self._file: Any = open_binary(self._path)
        except DAMAGE as error:
            raise BrokenFileError("broken_archive") from error
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, size: int = CHUNK) -> bytes:
        """The next bytes, at most so many, none at the end.

        Raises:
            BrokenFileError: the archive is damaged here.
        """
        try:
            return bytes(self._file.read1(size if size > 0 else CHUNK))
        except DAMAGE as error:
            raise BrokenFileError("broken_archive") from error


class Repaired(Stream):
    """The same as valid UTF-8: bytes that are none become `UNREADABLE`; subclasses mend more."""

    def __init__(self, path: Path):
        super().__init__(path)
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")(errors="unreadable")

    def read(self, size: int = CHUNK) -> bytes:
        """The next bytes, about so many, none at the end."""
        if size == 0:  # a question for the type
            return b""
        while True:
            chunk = super().read(size)
            text = self.mend(self._decoder.decode(chunk, final=not chunk), final=not chunk)
            if text or not chunk:
                return text.encode("utf-8")

    def mend(self, text: str, final: bool) -> str:  # noqa: ARG002
        """What a format needs mended; what is held back for the next call comes out at the end."""
        return text


def _mark(error: UnicodeError) -> tuple[str, int]:
    return UNREADABLE, error.end  # type: ignore[attr-defined]


codecs.register_error("unreadable", _mark)


def first_byte(path: Path) -> bytes:
    """The first byte that is no space and no byte order mark; none in an empty or unreadable file."""
    try:
        with Stream(path) as stream:
            return stream.read(1024).removeprefix(codecs.BOM_UTF8).lstrip()[:1]
    except BrokenFileError:
        return b""


def read_lines(path: Path, max_bytes: int) -> Iterator[Line | Reject]:
    """The lines of a text file, empty ones left out, with a reject for each that is too long or no UTF-8.

    Args:
        path: plain or compressed.
        max_bytes: a longer line is rejected without being held in memory.
    """
    number = 0
    try:
        with Stream(path) as stream:
            for line in _split(stream, max_bytes):
                number += 1
                if line.strip():
                    yield _decode(number, line, max_bytes)
        if number == 0:
            yield Reject(1, "empty_file")
    except BrokenFileError as error:
        yield Reject(number + 1, str(error))


def _split(stream: Stream, max_bytes: int) -> Iterator[bytes]:
    """Lines as bytes; of one that is too long, a beginning that is too long."""
    rest = b""
    while chunk := stream.read():
        *lines, end = chunk.split(b"\n")
        if lines:
            lines[0] = rest + lines[0]
            yield from lines
            rest = end
        elif len(rest) <= max_bytes:
            rest += end
    if rest:
        yield rest


def _decode(number: int, line: bytes, max_bytes: int) -> Line | Reject:
    if len(line) > max_bytes:
        return Reject(number, "line_too_long", line[: 4 * EXCERPT].decode("utf-8", errors="ignore")[:EXCERPT])
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        return Reject(number, "invalid_utf8", line.decode("utf-8", errors="replace")[:EXCERPT])
    return Line(number, (text.removeprefix(BOM) if number == 1 else text).removesuffix("\r"))
