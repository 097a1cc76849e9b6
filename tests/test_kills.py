"""SIGKILL at random moments: every artifact is whole or absent, and the run that completes is the undisturbed one's."""

import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.line import DATA, TRAINING, WHOLE, Line, differing

STARTED_S = 1.0  # nothing is made before
SOAK_KILLS = 200


def kill(line: Line, seconds: float, *arguments: str) -> bool:
    """Start a run and kill it after a while. False: it was done before."""
    process = line.start(*arguments)
    try:
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)  # the parent alone: its children must notice
        process.communicate(timeout=600)
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
        longest_s: latest moment of a kill after the start; earlier, where a run turns out to be shorter.
        made: folders of what it makes.
        arguments: of the run.
    """
    moments = random.Random(len(made))
    while kills:
        began = time.perf_counter()
        if kill(line, moments.uniform(STARTED_S, longest_s), *arguments):
            kills -= 1
            assert torn(line) == []
        else:
            longest_s = min(longest_s, time.perf_counter() - began)
            for folder in line.folder.glob(made):
                shutil.rmtree(folder)


def test_kills_leave_what_an_undisturbed_run_makes(line: Line, tmp_path: Path) -> None:
    """Up to the last stage; `soak` goes on to the report."""
    killed = Line.make(tmp_path / "killed")
    disturb(killed, 8, line.seconds[DATA] / 2, "data/0[2-6]*", *DATA)
    killed.run(*DATA)
    disturb(killed, 3, line.seconds[TRAINING] / 2, "data/06_models", *TRAINING)
    killed.run(*TRAINING)
    assert {"documents", "document_tokens", "sft_dpo_adapter"} <= set(killed.contents())
    assert differing(line, killed) <= set(line.contents()) - set(killed.contents()), "what was made is alike"


@pytest.mark.soak
def test_hundreds_of_kills(line: Line, tmp_path: Path) -> None:
    killed = Line.make(tmp_path / "killed")
    whole_s = sum(line.seconds[arguments] for arguments in (DATA, TRAINING, WHOLE))
    disturb(killed, SOAK_KILLS, whole_s, "data/0[2-8]*", *WHOLE)
    killed.run(*WHOLE)
    assert differing(line, killed) == set()
