"""Single files: the format is that of a kedro-datasets entry, the placement is ours."""

from functools import wraps
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DatasetError
from kedro.io.core import parse_dataset_definition

from arabic_llm_pipeline.artifacts.dataset import Artifact

READING = ("load_args", "metadata", "credentials")  # arguments that do not touch what is written


class FileArtifact(Artifact):
    """A file that a class of kedro-datasets writes, reads and shows."""

    def __init__(self, *, path: str, file: str, dataset: dict[str, Any], metadata: dict[str, Any] | None = None):
        """Place a file.

        Args:
            path: `data/<layer>/<entry>/<experiment>`, as for every artifact.
            file: its name in the artifact's directory.
            dataset: an entry of kedro-datasets without its `filepath`: `{type: json.JSONDataset}`.
            metadata: for Kedro's plugins.
        """
        super().__init__(path=path, metadata=metadata)
        self.file, self.dataset = file, dict(dataset)
        self.settings = {"file": file, **{name: value for name, value in dataset.items() if name not in READING}}
        self.reading = dict(dataset.get("load_args") or {})

    def write(self, data: Any, directory: Path) -> None:
        """One file in a directory of its own."""
        directory.mkdir()
        self._inside(directory).save(data)

    def read(self, directory: Path) -> Any:
        """What the wrapped data set reads."""
        return self._inside(directory).load()

    def _inside(self, directory: Path) -> AbstractDataset[Any, Any]:
        config = {**self.dataset, "filepath": str(directory / self.file)}
        return AbstractDataset.from_config(self.store.folder.name, config)

    def __getattr__(self, name: str) -> Any:
        """`preview`, if the wrapped class has one: kedro viz knows the kind of preview by its annotation.

        The wrapped class is imported only when somebody looks: it may bring pandas or matplotlib.
        """
        if name != "preview" or "dataset" not in self.__dict__:
            raise AttributeError(name)
        kind, _ = parse_dataset_definition(dict(self.dataset))
        if not hasattr(kind, name):
            raise AttributeError(name)

        @wraps(kind.preview)  # type: ignore[attr-defined]
        def preview(*args: Any, **kwargs: Any) -> Any:
            directory = self.current()
            if directory is None:
                raise DatasetError(f"{self.store.folder / self.experiment} names no whole artifact")
            return _plain(self._inside(directory).preview(*args, **kwargs))  # type: ignore[attr-defined]

        return preview

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self.store.folder / self.experiment / self.file), "type": self.dataset.get("type")}


def _plain(shown: Any) -> Any:
    """A table as JSON has it: pandas makes arrays of lists, and NaN of what is missing, which kedro viz cannot send."""
    if not isinstance(shown, dict):
        return shown
    import orjson

    def plain(value: Any) -> Any:
        return value.tolist() if hasattr(value, "tolist") else str(value)

    return orjson.loads(orjson.dumps(shown, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS, default=plain))
