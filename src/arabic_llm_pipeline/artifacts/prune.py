"""What no experiment's link names is removed, but for the few used last."""

import os
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from arabic_llm_pipeline.artifacts.dataset import NEW, Artifact
from arabic_llm_pipeline.artifacts.files import TRASH, acquire, remove
from arabic_llm_pipeline.artifacts.store import Store, read_manifest
from arabic_llm_pipeline.artifacts.work import PREFIX

DAY_S = 86_400


def prune_all(names: Iterable[str], catalog: Any) -> list[Path]:
    """Prune the entries of these names by the parameters `artifacts.keep` and `artifacts.unfinished_days`."""
    keep, days = (catalog.get(f"params:artifacts.{name}").load() for name in ("keep", "unfinished_days"))
    datasets = [catalog.get(name, fallback_to_runtime_pattern=True) for name in sorted(names)]
    artifacts = {dataset.store.folder: dataset for dataset in datasets if isinstance(dataset, Artifact)}.values()
    for artifact in artifacts:
        artifact.release()  # this run is over
    return [
        path for artifact in artifacts for path in prune(artifact.store, keep, days, artifact.resumable is not None)
    ]


def prune(store: Store, keep: int, unfinished_days: float, resumable: bool) -> list[Path]:
    """Remove what nobody names, and say what; nothing while another process reads or makes something here.

    Args:
        store: of one entry.
        keep: how many that no link names stay, those used last.
        unfinished_days: how long unfinished work stays that a run could go on with.
        resumable: whether there is such work.
    """
    lock = acquire(store.folder, wait=False)
    if lock is None:
        return []
    try:
        _sweep(store.folder)
        gone = _loose(store, keep) + _unfinished(store.folder, unfinished_days if resumable else 0)
        for path in gone:
            remove(path)
        return gone
    finally:
        os.close(lock)


def _loose(store: Store, keep: int) -> list[Path]:
    linked = set(store.links().values())
    loose = [path for path in store.directories() if path.name not in linked]
    whole = sorted((path for path in loose if read_manifest(path)), key=lambda path: path.stat().st_mtime, reverse=True)
    return sorted(set(loose) - set(whole[:keep]))


def _unfinished(folder: Path, days: float) -> list[Path]:
    """Age is that of the newest file: a long training is not old."""
    return [path for path in folder.glob(f"{PREFIX}*") if time.time() - _newest(path) >= days * DAY_S]


def _newest(path: Path) -> float:
    return max(inside.lstat().st_mtime for inside in (path, *path.rglob("*")))


def _sweep(folder: Path) -> None:
    """What a kill left of a save, of a removal or of a link being swapped."""
    for kind in (NEW, TRASH):
        for left in folder.glob(f"{kind}*"):
            shutil.rmtree(left)
    for link in folder.glob(".*.link"):
        link.unlink()
