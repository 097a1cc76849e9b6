"""A copy of the project to run in: its configuration and sample as they ship, its artifacts in a folder of its own."""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from arabic_llm_pipeline.artifacts.store import read_manifest

PROJECT = Path(__file__).parents[1]
QUIET = {"COLUMNS": "200", "OMP_NUM_THREADS": "1", "KEDRO_DISABLE_TELEMETRY": "1"}

DATA = ("run", "--env=smoke", "--pipelines=preprocess,tokenize")
TRAINING = ("run", "--env=smoke", "--pipelines=sft_dpo")
WHOLE = ("run", "--env=smoke")


@dataclass(frozen=True)
class Line:
    """Runs `kedro` in a folder that has the project's conf, src and sample."""

    folder: Path
    seconds: dict[tuple[str, ...], float] = field(default_factory=dict)  # of each command, the first time

    @classmethod
    def make(cls, folder: Path) -> "Line":
        folder.mkdir(parents=True)
        for name in ("pyproject.toml", ".telemetry"):
            shutil.copy(PROJECT / name, folder)
        shutil.copytree(PROJECT / "conf", folder / "conf", ignore=shutil.ignore_patterns("local"))
        (folder / "conf/local").mkdir()
        shutil.copytree(PROJECT / "tests/conf", folder / "tests/conf")
        (folder / "src").mkdir()
        package = Path("src/arabic_llm_pipeline")
        (folder / package).symlink_to(PROJECT / package)  # what numba compiled for one is there for all
        (folder / "data").mkdir()
        (folder / "data/01_raw").symlink_to(PROJECT / "data/01_raw")
        return cls(folder)

    def start(self, *arguments: str, reads: bool = False) -> subprocess.Popen:
        command = [sys.executable, "-m", "kedro", *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "encoding": "utf-8"}
        if reads:
            pipes["stdin"] = subprocess.PIPE
        told = {**os.environ, **QUIET, "PYTHONPATH": str(self.folder / "src")}
        return subprocess.Popen(command, cwd=self.folder, env=told, start_new_session=True, **pipes)

    def run(self, *arguments: str, code: int = 0, typed: str | None = None) -> str:
        started = time.monotonic()
        process = self.start(*arguments, reads=typed is not None)
        said, _ = process.communicate(typed, timeout=600)
        assert process.returncode == code, said
        self.seconds.setdefault(arguments, time.monotonic() - started)
        return said

    def contents(self, experiment: str = "smoke") -> dict[str, str | None]:
        """Entry -> digest of the content that the experiment's link names; None where it names nothing whole."""
        links = sorted(self.folder.glob(f"data/*/*/{experiment}"))
        return {link.parent.name: (read_manifest(link) or {}).get("content") for link in links}

    def fingerprints(self, experiment: str = "smoke") -> dict[str, str]:
        """Entry -> name of the directory that the experiment's link names."""
        return {link.parent.name: str(link.readlink()) for link in sorted(self.folder.glob(f"data/*/*/{experiment}"))}


def timed(name: str) -> bool:
    """Whether an artifact holds wall-clock figures, and so differs from run to run."""
    ends = ("_log", "_resources", "_speed", "_speed_values")
    return name.endswith(ends) or name in {"report", "training_plot", "all_scores", "all_scores_json"}


def differing(one: Line, two: Line) -> set[str]:
    """Artifacts that the lines do not have alike, those with times in them aside."""
    first, second = one.contents(), two.contents()
    names = {name for name in {*first, *second} if not timed(name)}
    return {name for name in names if first.get(name) is None or first.get(name) != second.get(name)}
