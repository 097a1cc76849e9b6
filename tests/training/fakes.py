"""Stand-ins for a method, for the process around it: they import no torch."""

import os
import signal
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.files import write_json
from arabic_llm_pipeline.training import workers
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
    (job.workspace / f"pid{workers.number() or ''}").write_text(str(os.getpid()), encoding="utf-8")
    while not asked:
        time.sleep(0.01)
    (job.workspace / "saved").touch()
    raise InterruptedTrainingError


def in_step(step: int, what: Callable[[], object]) -> None:
    """Have something done when a step is logged, in each worker."""
    from arabic_llm_pipeline.training.monitor import Monitor

    logged = Monitor.on_log

    def on_log(self: Any, args: Any, state: Any, control: Any, **more: Any) -> None:
        logged(self, args, state, control, **more)
        if state.log_history[-1].get("step") == step and "loss" in state.log_history[-1]:
            what()

    Monitor.on_log = on_log  # type: ignore[method-assign]


def train_sft(job: Job, channel: Channel) -> None:
    """SFT for which memory is short in the third step, with more than one row at once."""
    from arabic_llm_pipeline.training.methods import sft

    def fail() -> None:
        raise MemoryError("no room")

    if job.settings["micro_batch"] > 1:
        in_step(3, fail)
    sft.train(job, channel)


def is_killed_by_activations(job: Job, channel: Channel) -> None:
    if not job.memory.activation_checkpointing:
        is_killed(job, channel)
    finishes(job, channel)


def killed_dpo(job: Job, channel: Channel) -> None:
    """DPO in which the second worker is killed in the third step."""
    from arabic_llm_pipeline.training.methods import preference

    in_step(3, lambda: os.kill(os.getpid(), signal.SIGKILL) if workers.number() == 1 else None)
    preference.train_dpo(job, channel)


def interrupted_dpo(job: Job, channel: Channel) -> None:
    """DPO in which the user presses Ctrl-C in the third step."""
    from arabic_llm_pipeline.training.methods import preference

    in_step(3, lambda: os.kill(os.getppid(), signal.SIGINT) if workers.number() == 1 else None)
    preference.train_dpo(job, channel)


def second_refuses(job: Job, channel: Channel) -> None:
    """One worker refuses, the other waits for it."""
    if workers.number() == 1:
        raise UserError("this one does not like it")
    workers.together()


def second_is_killed(job: Job, channel: Channel) -> None:
    if workers.number() == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    waits(job, channel)


def agree(job: Job, channel: Channel) -> None:
    """What workers know of each other, and what accelerate takes for their number and that of their card."""
    from accelerate import PartialState

    told = workers.agreed("name", lambda: f"of {workers.number()}")
    again = workers.agreed("name", lambda: f"again of {workers.number()}")
    made: list[int] = []
    workers.once("work", lambda: made.append(1))
    found = [told, again, len(made), workers.total(workers.number() + 1), workers.any_of(workers.number() == 1)]
    state = PartialState(cpu=True)
    found += [state.num_processes, state.process_index, state.local_process_index]
    (job.workspace / f"agreed-{workers.number()}").write_text(repr([workers.count(), *found]), encoding="utf-8")
    workers.together()
    if workers.is_first():
        finishes(job, channel)


def divided(train: Callable[[Job, Channel], None], job: Job, channel: Channel) -> None:
    """A stage whose model is divided, on CPUs: torch can, only accelerate and the stage ask for a card first."""
    from accelerate.state import DistributedType, PartialState

    from arabic_llm_pipeline.training import sharding

    os.environ["ACCELERATE_TORCH_DEVICE"] = "cpu"
    PartialState._prepare_backend = lambda *_, **__: ("gloo", DistributedType.MULTI_GPU)
    sharding.check = lambda _: None
    train(job, channel)


def divided_sft(job: Job, channel: Channel) -> None:
    from arabic_llm_pipeline.training.methods import sft

    divided(sft.train, job, channel)


def divided_sft_killed(job: Job, channel: Channel) -> None:
    in_step(3, lambda: os.kill(os.getpid(), signal.SIGKILL) if workers.number() == 1 else None)
    divided_sft(job, channel)


def divided_dpo(job: Job, channel: Channel) -> None:
    from arabic_llm_pipeline.training.methods import preference

    divided(preference.train_dpo, job, channel)
