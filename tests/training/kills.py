"""A training that is killed: in a process of its own."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from typing import Any

from arabic_llm_pipeline.training.job import Job
from tests.training.conftest import Answers

# Imported once, by the process that all of them are forked from. It trains nothing: torch's threads survive no fork.
IMPORTED = [
    f"arabic_llm_pipeline.training.{name}"
    for name in ("finish", "trainers", "preference_trainers", "reward_trainer", "models", "adapters")
]


class Killer(Answers):
    """Sends its own process a signal when a step is told."""

    def __init__(self, step: int, how: int = signal.SIGKILL):
        super().__init__()
        self.step, self.how = step, how

    def send(self, kind: str, value: Any) -> None:
        super().send(kind, value)
        if kind == "row" and value["step"] == self.step:
            os.kill(os.getpid(), self.how)


def killed(train: Callable[[Job, Any], None], job: Job, step: int = 0) -> None:
    """Train in a child that gets SIGKILL when that step is told; 0: `train` sends it itself."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    child = context.Process(target=train, args=(job, Killer(step)))
    child.start()
    child.join(120)
    assert child.exitcode == -signal.SIGKILL
    assert not job.finished.exists()
