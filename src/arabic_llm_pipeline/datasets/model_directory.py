"""Models as directories: what stages make, and the files of the base that comes from elsewhere."""

import json
from pathlib import Path
from typing import Any, NewType

from kedro.io import AbstractDataset, DatasetError

from arabic_llm_pipeline.artifacts import DirectoryArtifact
from arabic_llm_pipeline.artifacts.store import MANIFEST
from arabic_llm_pipeline.common.files import read_json
from arabic_llm_pipeline.parameters.model import MODEL_FILES

JSONPreview = NewType("JSONPreview", str)  # kedro-viz knows the kind of a preview by the name of this type
PLANNED = ("adapter_config.json", "config.json", "training.json")  # say what it is, and what it stands on
DESCRIBED = ("adapter_config.json", "config.json", "tokenizer_config.json")  # the first that is there says what it is


class Directory(DirectoryArtifact):
    """A directory that kedro viz can show: what its configuration says, and its files."""

    def preview(self) -> JSONPreview:
        """For kedro viz."""
        directory: Path = self.load()
        sizes = {path.name: path.stat().st_size for path in sorted(directory.glob("*")) if path.is_file()}
        about = next((read_json(directory / name) for name in DESCRIBED if name in sizes), None)
        return JSONPreview(json.dumps({"bytes": sizes, "about": about}, ensure_ascii=False))


class ModelDirectory(Directory):
    """An adapter or a model; loads as a path. Its unfinished training goes on after a kill, also with edited code."""

    resumable = "inputs"


def _model_files(directory: Path) -> set[Path]:
    """What counts of a model; not the note of an artifact, which says how it was made."""
    there = {path for pattern in MODEL_FILES for path in directory.glob(pattern)}
    return there - {directory / MANIFEST}


class ModelDirectories(AbstractDataset[Any, dict[str, Path]]):
    """Models from outside that parameters name, if any; loads as their directories by name. What they hold counts."""

    def __init__(self, *, metadata: dict[str, Any] | None = None):
        self.metadata = metadata
        self._directories: dict[str, Path] = {}

    def bind(self, directories: dict[str, Path]) -> None:
        """Say where they lie."""
        self._directories = dict(directories)

    def external_files(self) -> list[Path]:
        """Weights, configurations and tokenizers; `config.json` also where it is missing, so that this is told."""
        files = {path for directory in self._directories.values() for path in _model_files(directory)}
        return sorted(files | {directory / "config.json" for directory in self._directories.values()})

    def load(self) -> dict[str, Path]:
        """The directories."""
        return dict(self._directories)

    def save(self, data: Any) -> None:  # noqa: ARG002
        """Not possible: they come from outside."""
        raise DatasetError("Models from outside are read only")

    def _exists(self) -> bool:
        return all(path.is_file() for path in self.external_files())

    def _describe(self) -> dict[str, Any]:
        return {"directories": sorted(self._directories)}


class ModelFiles(AbstractDataset[Any, Path | None]):
    """The files of the base model, wherever the parameters say it lies: what they hold counts."""

    def __init__(self, *, metadata: dict[str, Any] | None = None):
        self.metadata = metadata
        self._bound = False
        self.directory: Path | None = None

    def bind(self, directory: Path | None) -> None:
        """Say where it lies; None for a model on the hub, of which only the name and the revision count."""
        self.directory, self._bound = directory, True

    def external_files(self) -> list[Path]:
        """Weights, configuration and tokenizer; `config.json` also where it is missing, so that this is told."""
        if self.directory is None:
            return []
        return sorted({*_model_files(self.directory), self.directory / "config.json"})

    def load(self) -> Path | None:
        """The directory."""
        if not self._bound:
            raise DatasetError("The project's hooks say which base model it is, from `params:model`")
        return self.directory

    def save(self, data: Any) -> None:  # noqa: ARG002
        """Not possible: it comes from outside."""
        raise DatasetError("The base model comes from outside and is never written")

    def _exists(self) -> bool:
        return all(path.is_file() for path in self.external_files())

    def _describe(self) -> dict[str, Any]:
        return {"directory": self.directory and self.directory.name}


class AdapterFiles(ModelFiles):
    """The files of an adapter that the user begins with, or none."""

    def external_files(self) -> list[Path]:
        """Weights and configuration, the latter also where it is missing, so that this is told."""
        if self.directory is None:
            return []
        there = _model_files(self.directory)
        whole = self.directory / "config.json"  # of a model that was trained whole
        return sorted({*there, *([] if whole in there else [self.directory / "adapter_config.json"])})


class PlannedAdapter(AbstractDataset[Any, Path | None]):
    """An adapter or a model that may not be there yet, or none: what it is called counts, and what is there by now."""

    def __init__(self, *, metadata: dict[str, Any] | None = None):
        self.metadata = metadata
        self.directory: Path | None = None
        self.name = ""

    def bind(self, directory: Path | None, name: str) -> None:
        """Say where it will lie, and what the parameters call it; None where there will be none."""
        self.directory, self.name = directory, name

    def load(self) -> Path | None:
        """The directory, whether it is there or not."""
        return self.directory

    def save(self, data: Any) -> None:  # noqa: ARG002
        """Not possible: a stage makes it, or it comes from outside."""
        raise DatasetError("What is planned with is read only")

    def _exists(self) -> bool:
        return self.directory is None or self.directory.is_dir()

    def _describe(self) -> dict[str, Any]:
        """All that a plan sees of it: configurations by content, weights by size."""
        if self.directory is None:
            return {"directory": None}
        texts = {path.name: path.read_text(encoding="utf-8") for path in self._files("*.json") if path.name in PLANNED}
        sizes = {path.name: path.stat().st_size for path in self._files("*.safetensors")}
        return {"directory": self.name, "configurations": texts, "bytes": sizes}

    def _files(self, pattern: str) -> list[Path]:
        return sorted(self.directory.glob(pattern)) if self.directory else []
