"""Digests of values and of files; what was found out about a file is remembered until the file changes."""

import hashlib
import inspect
import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

from kedro.utils import find_kedro_project
from pydantic import BaseModel, RootModel

from arabic_llm_pipeline.common.neutral import is_neutral

CACHE = ".cache/digests.json"
SETTLED_S = 2  # a file younger than this may change again within one tick of its mtime: not remembered
LARGE_BYTES = 1 << 28
log = logging.getLogger(__name__)


def digest(value: Any) -> str:
    """SHA-256 of a plain value, independent of the order of keys."""
    return hashlib.sha256(_text(value).encode()).hexdigest()


def digest_file(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    if path.stat().st_size > LARGE_BYTES:
        log.info("Reading %s, to know it by its content", path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def plain(value: Any) -> Any:
    """A parameter as JSON would give it back, without the fields marked neutral: they cannot change a result."""
    return json.loads(_text(_without_neutral(value)))


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=_named)


def _named(value: Any) -> Any:
    """What JSON does not know. A function by its name: as text it has its place in memory, another in every process."""
    if inspect.isroutine(value):
        return f"{value.__module__}.{value.__qualname__}"
    if is_dataclass(value) and not isinstance(value, type):
        return {part.name: getattr(value, part.name) for part in fields(value)}
    return str(value)


def _without_neutral(value: Any) -> Any:
    if isinstance(value, RootModel):
        return _without_neutral(value.root)
    if isinstance(value, BaseModel):
        named = {name: (field, getattr(value, name)) for name, field in type(value).model_fields.items()}
        counted = {name: given for name, (field, given) in named.items() if not is_neutral(field, given)}
        fields = counted | (value.model_extra or {})
        return _without_neutral(fields)
    if isinstance(value, Mapping):
        return {str(key): _without_neutral(inside) for key, inside in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((_without_neutral(inside) for inside in value), key=_text)
    return [_without_neutral(inside) for inside in value] if isinstance(value, list | tuple) else value


class Memory:
    """What was computed from files, by path, inode, size and mtime: the next run only looks at these."""

    def __init__(self, path: Path):
        self.path, self.changed = path, False
        try:
            self.known: dict[str, list[Any]] = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            self.known = {}

    def of(self, kind: str, file: Path, compute: Callable[[Path], Any]) -> Any:
        """The remembered value, or the computed one.

        Args:
            kind: what is computed, with a version of its own: values of older code are not taken for new ones.
            file: what it is computed from.
            compute: gives a value that JSON can hold.
        """
        stat = file.stat()
        key, stamp = f"{kind}|{file.absolute()}", [stat.st_ino, stat.st_size, stat.st_mtime_ns]
        if (found := self.known.get(key)) and found[0] == stamp:
            return found[1]
        value = compute(file)
        if time.time() - stat.st_mtime > SETTLED_S:
            self.known[key], self.changed = [stamp, value], True
        return value

    def content(self, file: Path) -> str:
        """The digest of a file's bytes."""
        return str(self.of("content", file, digest_file))

    def save(self) -> None:
        """Keep it for the next run. Of two runs at once the last wins: what the other knew is found out again."""
        if not self.changed:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps(self.known), encoding="utf-8")
        new.replace(self.path)
        self.changed = False


def memory() -> Memory:
    """The memory of the project around the working directory."""
    here = Path.cwd()
    return _memory((find_kedro_project(here) or here) / CACHE)


@cache
def _memory(path: Path) -> Memory:
    return Memory(path)
