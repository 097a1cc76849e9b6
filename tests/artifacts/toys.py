"""A toy project in a temporary folder, and a way to run it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from arabic_llm_pipeline.artifacts.store import Store, read_manifest

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "src"
ENVIRONMENT = {
    "COLUMNS": "500",  # rich breaks no line
    "KEDRO_DISABLE_TELEMETRY": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONPATH": str(SOURCE),
}


class Server:
    """Starts runs; see server.py."""

    def __init__(self) -> None:
        command = [sys.executable, str(HERE / "server.py")]
        pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
        self.process = subprocess.Popen(
            command, cwd=HERE, stdin=pipe, stdout=pipe, stderr=nowhere, env=os.environ | ENVIRONMENT, encoding="utf-8"
        )

    def ask(self, request: dict[str, Any]) -> int:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


class Toy:
    """One project."""

    def __init__(self, root: Path, server: Server):
        self.root, self.server = root, server

    def start(self, *pipelines: str, env: str | None = None, step_s: float = 0, **params: Any) -> int:
        """Begin a run; parameters by `dpo__beta=0.3`."""
        values: dict[str, Any] = {}
        for name, value in params.items():
            *above, last = name.split("__")
            inner = values
            for part in above:
                inner = inner.setdefault(part, {})
            inner[last] = value
        return self._start(pipelines=pipelines, params=values, env=env, environment={"STEP_S": str(step_s)})

    def _start(self, **request: Any) -> int:
        place = {"project": str(self.root), "log": str(self.root / "log.txt"), "environment": {}}
        return self.server.ask({"run": place | request})

    def kedro(self, *words: str, fails: bool = False) -> str:
        """Type a command, and read what it prints."""
        (self.root / "log.txt").unlink(missing_ok=True)
        status = self.wait(self._start(command=words))
        text = (self.root / "log.txt").read_text()
        assert (status != 0) == fails, text
        return text

    def wait(self, process: int) -> int:
        return self.server.ask({"wait": process})

    def run(self, *pipelines: str, fails: bool = False, **params: Any) -> list[str]:
        """Run, and give the names of the nodes that ran, in order."""
        for name in ("ran.txt", "log.txt", "shards.txt"):
            (self.root / name).unlink(missing_ok=True)
        status = self.wait(self.start(*pipelines, **params))
        assert (status != 0) == fails, self.log
        ran = self.root / "ran.txt"
        return ran.read_text().split() if ran.exists() else []

    @property
    def log(self) -> str:
        """What the run told, in one line."""
        return " ".join((self.root / "log.txt").read_text().split())

    def edit(self, name: str, old: str, new: str) -> None:
        file = self.root / name
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    def folders(self) -> list[Path]:
        return sorted(path for path in self.root.glob("data/0[2-8]*/*") if path.is_dir())

    def directories(self, entry: str) -> list[Path]:
        """All artifacts of an entry, named by a link or not."""
        return next(Store(folder).directories() for folder in self.folders() if folder.name == entry)

    def contents(self, experiment: str = "default") -> dict[str, tuple[str, str]]:
        """Entry -> fingerprint and content of what an experiment names."""
        found = {}
        for folder in self.folders():
            directory = Store(folder).target(experiment)
            assert directory is not None, folder
            manifest = read_manifest(directory)
            assert manifest is not None
            found[folder.name] = (manifest["fingerprint"], manifest["content"])
        return found


def copy(source: Path, target: Path) -> Path:
    shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    return target
