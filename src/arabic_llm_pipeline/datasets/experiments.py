"""What finished experiments left: scores, values, logs and costs, read by the links of their names."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
from kedro.io import AbstractDataset, DatasetError

from arabic_llm_pipeline.artifacts.store import MANIFEST, Store
from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.files import read_json
from arabic_llm_pipeline.datasets.provenance import Provenance

LAYERS = ("06_models", "07_model_output")
KINDS = ("scores", "answers", "details", "log", "resources")  # entries of a candidate that have shapes of their own
COMMON = {"measure", "set", "metric", "value"}  # columns of the scores and values that any kind of evaluation leaves


class Experiments(AbstractDataset[Any, dict[str, Any]]):
    """Experiment -> its entries by name, the parameters that made them, and who made them; what they hold counts."""

    def __init__(self, *, path: str, metadata: dict[str, Any] | None = None):
        """Say where.

        Args:
            path: the folder of all layers, `data`.
            metadata: for Kedro's plugins.
        """
        self.folder, self.metadata = Path(path), metadata
        self.experiments: tuple[str, ...] = ()

    def bind(self, experiments: Iterable[str]) -> None:
        """Say which."""
        self.experiments = tuple(experiments)

    def external_files(self) -> list[Path]:
        """Those that are read; of an experiment that nobody made there are none, as `load` says."""
        return [path for experiment in self.experiments for path in self._files(experiment).values()]

    def load(self) -> dict[str, dict[str, Any]]:
        """Keys of each: entries, parameters, origins.

        Raises:
            UserError: an experiment has no artifacts here.
        """
        return {experiment: self._experiment(experiment) for experiment in self.experiments}

    def _experiment(self, experiment: str) -> dict[str, Any]:
        files = self._files(experiment)
        if not files:
            raise UserError(
                f"compare.experiments: nothing of {experiment!r} is in {self.folder}. There are: "
                f"{', '.join(self.known()) or 'none'}. Run it first, or name another."
            )
        made = Provenance(path=str(self.folder), experiment=experiment, of=files)
        entries = {name: read_json(path) if path.suffix == ".json" else pl.read_parquet(path)
                   for name, path in files.items()}  # fmt: skip
        return {"entries": entries, "parameters": made.parameters(), "origins": made.load()["origins"]}

    def known(self) -> list[str]:
        """Experiments that left any scores."""
        stores = (Store(folder) for folder in sorted(self.folder.glob(f"{LAYERS[1]}/*_scores")))
        return sorted({name for store in stores for name in store.links()})

    def _files(self, experiment: str) -> dict[str, Path]:
        return dict(self._found(experiment))

    def _found(self, experiment: str) -> Iterator[tuple[str, Path]]:
        for folder in sorted(path for layer in LAYERS for path in self.folder.glob(f"{layer}/*") if path.is_dir()):
            directory = Store(folder).target(experiment)
            files = [path for path in sorted(directory.iterdir()) if path.name != MANIFEST] if directory else []
            if len(files) == 1 and _counts(folder.name, files[0]):
                yield folder.name, files[0]

    def save(self, data: Any) -> None:  # noqa: ARG002
        """Not possible: they are artifacts of their own."""
        raise DatasetError("Experiments are read from the artifacts that hold them")

    def _exists(self) -> bool:
        return self.folder.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self.folder), "experiments": list(self.experiments)}


def _counts(entry: str, file: Path) -> bool:
    """Whether an entry is read: one of a candidate's own, or a table of the common shapes."""
    if entry.endswith(tuple(f"_{kind}" for kind in KINDS)) and file.suffix in {".json", ".parquet"}:
        return True
    return file.suffix == ".parquet" and set(pl.read_parquet_schema(file)) >= COMMON
