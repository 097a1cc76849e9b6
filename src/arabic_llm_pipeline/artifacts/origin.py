"""Where an artifact was made: versions and machine. Recorded, shown when they differ, and no reason to redo."""

import platform
from functools import cache
from importlib import metadata
from typing import Any

PACKAGES = (
    "kedro", "polars", "pyarrow", "numba", "h5py", "torch", "transformers", "trl", "peft", "bitsandbytes",
)  # fmt: skip


@cache
def origin() -> dict[str, Any]:
    """Versions of Python and of the libraries that write or train, and the kind of machine; nothing is imported."""
    versions = {"python": platform.python_version()} | {name: _version(name) for name in PACKAGES}
    machine = {"machine": platform.machine(), "processor": platform.processor()}
    return {"versions": {name: version for name, version in versions.items() if version}, "machine": machine}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def notes(manifest: dict[str, Any]) -> list[str]:
    """What was otherwise where and when an artifact was made, in a person's words."""
    made, here = manifest.get("origin", {}), origin()
    old, new = made.get("versions", {}), here["versions"]
    found = [f"{name} {old[name]} (here {new.get(name, 'none')})" for name in sorted(old) if old[name] != new.get(name)]
    if made and made["machine"] != here["machine"]:
        found.append(f"on {' '.join(filter(None, made['machine'].values()))}")
    if manifest.get("resumed"):
        found.append("training was continued by other code than began it")
    return found
