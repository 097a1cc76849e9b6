"""SIGKILL at random moments: every artifact is whole or absent, and the run that completes is the undisturbed one's."""

import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.line import Line, differing

DATA = ("--env=smoke", "--pipelines=preprocess,tokenize")
TRAINING = ("--env=smoke", "--pipelines=sft_dpo")
WHOLE = ("--env=smoke",)
STARTED_S = 1.0  # nothing is made before
SOAK_KILLS = 200


def killed(line: Line, seconds: float, *arguments: str) -> bool:
    """Start a run and kill it after a while. False: it was done before."""
    process = line.start("run", *arguments)
    try:
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)  # the parent alone: its children must notice
        process.communicate(timeout=60)
        return True
    assert process.returncode == 0
    return False


def torn(line: Line) -> list[str]:
    """What an experiment uses without its being whole."""
    return [name for name, content in line.contents().items() if content is None]


def disturb(line: Line, kills: int, longest_s: float, made: str, *arguments: str) -> None:
    """Kill one run again and again; when it comes to its end all the same, what it made is taken away.

    Args:
        line: where it runs.
        kills: how many.
        longest_s: latest moment of a kill after the start.
        made: folders of what it makes.
        arguments: of the run.
    """
    moments = random.Random(len(made))
    while kills:
        if killed(line, moments.uniform(STARTED_S, longest_s), *arguments):
            kills -= 1
            assert torn(line) == []
        else:
            for folder in line.folder.glob(made):
                shutil.rmtree(folder)


def seconds(line: Line, *arguments: str) -> float:
    started = time.monotonic()
    line.run("run", *arguments)
    return time.monotonic() - started


def test_kills_leave_what_an_undisturbed_run_makes(tmp_path: Path) -> None:
    whole, line = Line.make(tmp_path / "whole"), Line.make(tmp_path / "killed")
    data_s, training_s = seconds(whole, *DATA), seconds(whole, *TRAINING)
    disturb(line, 15, data_s / 2, "data/0[2-6]*", *DATA)
    line.run("run", *DATA)
    disturb(line, 5, training_s * 0.8, "data/06_models/sft*", *TRAINING)
    line.run("run", *TRAINING)
    assert len(whole.contents()) > 10
    assert differing(whole, line) == set()


@pytest.mark.soak
def test_hundreds_of_kills(tmp_path: Path) -> None:
    whole, line = Line.make(tmp_path / "whole"), Line.make(tmp_path / "killed")
    disturb(line, SOAK_KILLS, seconds(whole, *WHOLE), "data/0[2-8]*", *WHOLE)
    line.run("run", *WHOLE)
    assert differing(whole, line) == set()
