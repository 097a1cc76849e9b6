"""Stand-ins for a method, for the process around it: they import no torch."""

import os
import signal
import sys
import time
import warnings

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.files import write_json
from arabic_llm_pipeline.training.job import LOG, RESOURCES, RESULT, Channel, InterruptedTrainingError, Job


def finishes(job: Job, channel: Channel) -> None:
    import polars as pl

    print("a library's chatter")
    warnings.warn("something the user should know", UserWarning, stacklevel=2)
    warnings.warn("`is_gradient_checkpointing` is deprecated and so on", FutureWarning, stacklevel=2)
    channel.send("plan", [1, 3])
    for step in (2, 3):
        channel.send("row", {"step": step, "loss": 1.0 / step, "tokens_per_second": 10.0})
    (job.finished / RESULT).mkdir(parents=True)
    (job.finished / RESULT / "environment.txt").write_text(
        f"{os.environ['HF_HUB_OFFLINE']} {job.seed}", encoding="utf-8"
    )
    pl.DataFrame({"step": [1, 2, 3]}).write_parquet(job.finished / LOG)
    write_json(job.finished / RESOURCES, {"steps": 3})


def refuses(job: Job, channel: Channel) -> None:
    raise UserError("the settings do not fit; change them")


def refuses_midway(job: Job, channel: Channel) -> None:
    channel.send("plan", [0, 3])
    raise UserError("the loss is nan")


def crashes(job: Job, channel: Channel) -> None:
    channel.send("plan", [0, 3])
    print("before the end", file=sys.stderr)
    raise ZeroDivisionError("a mistake of ours")


def runs_out_of_memory(job: Job, channel: Channel) -> None:
    raise MemoryError


def is_killed(job: Job, channel: Channel) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def waits(job: Job, channel: Channel) -> None:
    asked = []
    signal.signal(signal.SIGINT, lambda *_: asked.append(True))
    channel.send("plan", [0, 3])
    (job.workspace / "pid").write_text(str(os.getpid()), encoding="utf-8")
    while not asked:
        time.sleep(0.01)
    (job.workspace / "saved").touch()
    raise InterruptedTrainingError
