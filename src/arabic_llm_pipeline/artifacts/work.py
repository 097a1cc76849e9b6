"""Where a node makes its artifacts: a directory that a killed run may leave to the next one."""

import json
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DatasetError

from arabic_llm_pipeline.artifacts.dataset import BEGUN, Artifact, DirectoryArtifact
from arabic_llm_pipeline.artifacts.digests import digest
from arabic_llm_pipeline.artifacts.files import acquire, clear, remove
from arabic_llm_pipeline.artifacts.store import SHORT
from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.files import read_json, write_json

PREFIX = ".work-"
log = logging.getLogger(__name__)


class Workspace(AbstractDataset[Any, Path]):
    """Input of a node that makes directories: where it may leave shards or checkpoints, and finds them again."""

    def __init__(self, *, metadata: dict[str, Any] | None = None):
        self.metadata = metadata
        self.owner: Artifact | None = None  # set by the plan of a run

    def load(self) -> Path:
        """The directory, while the node runs."""
        if self.owner is None or self.owner.work is None:
            raise DatasetError("A workspace exists only while its node runs")
        return self.owner.work

    def save(self, data: Any) -> None:  # noqa: ARG002
        """Not possible: the node writes into it."""
        raise DatasetError("A workspace is written by the node itself")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {}


def owner(outputs: Sequence[Artifact]) -> Artifact:
    """The artifact in whose folder a node works: its first directory, or its first output."""
    return next((artifact for artifact in outputs if isinstance(artifact, DirectoryArtifact)), outputs[0])


@contextmanager
def working(outputs: Sequence[Artifact], wanted: bool | None) -> Iterator[None]:
    """Hold the workspace of a node's artifacts; it goes when they are made, or is of no use to the next run.

    Args:
        outputs: all artifacts of the node.
        wanted: go on with unfinished work (True), begin anew (False), or ask where it matters (None).
    """
    first = owner(outputs)
    path, lock = _locked(first)
    try:
        resumed = _begin(first, path, wanted)
        for artifact in outputs:
            artifact.work, artifact.resumed = path, resumed
        yield
        remove(path)
    except BaseException:
        if first.resumable is None:
            remove(path)
        raise
    finally:
        for artifact in outputs:
            artifact.work = None
        os.close(lock)


def _locked(first: Artifact) -> tuple[Path, int]:
    """A second run that makes the same thing waits here, then finds it made."""
    task = [first.expected.inputs, first.expected.node]
    name = digest(task) if first.resumable == "inputs" else first.expected.fingerprint
    path = first.store.folder / f"{PREFIX}{name[:SHORT]}"
    path.mkdir(parents=True, exist_ok=True)
    first.hold()
    lock = acquire(path, wait=False)
    if lock is None:
        log.info("Another run is making %s: waiting for it", first.store.folder.name)
    while lock is None:
        path.mkdir(parents=True, exist_ok=True)
        lock = acquire(path)
    return path, lock


def _begin(first: Artifact, path: Path, wanted: bool | None) -> list[str]:
    """Go on with unfinished work, or begin anew. Returns the versions of the code that worked here before this one.

    Only a person can say whether changed code may continue a checkpoint (a log message) or not (the loss).
    """
    if wanted is False or first.resumable is None:
        clear(path)
    if first.resumable != "inputs":
        return []
    code, before = digest(first.expected.code), _begun(path)
    changed = bool(before) and before[-1] != code
    if changed and wanted is None:
        raise UserError(
            f"{path} holds unfinished training, begun by code that has changed since. Say which:\n"
            "    --params=resume=true     continue it with the code as it is now\n"
            "    --params=resume=false    throw it away and begin anew"
        )
    codes = before if before and not changed else [*before, code]
    write_json(path / BEGUN, codes)
    return codes[:-1]


def _begun(path: Path) -> list[str]:
    try:
        return list(read_json(path / BEGUN))
    except (FileNotFoundError, json.JSONDecodeError):
        return []
