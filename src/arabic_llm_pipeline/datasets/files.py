"""Single files in the catalog: one from outside that a parameter names, and one of bytes."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DatasetError


class OutsideFile(AbstractDataset[Any, Path | None]):
    """One file that a parameter names, or none; loads as its path. What it holds counts, not its place."""

    def __init__(self, *, metadata: dict[str, Any] | None = None):
        """Make an entry that knows no file yet.

        Args:
            metadata: for Kedro's plugins.
        """
        self.metadata = metadata
        self._path: Path | None = None

    def bind(self, path: Path | None) -> None:
        """Say where it is."""
        self._path = path

    def external_files(self) -> list[Path]:
        """The file, absent ones too, for the fingerprint and for telling what is missing."""
        return [self._path] if self._path else []

    def load(self) -> Path | None:
        """Where it is."""
        return self._path

    def save(self, data: Any) -> None:  # noqa: ARG002
        """Refuse: it comes from outside."""
        raise DatasetError("a file from outside is read only")

    def _exists(self) -> bool:
        return all(path.is_file() for path in self.external_files())

    def _describe(self) -> dict[str, Any]:
        return {"file": self._path and self._path.name}


class BytesFile(AbstractDataset[bytes, bytes]):
    """A file as its bytes: what makes them knows their format."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None):
        self._path, self.metadata = Path(filepath), metadata

    def load(self) -> bytes:
        """All of it."""
        return self._path.read_bytes()

    def save(self, data: bytes) -> None:
        """All of it."""
        self._path.write_bytes(data)

    def _exists(self) -> bool:
        return self._path.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path)}
