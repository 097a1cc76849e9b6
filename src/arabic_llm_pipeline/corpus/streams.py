"""Bytes of files that may be damaged: read up to the damage, decoded line by line or repaired as they stream."""

import codecs
import zlib
from collections.abc import Iterator
from lzma import LZMAError
from typing import Any, NamedTuple, Self

from pyarrow import ArrowException

from arabic_llm_pipeline.common.files import File, open_binary
from arabic_llm_pipeline.corpus.records import EXCERPT, Reject

CHUNK = 1 << 18
UTF_8 = "utf-8"
BOMBS_FROM, MOST_TIMES = 1 << 30, 500  # text is compressed some 5 times, the same line again and again some 200 times
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
    """The decompressed bytes of a text file, piece by piece; what comes before the damage of an archive is not lost.

    Text in another encoding comes as UTF-8; UTF-16 and UTF-32 are told by their byte order mark.
    """

    def __init__(self, path: File, encoding: str = UTF_8):
        self._path = path
        self._recode = None if encoding == UTF_8 else codecs.getincrementaldecoder(encoding)("unreadable")
        self._given = 0

    def __enter__(self) -> Self:
        try:
            self._file: Any = open_binary(self._path)
        except PermissionError as error:
            raise BrokenFileError("no_permission") from error
        except DAMAGE as error:
            raise BrokenFileError("broken_archive") from error
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, size: int = CHUNK) -> bytes:
        """The next bytes, at most so many, none at the end.

        Raises:
            BrokenFileError: the archive is damaged here, or grows as no text does.
        """
        while True:
            chunk = self._read(size)
            if not self._recode:
                return chunk
            text = self._recode.decode(chunk, final=not chunk)
            if text or not chunk:
                return text.encode(UTF_8)

    def _read(self, size: int) -> bytes:
        try:
            chunk = bytes(self._file.read1(size if size > 0 else CHUNK))
        except DAMAGE as error:
            raise BrokenFileError("broken_archive") from error
        if not self._given and not self._recode and (encoding := _marked(chunk)):
            self._recode = codecs.getincrementaldecoder(encoding)("unreadable")
        self._given += len(chunk)
        if self._given > BOMBS_FROM and self._given > MOST_TIMES * self._path.stat().st_size:
            raise BrokenFileError("compression_bomb")
        return chunk


def _marked(begins: bytes) -> str | None:
    """The encoding that a byte order mark tells; UTF-32's begins with UTF-16's, and is looked for first."""
    marks = {codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32"}
    marks |= {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
    return next((name for mark, name in marks.items() if begins.startswith(mark)), None)


class Repaired(Stream):
    """The same as valid UTF-8: bytes that are none become `UNREADABLE`; subclasses mend more."""

    def __init__(self, path: File, encoding: str = UTF_8):
        super().__init__(path, encoding)
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


def first_byte(path: File, encoding: str = UTF_8) -> bytes:
    """The first byte that is no space and no byte order mark; none in an empty or unreadable file."""
    try:
        with Stream(path, encoding) as stream:
            return stream.read(1024).removeprefix(codecs.BOM_UTF8).lstrip()[:1]
    except BrokenFileError:
        return b""


def read_lines(path: File, max_bytes: int, encoding: str = UTF_8) -> Iterator[Line | Reject]:
    """The lines of a text file, empty ones left out, with a reject for each that is too long or not of its encoding.

    Args:
        path: plain or compressed.
        max_bytes: a longer line is rejected without being held in memory.
        encoding: as Python calls it.
    """
    number = 0
    try:
        with Stream(path, encoding) as stream:
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
    if UNREADABLE in text:
        return Reject(number, "invalid_encoding", text.replace(UNREADABLE, "\ufffd")[:EXCERPT])
    return Line(number, (text.removeprefix(BOM) if number == 1 else text).removesuffix("\r"))
