"""The process around a stage: what it tells, how it ends, that it does not outlive its parent."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.memory import MemorySettings
from arabic_llm_pipeline.parameters.model import ModelSettings
from arabic_llm_pipeline.training import stage, workers
from arabic_llm_pipeline.training.job import Job
from arabic_llm_pipeline.training.memory import check, limits
from arabic_llm_pipeline.training.stage import run_stage
from tests.conftest import PROJECT
from tests.training import fakes

PARENT = """
import sys
from pathlib import Path
from tests.training import fakes
from tests.training.test_stage import fake_job
from arabic_llm_pipeline.training.stage import run_stage
run_stage(fakes.waits, fake_job(Path(sys.argv[1])), "fake")
"""


def fake_job(workspace: Path) -> Job:
    return Job(
        workspace=workspace, tokenizer=workspace, tokens=workspace, settings={}, model=ModelSettings(), seed=7, base={}
    )


@pytest.fixture(autouse=True)
def findable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child imports the stand-ins by name."""
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))


def test_what_it_makes_and_says(tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        directory, log, resources = run_stage(fakes.finishes, fake_job(tmp_path), "sft")
    assert (directory / "environment.txt").read_text(encoding="utf-8") == "1 7"
    assert (len(log), resources) == (3, {"steps": 3})
    assert "sft: going on after step 1 of 3" in caplog.text
    assert "sft: 3 of 3 loss 0.333, 10 tokens/s" in caplog.text
    assert "sft: something the user should know" in caplog.text
    assert "is_gradient_checkpointing" not in caplog.text
    assert "chatter" in (tmp_path / "stage.log").read_text(encoding="utf-8")
    assert "chatter" not in capfd.readouterr().out


def test_what_is_finished_is_not_made_again(tmp_path: Path) -> None:
    run_stage(fakes.finishes, fake_job(tmp_path), "sft")
    directory, _, _ = run_stage(fakes.crashes, fake_job(tmp_path), "sft")
    assert directory.is_dir()


def test_a_finish_whose_result_was_taken_is_made_again(tmp_path: Path) -> None:
    """As after a kill between the adoption of the adapter and that of the log."""
    directory, _, _ = run_stage(fakes.finishes, fake_job(tmp_path), "sft")
    directory.rename(tmp_path / "adopted")
    assert run_stage(fakes.finishes, fake_job(tmp_path), "sft")[0].is_dir()


@pytest.mark.parametrize(
    ("train", "words"),
    [
        (fakes.refuses, "^sft: the settings do not fit; change them$"),
        (fakes.refuses_midway, "^sft: the loss is nan$"),
        (fakes.runs_out_of_memory, "^sft: memory is short"),
        (
            fakes.is_killed,
            "^sft was killed from outside.*Run again as it is.*checkpointing=true it takes less.*goes on",
        ),
    ],
)
def test_what_the_user_can_mend(tmp_path: Path, train: Callable, words: str) -> None:
    with pytest.raises(UserError, match=words):
        run_stage(train, fake_job(tmp_path), "sft")


def test_a_crash_comes_with_the_childs_last_lines(tmp_path: Path) -> None:
    with pytest.raises(
        RuntimeError, match=r"(?s)ended with code 1.*before the end.*ZeroDivisionError: a mistake of ours"
    ):
        run_stage(fakes.crashes, fake_job(tmp_path), "sft")


@pytest.mark.parametrize("first", [True, False])
def test_each_worker_keeps_to_the_limit_of_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: bool) -> None:
    """The first one works the plan out for all of them; the allocator that keeps to it is each one's own."""
    job = fake_job(tmp_path).model_copy(update={"memory": MemorySettings(limit_gb=3)})
    planned = job.model_copy(update={"settings": {"micro_batch": 2}})
    capped: list[MemorySettings] = []
    monkeypatch.setattr(check, "checked", lambda *_: planned)
    monkeypatch.setattr(limits, "cap", capped.append)
    monkeypatch.setattr(workers, "agreed", lambda _, find: find() if first else {"micro_batch": 2})
    found = stage._checked(job, "arabic_llm_pipeline.training.methods.sft:train")
    assert found.settings == {"micro_batch": 2}
    assert capped == [job.memory]


def wait_for(condition: Callable[[], object], seconds: float = 600) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def gone(pid: int) -> bool:
    """Ended, or waiting for somebody to ask how."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def waiting(process: int) -> bool:
    """Whether a process sits still for half a second: what it waits for is its child's next word."""
    for _ in range(10):
        if Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "S":
            return False
        time.sleep(0.05)
    return True


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_it_ends_with_its_parent(tmp_path: Path, how: int) -> None:
    environment = {**os.environ, "PYTHONPATH": f"{PROJECT / 'src'}{os.pathsep}{PROJECT}"}
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], env=environment, stderr=subprocess.PIPE, text=True
    )
    told = tmp_path / "pid"
    wait_for(lambda: told.exists() and told.read_text(encoding="utf-8"))
    child = int(told.read_text(encoding="utf-8"))
    wait_for(lambda: waiting(parent.pid))
    parent.send_signal(how)
    _, said = parent.communicate(timeout=600)
    wait_for(lambda: gone(child))
    assert (tmp_path / "saved").exists() == (how == signal.SIGINT)
    assert ("KeyboardInterrupt" in said) == (how == signal.SIGINT)
