"""The loss on held-out rows while a model trains: how it goes, which step was best, when to stop.

All that is known of it stands in the rows of the steps, which a checkpoint carries; so a resume goes on with it.
"""

import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.training import LoopSettings
from arabic_llm_pipeline.training import workers
from arabic_llm_pipeline.training.costs import Row
from arabic_llm_pipeline.training.job import Job
from arabic_llm_pipeline.training.parts import MicroBatch, Names, Part

HELD_OUT = "validation"
LOSS = f"{HELD_OUT}_loss"
PREFIX = "best-"  # in the folder of checkpoints


class Validation:
    """Scores the same rows each time, without touching what training goes by: no random state, no metric of it."""

    def __init__(self, trainer: Any, rows: Any, settings: LoopSettings, folder: Path):
        """Choose rows.

        Args:
            trainer: that trains.
            rows: held out.
            settings: how many of them, how often, and what follows.
            folder: of checkpoints.
        """
        self.trainer, self.rows, self.settings, self.folder = trainer, rows, settings, folder
        self.names, self.places = Names(rows), spread(len(rows.rows), settings)

    def due(self, step: int, last: bool) -> bool:
        """Whether it is time: every so many steps, and after the last."""
        return last or step % self.settings.eval_steps == 0

    def run(self, history: list[Row]) -> None:
        """Add held-out losses to the last row, and keep the model if it is the best so far."""
        total = weights = 0.0
        parts: list[Part] = []
        for start in range(0, len(self.places), self.settings.micro_batch):
            micro = self._score(self.places[start : start + self.settings.micro_batch])
            loss, weight = self.trainer.whole_loss(micro)
            total, weights = total + loss * weight, weights + weight
            parts += self.trainer.parts(micro, self.names)
        of_groups = {f"{HELD_OUT}_{name}": loss for name, loss in self.names.columns(parts).items()}
        history[-1] |= {LOSS: total / weights, **of_groups}
        if self.settings.keep_best and best(history) == history[-1]["step"]:
            self._keep(history[-1]["step"])

    def exhausted(self, history: Sequence[Row]) -> bool:
        """Whether there were as many losses as patience allows since the lowest."""
        losses = [row[LOSS] for row in history if LOSS in row]
        since = len(losses) - 1 - int(np.argmin(losses))
        return 0 < self.settings.patience <= since

    def begin(self, step: int) -> None:
        """Forget what was best in steps that are trained again."""
        for path in self.folder.glob(f"{PREFIX}*") if workers.is_first() else ():
            if _step(path) > step:
                shutil.rmtree(path)

    def prune(self, history: Sequence[Row], oldest: int) -> None:
        """Let go of what no checkpoint that is kept, nor what comes after it, can find to be the best.

        Args:
            history: of the steps.
            oldest: step of the first checkpoint that is kept.
        """
        needed = best([row for row in history if row.get("step", 0) <= oldest])
        for path in self.folder.glob(f"{PREFIX}*"):
            if needed is not None and _step(path) < needed:
                shutil.rmtree(path)

    def take_best(self, history: Sequence[Row]) -> dict[str, Any]:
        """Give the trainer's model the weights of its best step; gives that step and its loss."""
        step = best(history)
        if step is None:
            return {}
        if self.settings.keep_best:
            workers.together()  # the first may still be writing it
            self.trainer._load_from_checkpoint(str(self.folder / f"{PREFIX}{step}"), self.trainer.model)
        loss = next(row[LOSS] for row in history if row.get("step") == step and LOSS in row)
        return {"best_step": step, "best_validation_loss": loss, "result_is_of_best_step": self.settings.keep_best}

    def _score(self, places: Sequence[int]) -> MicroBatch:
        trainer, micro = self.trainer, MicroBatch(list(places))
        with apart(trainer), torch.no_grad(), trainer.compute_loss_context_manager():
            batch = trainer._prepare_inputs(self.rows.collate(micro.rows))
            batch.pop("tokens")
            trainer.seen = micro
            trainer.compute_loss(trainer.model_wrapped, batch)
        return micro

    def _keep(self, step: int) -> None:
        new = self.folder / f".{PREFIX}new"
        if workers.is_first():
            shutil.rmtree(new, ignore_errors=True)
            new.mkdir(parents=True)
        self.trainer._save(str(new))  # all of them: a model may be divided
        if not workers.is_first():
            return
        target = self.folder / f"{PREFIX}{step}"
        shutil.rmtree(target, ignore_errors=True)
        new.replace(target)


def best(history: Sequence[Row]) -> int | None:
    """The step of the lowest held-out loss, of equal ones the first."""
    found = [(row[LOSS], row["step"]) for row in history if LOSS in row]
    return min(found)[1] if found else None


def spread(rows: int, settings: LoopSettings) -> list[int]:
    """Places of as many rows as are wanted, evenly spread; none that would stand alone in the last micro-batch.

    KTO measures answers against the others of their pass.
    """
    places = np.unique(np.linspace(0, rows - 1, min(rows, settings.eval_rows)).round().astype(int)).tolist()
    return places[:-1] if len(places) > 1 and len(places) % settings.micro_batch == 1 else places


def held_out(rows: Any, job: Job, settings: LoopSettings) -> Any | None:
    """Rows to validate on; None where that is not asked for.

    Raises:
        UserError: there are none.
    """
    if not settings.eval_steps:
        return None
    try:
        return rows.held_out(job.tokens, settings, job.seed)
    except UserError as error:
        raise UserError(
            f"eval_steps={settings.eval_steps} asks for losses on the dev split, which has nothing for it: {error} "
            "Set eval_steps=0, choose more, or give the sources a dev split (splits)."
        ) from error


@contextmanager
def apart(trainer: Any) -> Iterator[None]:
    """A block in which the model is not training; random states and the trainer's metrics are as before after it."""
    metrics = "_stored_metrics" if hasattr(trainer, "_stored_metrics") else "_metrics"
    kept, seen = getattr(trainer, metrics), trainer.seen
    setattr(trainer, metrics, defaultdict(lambda: defaultdict(list)))
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    trainer.model.eval()
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        trainer.model.train()
        trainer.seen = seen
        setattr(trainer, metrics, kept)


def _step(path: Path) -> int:
    return int(path.name.removeprefix(PREFIX))
