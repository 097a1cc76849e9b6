"""The raw files as one catalog entry: which they are stands in the parameters, so the project's hook tells it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset, DatasetError
from kedro_datasets._typing import TablePreview

from arabic_llm_pipeline.common.files import File
from arabic_llm_pipeline.common.remote import find, is_url

if TYPE_CHECKING:
    from arabic_llm_pipeline.corpus.sources import FoundFiles


class SourceFiles(AbstractDataset[Any, Any]):
    """Files of every source; loads as `FoundFiles`. What they hold counts in what is made of them, not their place."""

    def __init__(self, *, metadata: dict[str, Any] | None = None):
        """Make an entry that knows no files yet.

        Args:
            metadata: for Kedro's plugins.
        """
        self.metadata = metadata
        self._root = Path()
        self._patterns: dict[str, list[str]] = {}
        self._licences: dict[str, str] = {}

    def bind(self, data_root: Path, patterns: dict[str, list[str]], licences: dict[str, str] | None = None) -> None:
        """Say where the files are.

        Args:
            data_root: folder that the patterns start from.
            patterns: paths, URLs and globs of each source.
            licences: shown in the preview.
        """
        self._root, self._patterns, self._licences = data_root, patterns, licences or {}

    def external_files(self) -> list[File]:
        """All files, absent ones too, for the fingerprint and for telling what is missing."""
        return [path for name in sorted(self._patterns) for path in self._files(name)]

    def load(self) -> "FoundFiles":
        """The files of each source."""
        from arabic_llm_pipeline.corpus.sources import FoundFiles

        return FoundFiles(self._root, {name: self._files(name) for name in sorted(self._patterns)})

    def _files(self, name: str) -> list[File]:
        """What the source's patterns name, sorted; one that names nothing stands for itself, as a missing file."""
        found: dict[File, None] = {}
        for pattern in self._patterns[name]:
            found.update(dict.fromkeys(find(pattern) if is_url(pattern) else self._here(pattern)))
        return list(found)

    def _here(self, pattern: str) -> list[Path]:
        is_file = (self._root / pattern).is_file()  # a name may have brackets in it
        anchor = Path(pattern).anchor  # of one that does not start from the root of the data
        root, rest = (Path(anchor), str(Path(pattern).relative_to(anchor))) if anchor else (self._root, pattern)
        matches = [] if is_file else sorted(path for path in root.glob(rest) if path.is_file())
        return matches or [self._root / pattern]

    def preview(self) -> TablePreview:
        """A row for each source, for kedro viz."""
        rows = []
        for name in sorted(self._patterns):
            files = [path for path in self._files(name) if path.is_file()]
            size = sum(path.stat().st_size for path in files)
            shown = ", ".join(self._patterns[name]) if files else f"missing: {', '.join(self._patterns[name])}"
            rows.append([name, shown, len(files), size, self._licences.get(name, "")])
        columns = ["source", "path", "files", "bytes", "licence"]
        return TablePreview({"index": list(range(len(rows))), "columns": columns, "data": rows})

    def save(self, data: Any) -> None:  # noqa: ARG002
        """Refuse: these files come from outside."""
        raise DatasetError("source files are read only")

    def _exists(self) -> bool:
        return all(path.is_file() for path in self.external_files())

    def _describe(self) -> dict[str, Any]:
        return {"sources": self._patterns}
