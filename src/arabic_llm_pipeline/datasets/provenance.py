"""Where a run's artifacts come from, as its report tells it: read from the manifests that lie beside them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DatasetError

from arabic_llm_pipeline.artifacts.store import SHORT, Store, read_manifest


class Provenance(AbstractDataset[Any, dict[str, Any]]):
    """All that the named entries were made from, directly or not, with how each was made.

    It counts by the name of the experiment only: what the artifacts hold counts already, as the same node has them as
    inputs; how they were made does not change what a report says about them.
    """

    def __init__(self, *, path: str, experiment: str, of: Iterable[str], metadata: dict[str, Any] | None = None):
        """Say where to begin.

        Args:
            path: the folder of all layers, `data`.
            experiment: name of the links to follow.
            of: catalog entries to begin with.
            metadata: for Kedro's plugins.
        """
        self.folder, self.experiment, self.of, self.metadata = Path(path), experiment, list(of), metadata

    def load(self) -> dict[str, Any]:
        """Keys: experiment; artifacts: entry -> layer, fingerprint, content, node, inputs, seed, resumed; origins."""
        manifests = self._reached()
        artifacts = {
            name: {key: manifest.get(key) for key in ("fingerprint", "content", "node", "seed", "resumed")} | about
            for name, (about, manifest) in sorted(manifests.items())
        }
        return {"experiment": self.experiment, "artifacts": artifacts, "origins": _origins(manifests)}

    def parameters(self) -> dict[str, Any]:
        """Name -> value of all parameters that had a part in it."""
        told = [manifest.get("parameters", {}) for _, manifest in self._reached().values()]
        found = {name.removeprefix("params:"): value for values in told for name, value in values.items()}
        return dict(sorted(found.items()))

    def _reached(self) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
        """Walk from the entries named to all that they were made from."""
        found: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
        todo: list[tuple[str, str | None]] = [(name, None) for name in self.of]
        while todo:
            name, content = todo.pop()
            entry = None if name in found else self._manifest(name, content)
            if entry:
                found[name] = entry
                todo += [(inner, key) for inner, key in entry[1]["inputs"].items()]
        return found

    def _manifest(self, name: str, content: str | None) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The artifact of an entry that has this content, the experiment's first; None if it is no artifact."""
        folder = next(iter(sorted(self.folder.glob(f"*/{name}"))), None)
        if folder is None or ":" in name:
            return None
        store = Store(folder)
        linked = store.target(self.experiment)
        places = [place for place in (linked, *store.directories()) if place is not None]
        for place in places:
            manifest = read_manifest(place)
            if manifest and content in (None, manifest["content"]):
                return {"layer": folder.parent.name, "directory": place.name[:SHORT]}, manifest
        return None

    def save(self, data: Any) -> None:  # noqa: ARG002
        """Not possible: the artifacts write their manifests."""
        raise DatasetError("Provenance is written by the artifacts themselves")

    def _exists(self) -> bool:
        return self.folder.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"experiment": self.experiment, "of": self.of}


def _origins(manifests: dict[str, tuple[dict[str, Any], dict[str, Any]]]) -> dict[str, dict[str, list[str]]]:
    """Versions and machines that had a part in it: group -> name -> all values that occur (one, as a rule)."""
    found: dict[str, dict[str, set[str]]] = {}
    for _, manifest in manifests.values():
        for group, values in manifest.get("origin", {}).items():
            for name, value in values.items():
                found.setdefault(group, {}).setdefault(name, set()).add(str(value))
    return {
        group: {name: sorted(values) for name, values in sorted(names.items())}
        for group, names in sorted(found.items())
    }
