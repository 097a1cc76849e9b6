"""Chains of stages as Kedro runs them, each stage in this process: a child of its own takes ten seconds to import."""

import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline
from kedro.runner import SequentialRunner

from arabic_llm_pipeline.common.files import read_json
from arabic_llm_pipeline.pipelines.stages.pipeline import create_pipeline as stages
from arabic_llm_pipeline.recipes import Chain, name, prefixes
from arabic_llm_pipeline.training.job import LOG, RESOURCES, RESULT
from tests.training.conftest import Answers


class Kept(MemoryDataset):
    """Stays after its last reader, for the test to read."""

    def _release(self) -> None: ...


def run(pipeline: Pipeline, entries: Mapping[str, Any]) -> dict[str, Any]:
    """Run with everything in memory; gives what came out."""
    catalog = DataCatalog({name: MemoryDataset(value, copy_mode="assign") for name, value in entries.items()})
    for made in pipeline.all_outputs():
        catalog[made] = Kept(copy_mode="assign")
    SequentialRunner().run(pipeline, catalog)
    return {name: catalog.load(name) for name in pipeline.all_outputs()}


def workspaces(folder: Path, *names: str) -> dict[str, Path]:
    """As the artifacts have them: a folder in that of the entry."""
    found = {name: folder / name.removesuffix("_workspace") / "work" for name in names}
    for path in found.values():
        path.mkdir(parents=True)
    return found


def run_chains(chains: Iterable[Chain], entries: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Train every beginning of some chains, each once; gives what their nodes give.

    Args:
        chains: recipes.
        entries: of the catalog, but for workspaces.
        folder: where these go.
    """
    parts = dict.fromkeys(part for chain in chains for part in prefixes(chain))
    pipeline = sum((stages(part) for part in parts), Pipeline([]))
    told = {**entries, **workspaces(folder, *(f"{name(part)}_workspace" for part in parts))}
    with _here():
        return run(pipeline, {entry: value for entry, value in told.items() if entry in pipeline.inputs()})


@contextmanager
def _here() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("arabic_llm_pipeline.training.stage.run_stage", _train)
        yield
    signal.signal(signal.SIGINT, before)


def _train(train: Any, job: Any, _label: str) -> Any:
    train(job, Answers())
    return job.finished / RESULT, pl.read_parquet(job.finished / LOG), read_json(job.finished / RESOURCES)
