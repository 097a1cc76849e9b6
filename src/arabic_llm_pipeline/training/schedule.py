"""Which row comes when: it hangs on the seed alone, so a training that was stopped goes on at the very next one."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.training import LoopSettings
from arabic_llm_pipeline.tokens.store import Ints

Row = TypeVar("Row")


@dataclass(frozen=True)
class Schedule:
    """A permutation of the rows of each pass, one after the other, cut to the steps."""

    passes: tuple[int, ...]  # rows of each, numbered through; after the last one comes the first again
    batch: int  # rows in an optimizer step
    steps: int
    seed: int

    def order(self) -> Ints:
        """Row of every place; [steps * batch]."""
        places = self.steps * self.batch
        starts = np.cumsum((0, *self.passes))
        drawn: list[Ints] = []
        while sum(map(len, drawn)) < places:
            number = len(drawn)
            which = number % len(self.passes)
            drawn.append(starts[which] + np.random.default_rng([self.seed, number]).permutation(self.passes[which]))
        return np.concatenate(drawn)[:places]

    def epoch(self, step: int) -> float:
        """Passes over the data that so many steps make."""
        return step * self.batch * len(self.passes) / sum(self.passes)


def schedule(passes: tuple[int, ...], settings: LoopSettings, seed: int) -> Schedule:
    """As many steps as are asked for, or as the epochs make.

    Args:
        passes: rows of each.
        settings: batch, steps and epochs.
        seed: of the order.
    """
    rows = sum(passes) / len(passes)
    steps = settings.steps or max(1, round(rows * settings.epochs / settings.batch))
    return Schedule(passes, settings.batch, steps, seed)


def equation_3(step: int, warmup: int, total: int) -> float:
    """Share of the highest learning rate in a step, by Equation 3 of Aryan 2024 ("Resource-Aware Arabic LLM Creation").

    step / warmup up to the warm-up's end, then half a cosine down to 0 in the last step. transformers' `cosine` is the
    same one step late: its first step learns nothing.

    Args:
        step: from 1 to total.
        warmup: steps in which it rises.
        total: steps of the run.
    """
    if step <= warmup:
        return step / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / (total - warmup)))


def decay_in_steps(arguments: Mapping[str, Any], warmup: int, total: int) -> dict[str, Any]:
    """The arguments of a schedule as transformers takes them: `num_decay_steps` as a number, rounded up.

    Args:
        arguments: some of `SchedulerArguments`.
        warmup: steps in which the learning rate rises.
        total: steps of the run.

    Raises:
        UserError: rising and falling would take more steps than there are.
    """
    decay = arguments.get("num_decay_steps")
    if decay is None:
        return dict(arguments)
    steps = int(decay) if decay >= 1 else math.ceil(decay * total)
    if warmup + steps > total:
        raise UserError(
            f"warmup_stable_decay: the learning rate would rise in {warmup} steps and fall in {steps}, and the run has "
            f"{total}. Lower warmup, or scheduler_arguments.num_decay_steps."
        )
    return {**arguments, "num_decay_steps": steps}


def lay_out(
    make: Callable[[int], list[Row]], settings: LoopSettings, passes_differ: bool
) -> tuple[list[Row], tuple[int, ...]]:
    """The rows of as many passes as training takes, or of one if all are alike; and how many each has.

    Args:
        make: the rows of a pass, by its number.
        settings: steps or epochs, and batch.
        passes_differ: whether each pass has rows of its own, as in a mixture.
    """
    rows = list(make(0))
    sizes = [len(rows)]
    while rows and passes_differ and not _enough(len(rows), len(sizes), settings):
        more = make(len(sizes))
        rows += more
        sizes.append(len(more))
    return rows, tuple(sizes)


def _enough(rows: int, passes: int, settings: LoopSettings) -> bool:
    return rows >= settings.steps * settings.batch if settings.steps else passes >= settings.epochs
