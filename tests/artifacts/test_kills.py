"""SIGKILL at any moment: artifacts are whole or absent, and what is completed then is as if nothing had happened."""

import os
import random
import threading
import time
from pathlib import Path

import pytest

from arabic_llm_pipeline.artifacts.store import NAME, describe, read_manifest
from tests.artifacts.toys import Toy

STEP_S = 0.03
LOOK_S = 0.002
MODELS = "data/06_models/*_adapter/.work-*/checkpoint.json"


class Reader(threading.Thread):
    """Looks at everything that has a name, all the time, as a notebook might."""

    def __init__(self, toy: Toy):
        super().__init__(daemon=True)
        self.toy, self.looks, self.torn, self.ends = toy, 0, list[str](), threading.Event()
        self.known: set[Path] = set()
        self.linked: set[Path] = set()

    def run(self) -> None:
        while not self.ends.is_set():
            for folder in self.toy.folders():
                self.look(folder)
            time.sleep(LOOK_S)

    def look(self, folder: Path) -> None:
        for path in folder.iterdir():
            self.looks += 1
            if NAME.fullmatch(path.name):
                self.check(path)
            elif not path.name.startswith("."):
                self.linked.add(path)
        for link in [link for link in self.linked if link.parent == folder]:
            if not (link / "artifact.json").exists():
                self.torn.append(f"{link} names nothing")

    def check(self, path: Path) -> None:
        if path in self.known and path.exists():
            return
        manifest = read_manifest(path)
        try:
            whole = manifest is not None and describe(path)["content"] == manifest["content"]
        except FileNotFoundError:
            whole = False
        if whole:
            self.known.add(path)
        elif path.exists():  # else it was pruned meanwhile
            self.torn.append(f"{path} is torn")


class Killer:
    """Kills one project's runs, some of them while they train."""

    def __init__(self, toy: Toy, seed: int):
        self.toy, self.random = toy, random.Random(seed)
        self.kills = self.in_training = self.resumed = 0

    def kill(self, **params: object) -> bool:
        """Start a run and kill it; False if it was done before."""
        before = self.checkpoints()
        process = self.toy.start(step_s=STEP_S, **params)
        if self.kills % 2:
            time.sleep(self.random.uniform(0, 0.6))
        else:
            self.await_progress(process, before)
        during = self.checkpoints()
        os.kill(process, 9)
        killed = self.toy.wait(process) == -9
        self.kills += killed
        self.in_training += killed and during != before and bool(during)
        self.resumed += bool(before) and during.keys() == before.keys() and during != before
        return killed

    def checkpoints(self) -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in self.toy.root.glob(MODELS) if path.exists()}

    def await_progress(self, process: int, before: dict[Path, int]) -> None:
        end = time.monotonic() + 120
        while self.checkpoints() == before and time.monotonic() < end and _lives(process):
            time.sleep(0.003)
        time.sleep(self.random.uniform(0, 2 * STEP_S))


def _lives(process: int) -> bool:
    return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"


def _nothing_left(toy: Toy) -> None:
    for folder in toy.folders():
        assert not list(folder.glob(".*")), folder


def test_one_run_killed_again_and_again(new: Toy, toy: Toy) -> None:
    reader, killer = Reader(new), Killer(new, seed=1)
    reader.start()
    while killer.kills < 20 or killer.in_training < 5:
        assert killer.kill(), f"it was done after {killer.kills} kills, {killer.in_training} of them in training"
    new.run()
    reader.ends.set()
    reader.join()
    assert reader.torn == []
    assert reader.looks > 100
    assert killer.resumed >= 3
    assert new.contents() == toy.contents()
    assert all(len(new.directories(folder.name)) == 1 for folder in new.folders())
    _nothing_left(new)
    assert new.run() == []


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
def test_hundreds_of_kills(new: Toy, toy: Toy, seed: int) -> None:
    """Short stages and settings that change, so that publishing, linking and pruning are hit as often as training."""
    reader, killer = Reader(new), Killer(new, seed)
    reader.start()
    betas = random.Random(seed)
    beta = 0.1
    while killer.kills < 40:
        if not killer.kill(dpo__beta=beta, sft__steps=6, dpo__steps=6) or betas.random() < 0.1:
            beta = betas.choice([0.1, 0.2, 0.3, 0.4, 0.5])
    new.run(artifacts__unfinished_days=0)  # work begun for other settings is not waited for
    reader.ends.set()
    reader.join()
    assert reader.torn == []
    assert new.contents() == toy.contents()
    _nothing_left(new)
