"""Files elsewhere, named by a URL (s3://, gs://, https://, memory://, ...): what fsspec knows of them, read as streams.

Credentials are the storage's own business (its environment variables and files): a URL that holds one is refused,
because parameters are kept, and no message shows what a URL asks for.
"""

import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from hashlib import file_digest
from pathlib import PurePosixPath
from typing import IO, Any, NamedTuple, cast
from urllib.parse import parse_qsl, urlsplit

from arabic_llm_pipeline.common.errors import UserError

PROTOCOL = re.compile(r"([a-z][a-z0-9+.-]*)://")
MAGIC = re.compile(r"[*?\[]")
READ_BYTES = 1 << 18
STATED = ("ETag", "etag", "md5Hash", "md5", "checksum", "blob_id", "Content-MD5", "Digest")  # of the content
DATED = ("mtime", "LastModified", "last_modified", "updated", "modified", "Last-Modified")
SECRET = re.compile(r"(?:key|password|sig|signature|token)$", re.IGNORECASE)  # how such names in a query end
ABSENT = {404, 410}  # as HTTP says that there is no such file
EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "http": "http", "https": "http"}
HELP = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or ~/.aws say who you are, AWS_ENDPOINT_URL names another "
    "server than Amazon's, FSSPEC_S3_ANON=true reads what is public",
    "gs": "gcloud auth application-default login, or GOOGLE_APPLICATION_CREDENTIALS, says who you are; "
    "FSSPEC_GS_TOKEN=anon reads what is public",
}


class Size(NamedTuple):
    """What is known of a file before it is read."""

    st_size: int  # bytes; 0 where the server does not say


@dataclass(frozen=True, order=True)
class RemoteFile:
    """The part of `pathlib.Path` that reading needs, for a file that fsspec knows."""

    url: str

    def __str__(self) -> str:
        return shown(self.url)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return PurePosixPath(urlsplit(self.url).path).name

    @property
    def suffix(self) -> str:
        """The ending of the name."""
        return PurePosixPath(self.name).suffix

    @cached_property
    def _info(self) -> dict[str, Any] | None:
        system = file_system(self.url)
        with _explained(self.url):
            try:
                return cast(dict[str, Any], system.info(self.url))
            except FileNotFoundError as error:
                if (cause := error.__cause__) and _web(self.url) and getattr(cause, "status", None) not in ABSENT:
                    raise cause from None  # fsspec calls absent whatever a web server does not give
                return None

    def is_file(self) -> bool:
        """Whether it is there.

        Raises:
            UserError: nobody could say.
        """
        return self._info is not None and self._info.get("type", "file") == "file"

    def stat(self) -> Size:
        """Its size."""
        return Size(int((self._info or {}).get("size") or 0))

    def open(self, mode: str = "rb") -> IO[bytes]:
        """A stream of its bytes, as they lie there.

        Raises:
            UserError: then or while it is read: there is no way to it.
        """
        with _explained(self.url):
            raw = _Reader(self.url, file_system(self.url).open(self.url, mode))
        return io.BufferedReader(raw, READ_BYTES)

    def stamp(self) -> str:
        """What tells this content from another: a checksum, else size and date, else a digest of all its bytes."""
        info = self._info or {}
        found = {name: info[name] for name in STATED if info.get(name)}
        found = found or {name: info[name] for name in DATED if info.get(name)}
        if not found:
            with self.open() as file:
                found = {"sha256": file_digest(cast(Any, file), "sha256").hexdigest()}
        return json.dumps({"size": info.get("size"), **found}, sort_keys=True, default=str)


class _Reader(io.RawIOBase):
    """Bytes from elsewhere, whose failing is an error of the run and no damage of the file."""

    def __init__(self, url: str, file: IO[bytes]):
        self._url, self._file = url, file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._file.seekable()

    def readinto(self, buffer: Any) -> int:
        with _explained(self._url):
            data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        with _explained(self._url):
            return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def is_url(path: str) -> bool:
    """Whether a path names a file elsewhere."""
    return PROTOCOL.match(path) is not None


def find(url: str) -> list[RemoteFile]:
    """The files that a URL or glob names, sorted; one that names none stands for itself, as a missing file.

    Raises:
        UserError: the storage does not answer, or has no way to list what it holds.
    """
    magic = MAGIC.search(urlsplit(url).path if _web(url) else url)
    if not magic or (one := RemoteFile(url)).is_file():  # a name may have brackets in it
        return [RemoteFile(url)]
    if _web(url):
        raise UserError(f"{shown(url)}: a web server does not say what files it has. Name each file.")
    system = file_system(url)
    with _explained(url):
        found = [path for path, info in system.glob(url, detail=True).items() if info["type"] == "file"]
    return [RemoteFile(system.unstrip_protocol(path)) for path in sorted(found)] or [one]


def protocol_of(url: str) -> str:
    """What stands before the `://`."""
    return url.partition("://")[0]


def _web(url: str) -> bool:
    return protocol_of(url) in {"http", "https"}


def file_system(url: str) -> Any:
    """What fsspec reads a URL with; it remembers no listings, so that a later look sees what is there then.

    Raises:
        UserError: there is none, or its package is not installed.
    """
    import fsspec

    protocol = protocol_of(url)
    try:
        return fsspec.filesystem(protocol, use_listings_cache=False)
    except ValueError:
        raise UserError(f"{shown(url)}: fsspec knows no {protocol}://. Change the path.") from None
    except ImportError as error:
        extra = EXTRAS.get(protocol)
        what = f"pip install 'arabic-llm-pipeline[{extra}]'" if extra else str(error)
        raise UserError(f"{shown(url)}: reading {protocol}:// needs a package that is not installed: {what}") from None


def secret_in(url: str) -> str | None:
    """The part of a URL that gives access to something, and has no place in a configuration."""
    parts = urlsplit(url)
    if parts.password or (parts.username and _web(url)):
        return "a name or password"
    return next((name for name, _ in parse_qsl(parts.query, keep_blank_values=True) if SECRET.search(name)), None)


def shown(text: str) -> str:
    """A text for people, without what its URLs ask for, and without the name and password before their hosts."""
    return re.sub(r"(://)[^/@\s'\"]+@", r"\1", re.sub(r"(://[^\s'\"?]+)\?[^\s'\")>]*", r"\1?...", text))


@contextmanager
def _explained(url: str) -> Iterator[None]:
    """Whatever goes wrong between here and there is told as one error."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # each storage has errors of its own
        protocol = protocol_of(url)
        hint = HELP.get({"s3a": "s3", "gcs": "gs"}.get(protocol, protocol), "see that the server answers")
        raise UserError(
            f"{shown(url)} cannot be read: {type(error).__name__}: {shown(str(error))}\n"
            f"Try again, or see that it may be read: {hint}."
        ) from None
