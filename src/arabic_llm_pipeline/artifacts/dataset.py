"""Catalog entries that are artifacts: a run knows them by fingerprint, everybody else by the experiment's link."""

import os
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from kedro.io import AbstractDataset, DatasetError

from arabic_llm_pipeline.artifacts.digests import digest
from arabic_llm_pipeline.artifacts.files import acquire
from arabic_llm_pipeline.artifacts.origin import origin
from arabic_llm_pipeline.artifacts.store import (
    SHORT,
    Expected,
    Store,
    check_experiment,
    describe,
    read_manifest,
    write_manifest,
)

NEW = ".new-"
BEGUN = ".begun.json"  # in a workspace: the versions of the code that worked there, the latest last
NOTHING = Expected("")


class Artifact(AbstractDataset[Any, Any]):
    """An entry whose `path` is the experiment's link; a subclass says how data becomes a directory, and back."""

    resumable: Literal["fingerprint", "inputs"] | None = (
        None  # how unfinished work is named that a next run goes on with
    )

    def __init__(self, *, path: str, metadata: dict[str, Any] | None = None):
        """Place an entry.

        Args:
            path: `data/<layer>/<entry>/<experiment>`.
            metadata: for Kedro's plugins.
        """
        link = Path(path)
        check_experiment(link.name)
        self.store, self.experiment, self.metadata = Store(link.parent), link.name, metadata
        self.settings: dict[str, Any] = {}  # what of the entry's configuration counts for who writes it
        self.reading: dict[str, Any] = {}  # and what for who reads it
        self.expected = NOTHING  # set by the plan of a run
        self.used: Path | None = None  # the directory this run uses, whatever becomes of the link
        self.work: Path | None = None  # set while a run makes it
        self.seed: Any = None
        self.resumed: list[str] = []  # older versions of the code that had a part in it
        self._lock: int | None = None

    def write(self, data: Any, directory: Path) -> None:
        """Make the directory, which is not there yet, from what a node returned."""
        raise NotImplementedError

    def read(self, directory: Path) -> Any:
        """What the next node gets."""
        raise NotImplementedError

    def find(self) -> Path | None:
        """The artifact that the node would make now, if somebody made it already."""
        return self.store.find(self.expected.fingerprint) if self.expected.fingerprint else None

    def current(self) -> Path | None:
        """What this run uses, or else what the link names."""
        return self.used or self.store.target(self.experiment)

    def manifest(self) -> dict[str, Any] | None:
        """How the current one was made."""
        found = self.current()
        return read_manifest(found) if found else None

    def key(self, directory: Path | None) -> str | None:
        """What counts of an artifact for those who read it: its content, not how it was made."""
        manifest = read_manifest(directory) if directory else None
        if manifest is None:
            return None
        return digest([manifest["content"], self.reading]) if self.reading else str(manifest["content"])

    def hold(self) -> None:
        """From here on until the process ends (or `release`) nothing of this entry is pruned."""
        if self._lock is None:
            self._lock = acquire(self.store.folder, shared=True)

    def _release(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)

    def stands(self) -> bool:
        """Use what was made under the expected fingerprint. False: it is to be made."""
        self.hold()
        found = self.find()
        if found:
            self.use(found)
        return found is not None

    def use(self, directory: Path) -> None:
        """Read from this directory until the run ends, and have the link name it."""
        self.store.point(self.experiment, directory)
        self.used = directory

    def save(self, data: Any) -> None:
        """Write, describe, and name: the artifact appears whole, then the link names it."""
        self.store.folder.mkdir(parents=True, exist_ok=True)
        self.hold()
        new = self.store.folder / f"{NEW}{self.expected.fingerprint[:SHORT] if self.work else os.getpid()}"
        shutil.rmtree(new, ignore_errors=True)
        try:
            self.write(data, new)
            self._publish(new)
        finally:
            shutil.rmtree(new, ignore_errors=True)

    def _publish(self, directory: Path) -> None:
        """What is saved by hand, from a notebook, is named by the link until a run makes what belongs there."""
        found = describe(directory)
        expected = self.expected if self.work else Expected(digest(["by hand", found["content"]]))
        manifest = asdict(expected) | found | {"origin": origin(), "seed": self.seed, "resumed": self.resumed}
        write_manifest(directory, manifest)
        self.use(self.store.publish(directory, manifest))
        if not self.work:
            self.used = None

    def load(self) -> Any:
        """What the current artifact holds. The link is read once: whatever becomes of it, one version is seen."""
        self.hold()
        directory = self.current()
        if directory is None:
            raise DatasetError(f"{self.store.folder / self.experiment} names no whole artifact")
        return self.read(directory)

    def _exists(self) -> bool:
        return self.current() is not None

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self.store.folder / self.experiment)}


class DirectoryArtifact(Artifact):
    """Adopts the finished directory that a node made in its workspace and returned; loads as a path.

    A subclass may load as a handle (`read`), and says what a killed run leaves to the next one (`resumable`):
    "fingerprint": work of the same code and inputs goes on where it stopped, other work begins anew;
    "inputs": work (training) goes on also when code changed, if the user says so.
    """

    def write(self, data: Path | str, directory: Path) -> None:
        """Take the directory by a rename; one from elsewhere, which may be somebody's, is copied."""
        if self.work and Path(data).resolve().is_relative_to(self.work.resolve()):
            shutil.move(data, directory)
            (directory / BEGUN).unlink(missing_ok=True)
        else:
            shutil.copytree(data, directory)

    def read(self, directory: Path) -> Any:
        """The directory itself."""
        return directory
