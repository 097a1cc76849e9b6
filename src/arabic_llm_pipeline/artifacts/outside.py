"""Inputs that no node makes: which files they are, and what these hold."""

import glob
import os
from pathlib import Path
from typing import Any

from arabic_llm_pipeline.artifacts.digests import Memory, digest
from arabic_llm_pipeline.common.files import File

PLACES = ("filepath", "path", "metadata", "credentials", "version")  # arguments that do not count: content does


def external_files(dataset: Any) -> list[File] | None:
    """The files a data set reads, absent ones too; None where nobody can say which.

    A class of the project says it itself by a method `external_files`; those of kedro-datasets know a file, a
    directory or a glob.
    """
    if hasattr(dataset, "external_files"):
        return list(dataset.external_files())
    place = getattr(dataset, "_filepath", None) or getattr(dataset, "_path", None)
    if not place or getattr(dataset, "_protocol", "file") not in {"file", "local", ""}:
        return None
    path = Path(str(place).removeprefix("file://"))
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file()) or [path]
    if not path.exists() and glob.has_magic(str(path)):
        return sorted(Path(name) for name in glob.glob(str(path), recursive=True)) or [path]  # noqa: PTH207
    return [path]


def missing_files(dataset: Any) -> list[File]:
    """Those of its files that are not there."""
    return [file for file in external_files(dataset) or () if not file.is_file()]


def external_key(dataset: Any, memory: Memory) -> str | None:
    """What an input from outside holds, wherever it lies; None if a file of it is missing.

    Of a file elsewhere its URL counts, and what its storage says of the content. Of a data set that is no file only the
    settings are known.
    """
    files = external_files(dataset)
    if files is None:
        return digest([type(dataset).__name__, dataset._describe()])
    if not all(file.is_file() for file in files):
        return None
    return digest([_held(files, memory), _settings(dataset)])


def _held(files: list[File], memory: Memory) -> list[tuple[str, str]]:
    """What lies here by its name among the others, what lies elsewhere by its URL."""
    here = [file.absolute() for file in files if isinstance(file, Path)]
    root = os.path.commonpath([file.parent for file in here]) if here else ""
    held = [(os.path.relpath(file, root), memory.content(file)) for file in here]
    return sorted(held + [(file.url, file.stamp()) for file in files if not isinstance(file, Path)])


def _settings(dataset: Any) -> dict[str, Any]:
    """How a class of kedro-datasets reads (separators, columns); the project's own are told by parameters."""
    if hasattr(dataset, "external_files"):
        return {}
    return {name: value for name, value in dataset._init_config().items() if name not in PLACES}
