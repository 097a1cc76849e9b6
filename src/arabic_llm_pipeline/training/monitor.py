"""A row for every step, kept in the trainer's own state: a checkpoint carries them, and a resume goes on there."""

import math
import signal
import time
from collections.abc import Callable
from typing import Any, NoReturn

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.training import LoopSettings
from arabic_llm_pipeline.training import spikes, workers
from arabic_llm_pipeline.training.costs import Row
from arabic_llm_pipeline.training.gauges import Gauges
from arabic_llm_pipeline.training.job import Channel
from arabic_llm_pipeline.training.parts import MicroBatch, Names, Part
from arabic_llm_pipeline.training.schedule import Schedule
from arabic_llm_pipeline.training.validation import Validation

LEFT_OUT = ("num_tokens",)  # TRL's count, which includes padding here and does not survive a resume
SCALED = "loss_scale"  # in a row of float16, in which a gradient that overflows is left out, and told by `scaling`
Track = Callable[[Row], None]


class Monitor(TrainerCallback):
    """Completes the trainer's rows, tells the parent and the trackers, and stops where it is time to."""

    def __init__(self, schedule: Schedule, channel: Channel, settings: LoopSettings | None = None):
        self.schedule, self.channel, self.settings = schedule, channel, settings or LoopSettings()
        self.tokens = 0  # of the step under way; the trainer adds to it
        self.micro_batches: list[MicroBatch] = []  # of the step under way
        self.names: Names | None = None  # of the records, where the trainer knows its rows
        self.parts: Callable[[MicroBatch], list[Part]] = lambda _: []  # losses of a micro-batch's records
        self.validation: Validation | None = None
        self.track: Track = lambda _: None
        self.gauges = Gauges()
        self.started = 0.0
        self.since = 0  # step after which this process went on
        self.interrupted = self.exhausted = False

    def on_train_begin(self, args: Any, state: TrainerState, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Say where training begins; from now on SIGINT ends it after the step under way."""
        signal.signal(signal.SIGINT, self._interrupt)
        self.since = state.global_step
        self.channel.send("plan", [state.global_step, self.schedule.steps])

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        """Start the clock."""
        self.started, self.tokens = time.perf_counter(), 0
        self.micro_batches.clear()

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:  # noqa: ARG002
        """Save when interrupted; not at the very end, where the result itself is written."""
        if state.global_step >= state.max_steps:
            control.should_save = False
        elif workers.any_of(self.interrupted):
            control.should_save = control.should_training_stop = True

    def on_log(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:  # noqa: ARG002
        """Complete the row of a step, judge it, and validate where it is time to.

        Raises:
            UserError: the loss or the gradient is not a number any more, or leaps and is to stop the stage.
        """
        row, earlier = state.log_history[-1], state.log_history[:-1]
        if "loss" not in row:
            return
        self._complete(row, int(earlier[-1]["tokens"]) if earlier else 0)
        self._judge(row, [before["loss"] for before in earlier[-self.settings.spike_window :]])
        if self.validation and self.validation.due(state.global_step, state.global_step >= state.max_steps):
            self._validate(self.validation, state, control)
        self.track(row)
        self.channel.send("row", row)

    def _validate(self, validation: Validation, state: TrainerState, control: TrainerControl) -> None:
        """Add held-out losses to the last row; end training where patience does."""
        validation.run(state.log_history)
        self.exhausted = validation.exhausted(state.log_history)
        last = state.global_step >= state.max_steps
        if self.exhausted and not last:
            control.should_save, control.should_training_stop = False, True  # what is left is the result
        elif workers.any_of(self.interrupted) and not last:
            control.should_save = control.should_training_stop = True

    def _complete(self, row: Row, tokens_before: int) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        seconds, tokens = time.perf_counter() - self.started, int(workers.total(self.tokens))
        for name in LEFT_OUT:
            row.pop(name, None)
        row["epoch"] = self.schedule.epoch(row["step"])
        row["tokens"] = tokens_before + tokens
        row["seconds"], row["tokens_per_second"] = seconds, tokens / seconds
        row["samples_per_second"] = self.schedule.batch / seconds
        row |= self.gauges.read(seconds)
        if self.names:
            row |= self.names.columns([part for micro in self.micro_batches for part in self.parts(micro)])

    def _judge(self, row: Row, losses: list[float]) -> None:
        """Look at the loss of a step, and at its gradient."""
        norm = row.get("grad_norm")
        if not math.isfinite(row["loss"]):
            self._refuse(f"the loss of step {row['step']} is {row['loss']}")
        if norm is not None and not math.isfinite(norm) and SCALED not in row:
            self._refuse(f"the gradient norm of step {row['step']} is {norm}, its loss is {row['loss']:.4g}")
        limit = spikes.limit(losses, self.settings.spike_window, self.settings.spike_deviations)
        if limit is None or row["loss"] <= limit:
            return
        what = (
            f"the loss of step {row['step']} leaps to {row['loss']:.4g}, above {limit:.4g} "
            f"({self.settings.spike_deviations:g} deviations over the median of the last {len(losses)}). "
            f"It is of {self._all_records()}"
        )
        if self.settings.on_spike == "stop":
            raise UserError(
                f"{what}. The checkpoint before it stays (on_spike=stop). See what these records hold; lower the "
                "learning_rate or leave them out to train anew, or set on_spike=warn to go on."
            )
        self.channel.send("warning", what)

    def _refuse(self, what: str) -> NoReturn:
        """Name the micro-batch that is not finite, and of its records those that are not."""
        of = len(self.micro_batches)
        broken = [n for n, micro in enumerate(self.micro_batches) if not _finite(micro.loss)]
        mine = None
        if broken:
            records = spikes.named(self._records([self.micro_batches[broken[0]]]))
            mine = f"micro-batch {broken[0] + 1} of {of} is the first that is not finite, of {records}"
        told = [said for said in workers.everyone("broken", mine) if said]
        where = told[0] if told else f"the losses of all its {of} micro-batches are finite, of {self._all_records()}"
        raise UserError(
            f"{what}: {where}. Nothing of this step is kept; the checkpoint before it stays. "
            "Look at these records, leave them out, or lower the learning_rate, and train anew."
        )

    def _all_records(self) -> str:
        """Records of the whole step, of all workers."""
        found = workers.everyone("records", self._records(self.micro_batches))
        return spikes.named([(name, source) for part in found for name, source in part])

    def _records(self, micro_batches: list[MicroBatch]) -> list[tuple[str, str]]:
        """Ids and sources: only those whose own loss is not finite, where some are and others are not."""
        rows = [row for micro in micro_batches for row in micro.rows]
        if self.names is None:
            return [(f"row {row}", "unknown") for row in rows]
        parts = [part for micro in micro_batches for part in self.parts(micro)] if self.names.by_record else []
        broken = list(dict.fromkeys(part.record for part in parts if not math.isfinite(part.loss)))
        if broken and len(broken) < len(parts):
            return [self.names.record(record) for record in broken]
        return self.names.told(rows)

    def _interrupt(self, *_: object) -> None:
        self.interrupted = True


def _finite(loss: torch.Tensor) -> bool:
    return bool(torch.isfinite(loss).all())
