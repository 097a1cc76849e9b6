"""All artifacts of one catalog entry: directories named by fingerprint, never changed, and one link per experiment."""

import json
import os
import re
import shutil
import time
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from arabic_llm_pipeline.artifacts.digests import digest, digest_file
from arabic_llm_pipeline.artifacts.files import point, pointed, sync, sync_names
from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.files import read_json, write_json

MANIFEST = "artifact.json"
SHORT = 12  # characters of a fingerprint that make the directory's name
NAME = re.compile(rf"([0-9a-f]{{{SHORT}}})(?:-(\d+))?")  # -2 and so on: made again with other content
EXPERIMENT = re.compile(r"\w[\w.+-]*")


@dataclass(frozen=True)
class Expected:
    """What a node would make now: the beginning of a manifest."""

    fingerprint: str
    node: str | None = None
    code: dict[str, dict[str, str]] = field(default_factory=dict)  # by node: its own, and those before it in memory
    inputs: dict[str, str | None] = field(default_factory=dict)  # None: it is not there
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def unknown(self) -> list[str]:
        """Inputs that are not there, so that nobody can say what would be made."""
        return [name for name, key in self.inputs.items() if key is None]


def check_experiment(name: str) -> None:
    """Refuse a name that is none for a link, or that would read as a fingerprint.

    Raises:
        UserError: it is such a name.
    """
    if NAME.fullmatch(name) or not EXPERIMENT.fullmatch(name):
        raise UserError(
            f"An experiment cannot be called {name!r}: use letters, digits, and . _ + - after the first one, and not "
            f"{SHORT} digits and letters a-f, which name artifacts. Change --params=experiment=..."
        )


def read_manifest(directory: Path) -> dict[str, Any] | None:
    """None unless the artifact is whole: every file it lists is there with its size."""
    try:
        manifest: dict[str, Any] = read_json(directory / MANIFEST)
        whole = all((directory / name).stat().st_size == size for name, size in manifest["files"].items())
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError, KeyError):
        return None
    return manifest if whole else None


def describe(directory: Path) -> dict[str, Any]:
    """Content (files by name, without the manifest) and sizes of a finished directory."""
    files = sorted(path for path in directory.rglob("*") if path.is_file() and path != directory / MANIFEST)
    names = {path.relative_to(directory).as_posix(): path for path in files}
    content = digest({name: digest_file(path) for name, path in names.items()})
    return {"content": content, "files": {name: path.stat().st_size for name, path in names.items()}}


def write_manifest(directory: Path, manifest: dict[str, Any]) -> None:
    """The last file of an artifact; the time it says is for people and counts nowhere."""
    write_json(directory / MANIFEST, {**manifest, "made": time.time()})


class Store:
    """The folder of one catalog entry."""

    def __init__(self, folder: Path):
        self.folder = folder

    def directories(self) -> list[Path]:
        """All artifacts, whole or not."""
        return [path for path in sorted(self.folder.glob("[0-9a-f]*")) if NAME.fullmatch(path.name) and path.is_dir()]

    def links(self) -> dict[str, str]:
        """Experiment -> name of the directory it uses."""
        names = (path for path in sorted(self.folder.glob("[!.]*")) if not NAME.fullmatch(path.name))
        return {path.name: target for path in names if (target := pointed(path)) and NAME.fullmatch(target)}

    def find(self, fingerprint: str) -> Path | None:
        """The whole artifact of that fingerprint, the one made last if it was forced to be made again."""
        named = ((NAME.fullmatch(path.name), path) for path in self.folder.glob(f"{fingerprint[:SHORT]}*"))
        same = sorted(((int(name[2] or 1), path) for name, path in named if name), reverse=True)
        return next((path for _, path in same if _is(read_manifest(path), fingerprint=fingerprint)), None)

    def target(self, experiment: str) -> Path | None:
        """The whole artifact that an experiment uses."""
        name = pointed(self.folder / experiment)
        return self.folder / name if name and read_manifest(self.folder / name) else None

    def publish(self, directory: Path, manifest: dict[str, Any]) -> Path:
        """One rename gives a finished directory its name; nothing is ever replaced."""
        sync(directory)
        for number in count(1):
            place = self.folder / (manifest["fingerprint"][:SHORT] + (f"-{number}" if number > 1 else ""))
            if not place.exists():
                directory.rename(place)
                sync_names(self.folder)
                return place
            if _is(read_manifest(place), content=manifest["content"]):
                shutil.rmtree(directory)
                return place
        raise AssertionError("count() does not end")

    def point(self, experiment: str, directory: Path) -> None:
        """Have an experiment use this artifact from now on."""
        os.utime(directory)  # pruning keeps what was used last
        point(self.folder / experiment, directory.name)


def _is(manifest: dict[str, Any] | None, **values: str) -> bool:
    return manifest is not None and all(manifest[name] == value for name, value in values.items())
