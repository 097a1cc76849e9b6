"""A row for every step, kept in the trainer's own state: a checkpoint carries them, and a resume goes on there."""

import math
import signal
import time
from pathlib import Path
from statistics import median
from typing import Any

import polars as pl
import psutil
import torch
from transformers import TrainerCallback, TrainerControl, TrainerState

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.training import workers
from arabic_llm_pipeline.training.job import Channel
from arabic_llm_pipeline.training.schedule import Schedule

Row = dict[str, Any]
MB = 1024 * 1024
COLUMNS = (
    "step", "epoch", "loss", "learning_rate", "grad_norm", "tokens", "tokens_per_second", "seconds",
    "process_memory_mb", "device_memory_mb",
)  # fmt: skip
LEFT_OUT = ("num_tokens",)  # TRL's count, which includes padding here and does not survive a resume


class Monitor(TrainerCallback):
    """Completes the trainer's rows with time and memory, tells the parent, and stops when the user wants to."""

    def __init__(self, schedule: Schedule, channel: Channel):
        self.schedule, self.channel = schedule, channel
        self.tokens = 0  # of the step under way; the trainer adds to it
        self.started = 0.0
        self.interrupted = False

    def on_train_begin(self, args: Any, state: TrainerState, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Say where training begins; from now on SIGINT ends it after the step under way."""
        signal.signal(signal.SIGINT, self._interrupt)
        self.channel.send("plan", [state.global_step, self.schedule.steps])

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        """Start the clock."""
        self.started, self.tokens = time.perf_counter(), 0

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:  # noqa: ARG002
        """Save when interrupted; not at the very end, where the result itself is written."""
        if state.global_step >= state.max_steps:
            control.should_save = False
        elif workers.any_of(self.interrupted):
            control.should_save = control.should_training_stop = True

    def on_log(self, args: Any, state: TrainerState, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Complete the row of a step.

        Raises:
            UserError: the loss is not a number any more.
        """
        row = state.log_history[-1]
        if "loss" not in row:
            return
        before = state.log_history[-2]["tokens"] if len(state.log_history) > 1 else 0
        self._complete(row, int(before))
        self.channel.send("row", row)
        if not math.isfinite(row["loss"]):
            raise UserError(f"the loss of step {row['step']} is {row['loss']}. Lower the learning_rate and train anew.")

    def _complete(self, row: Row, tokens_before: int) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        seconds, tokens = time.perf_counter() - self.started, int(workers.total(self.tokens))
        for name in LEFT_OUT:
            row.pop(name, None)
        row["epoch"] = self.schedule.epoch(row["step"])
        row["tokens"] = tokens_before + tokens
        row["seconds"], row["tokens_per_second"] = seconds, tokens / seconds
        row["process_memory_mb"], row["device_memory_mb"] = process_mb(), device_mb()

    def _interrupt(self, *_: object) -> None:
        self.interrupted = True


def process_mb() -> float:
    """Most memory this process has held; since its start where the system says so, else what it holds now."""
    status = Path("/proc/self/status")
    if status.is_file():
        held = dict(line.split(":", 1) for line in status.read_text(encoding="utf-8").splitlines())
        return int(held["VmHWM"].split()[0]) / 1024
    return float(psutil.Process().memory_info().rss / MB)


def device_mb() -> float | None:
    """Most memory allocated on the card; None on a CPU."""
    return torch.cuda.max_memory_allocated() / MB if torch.cuda.is_available() else None


def table(rows: list[Row]) -> pl.DataFrame:
    """The rows of steps as a frame; the named columns first, then the method's own by name."""
    rows = [row for row in rows if "loss" in row]
    others = sorted({name for row in rows for name in row} - set(COLUMNS))
    integers = {"step", "tokens"}
    schema = {name: pl.Int64 if name in integers else pl.Float64 for name in (*COLUMNS, *others)}
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)


def resources(frame: pl.DataFrame, model: torch.nn.Module, dtype: torch.dtype, quantization: str) -> dict[str, Any]:
    """What a stage cost: time and tokens of all its steps, killed or not; memory, device, sizes."""
    card = torch.cuda.is_available()
    return {
        "seconds": frame["seconds"].sum(),
        "steps": len(frame),
        "tokens": frame["tokens"].max(),
        "tokens_per_second": median(frame["tokens_per_second"]),
        "peak_process_mb": max(process_mb(), *frame["process_memory_mb"]),
        "peak_device_allocated_mb": device_mb(),
        "peak_device_reserved_mb": torch.cuda.max_memory_reserved() / MB if card else None,
        "device": torch.cuda.get_device_name() if card else f"CPU, {torch.get_num_threads()} of its cores",
        "dtype": str(dtype).removeprefix("torch."),
        "quantization": quantization,
        "trainable_parameters": sum(part.numel() for part in model.parameters() if part.requires_grad),
        "parameters": _count(model),
    }


def _count(model: torch.nn.Module) -> int:
    """Parameters, those in 4 bits counted as what they stand for; without frozen copies."""
    named = [(name, part) for name, part in model.named_parameters() if ".ref." not in name]
    return sum(2 * part.numel() if part.dtype == torch.uint8 else part.numel() for name, part in named)
