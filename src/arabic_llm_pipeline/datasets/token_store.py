"""Tokenizers from elsewhere and token stores in the catalog."""

import json
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DatasetError

from arabic_llm_pipeline.artifacts import DirectoryArtifact
from arabic_llm_pipeline.datasets.model_directory import JSONPreview, ModelFiles

TOKENIZER_FILES = ("*.json", "*.jinja", "*.txt", "*.model")


class TokenizerFiles(ModelFiles):
    """The files of a tokenizer that is not the base model's own, wherever the parameters say it lies; else none."""

    def external_files(self) -> list[Path]:
        """All that a tokenizer may be made of; `tokenizer.json` also where it is missing, so that this is told."""
        if self.directory is None:
            return []
        there = {path for pattern in TOKENIZER_FILES for path in self.directory.glob(pattern)}
        return sorted({*there, self.directory / "tokenizer.json"})


class ComparedTokenizers(AbstractDataset[Any, dict[str, Path]]):
    """Tokenizers that the chosen one is compared with, by name; what their files hold counts."""

    def __init__(self, *, metadata: dict[str, Any] | None = None):
        self.metadata = metadata
        self._directories: dict[str, Path] = {}

    def bind(self, directories: dict[str, Path]) -> None:
        """Say where they are."""
        self._directories = directories

    def external_files(self) -> list[Path]:
        """What each is read from."""
        return [directory / "tokenizer.json" for directory in self._directories.values()]

    def load(self) -> dict[str, Path]:
        """Their directories."""
        return self._directories

    def save(self, data: Any) -> None:  # noqa: ARG002
        """Refuse: they come from outside."""
        raise DatasetError("tokenizers from outside are read only")

    def _exists(self) -> bool:
        return all(path.is_file() for path in self.external_files())

    def _describe(self) -> dict[str, Any]:
        return {"tokenizers": sorted(self._directories)}


class TokenStoreDirectory(DirectoryArtifact):
    """A finished token store; loads as its directory, which `TokenStore` or `PairStore` reads."""

    def preview(self) -> JSONPreview:
        """For kedro viz: what is in each split, and what it was made with."""
        from arabic_llm_pipeline.tokens.summary import overview  # here, so that making the catalog stays quick

        return JSONPreview(json.dumps(overview(self.load()), ensure_ascii=False))
