"""What is known about a stage by now: artifacts of JSON or tables that may be there or not."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl
from kedro.io import AbstractDataset, DatasetError

from arabic_llm_pipeline.artifacts.store import Store
from arabic_llm_pipeline.common.files import read_json

TABLE = ".parquet"


class Facts(AbstractDataset[Any, dict[str, Any]]):
    """Entry -> value of its JSON file or rows of its table, for those an experiment has; what they hold counts."""

    def __init__(self, *, path: str, experiment: str, of: Iterable[str], metadata: dict[str, Any] | None = None):
        """Say which.

        Args:
            path: the folder of all layers, `data`.
            experiment: name of the links to follow.
            of: catalog entries, each of one JSON file or one table.
            metadata: for Kedro's plugins.
        """
        self.folder, self.experiment, self.of, self.metadata = Path(path), experiment, list(of), metadata

    def external_files(self) -> list[Path]:
        """Those that are there."""
        return list(self._files().values())

    def load(self) -> dict[str, Any]:
        """Values by entry."""
        return {name: _read(path) for name, path in self._files().items()}

    def save(self, data: Any) -> None:  # noqa: ARG002
        """Not possible: they are artifacts of their own."""
        raise DatasetError("Facts are read from the artifacts that hold them")

    def _files(self) -> dict[str, Path]:
        found = {}
        for name in self.of:
            folder = next(iter(sorted(self.folder.glob(f"*/{name}"))), None)
            there = Store(folder).target(self.experiment) if folder else None
            files = [path for path in there.glob("*") if path.suffix in (".json", TABLE)] if there else []
            own = [path for path in files if path.name != "artifact.json"]
            if len(own) == 1:
                found[name] = own[0]
        return found

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"experiment": self.experiment, "of": self.of}


def _read(path: Path) -> Any:
    return pl.read_parquet(path).to_dicts() if path.suffix == TABLE else read_json(path)
