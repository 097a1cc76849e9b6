"""SIGKILL at random moments: every artifact is whole or absent, and the run that completes is the undisturbed one's."""

import os
import random
import signal
import time
from pathlib import Path

import pytest

from arabic_llm_pipeline.artifacts.store import read_manifest
from tests.line import Line, timed

pytestmark = pytest.mark.soak  # many minutes
KILLS_IN_DATA, KILLS_IN_TRAINING = 15, 5
SOAK_KILLS = 200


def kill_after(line: Line, seconds: float, *arguments: str) -> bool:
    """Start a run and kill it after a while, its children not: they must notice. True: it was not done."""
    process = line.start("run", "--env=smoke", *arguments)
    time.sleep(seconds)
    running = process.poll() is None
    if running:
        os.kill(process.pid, signal.SIGKILL)  # the parent alone: its children must notice
    process.communicate(timeout=60)
    return running


def torn(line: Line) -> list[Path]:
    """Links that name nothing whole."""
    return [link for link in line.folder.glob("data/0[2-8]*/*/smoke") if read_manifest(link.resolve()) is None]


def disturb(line: Line, kills: int, longest_s: float, seed: int, *arguments: str) -> int:
    random_ = random.Random(seed)
    hit = 0
    for _ in range(kills):
        hit += kill_after(line, random_.uniform(0.3, longest_s), *arguments)
        assert torn(line) == []
    return hit


def settled(line: Line) -> None:
    """The run that completes, and what must then be so."""
    line.run("run", "--env=smoke")
    assert list(line.folder.glob("data/0[2-8]*/*/.*")) == []


def test_kills_leave_what_an_undisturbed_run_makes(tmp_path: Path) -> None:
    whole = Line.make(tmp_path / "whole")
    started = time.monotonic()
    whole.run("run", "--env=smoke", "--pipelines=preprocess")
    data_s = time.monotonic() - started
    whole.run("run", "--env=smoke", "--pipelines=sft_dpo")
    training_s = time.monotonic() - started - data_s
    whole.run("run", "--env=smoke")

    killed = Line.make(tmp_path / "killed")
    hit = disturb(killed, KILLS_IN_DATA, data_s, 1, "--pipelines=preprocess")
    killed.run("run", "--env=smoke", "--pipelines=preprocess")
    hit += disturb(killed, KILLS_IN_TRAINING, training_s, 2, "--pipelines=sft_dpo")
    settled(killed)
    assert hit >= (KILLS_IN_DATA + KILLS_IN_TRAINING) // 2
    one, two = whole.contents(), killed.contents()
    assert {name for name in one if one[name] != two.get(name)} <= {name for name in one if timed(name)}


@pytest.mark.soak
def test_hundreds_of_kills(tmp_path: Path) -> None:
    line = Line.make(tmp_path / "project")
    started = time.monotonic()
    Line.make(tmp_path / "whole").run("run", "--env=smoke")
    whole_s = time.monotonic() - started
    disturb(line, SOAK_KILLS, whole_s, 3)
    settled(line)
    one, two = Line(tmp_path / "whole").contents(), line.contents()
    assert {name for name in one if one[name] != two.get(name)} <= {name for name in one if timed(name)}
