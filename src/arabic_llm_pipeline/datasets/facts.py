"""What is known about a stage by now: JSON artifacts that may be there or not."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DatasetError

from arabic_llm_pipeline.artifacts.store import Store
from arabic_llm_pipeline.common.files import read_json


class Facts(AbstractDataset[Any, dict[str, Any]]):
    """Entry -> value of its JSON file, for the named entries that an experiment has; what they hold counts."""

    def __init__(self, *, path: str, experiment: str, of: Iterable[str], metadata: dict[str, Any] | None = None):
        """Say which.

        Args:
            path: the folder of all layers, `data`.
            experiment: name of the links to follow.
            of: catalog entries, each of one JSON file.
            metadata: for Kedro's plugins.
        """
        self.folder, self.experiment, self.of, self.metadata = Path(path), experiment, list(of), metadata

    def external_files(self) -> list[Path]:
        """Those that are there."""
        return list(self._files().values())

    def load(self) -> dict[str, Any]:
        """Values by entry."""
        return {name: read_json(path) for name, path in self._files().items()}

    def save(self, data: Any) -> None:  # noqa: ARG002
        """Not possible: they are artifacts of their own."""
        raise DatasetError("Facts are read from the artifacts that hold them")

    def _files(self) -> dict[str, Path]:
        found = {}
        for name in self.of:
            folder = next(iter(sorted(self.folder.glob(f"*/{name}"))), None)
            there = Store(folder).target(self.experiment) if folder else None
            files = sorted(path for path in there.glob("*.json") if path.name != "artifact.json") if there else []
            if len(files) == 1:
                found[name] = files[0]
        return found

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"experiment": self.experiment, "of": self.of}
