"""The loss of a preference method on some records of a micro-batch, by TRL's own formula, from passes that are over.

A method's loss is a mean over the pairs of a micro-batch, and TRL hands out that mean alone. Its function is called
once more for each group, on the CPU, with the log-probabilities that the model gave in the place of a model.
"""

import copy
from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from arabic_llm_pipeline.tokens.store import Ints
from arabic_llm_pipeline.training.batches import Batch
from arabic_llm_pipeline.training.parts import MicroBatch, Names, Part


class Alone:
    """In the place of accelerate: one process, on the CPU."""

    device = torch.device("cpu")

    def gather(self, found: torch.Tensor) -> torch.Tensor:
        """What there is."""
        return found

    gather_for_metrics = gather


class Given:
    """In the place of the model: gives what it gave, pass by pass."""

    training = True

    def __init__(self, passes: list[dict[str, torch.Tensor]]):
        self.passes = iter(passes)

    def __call__(self, *_: Any, **__: Any) -> Any:
        """What the next pass gave."""
        return SimpleNamespace(**next(self.passes))


def of_groups(trainer: Any, micro: MicroBatch, names: Names) -> list[Part]:
    """The loss of each group of records that are alike in source and dialect, as if it were the micro-batch.

    Args:
        trainer: of the method; has `chosen_passes`, which says what the passes are.
        micro: what it did.
        names: of the records.
    """
    if names.split is None:
        return []
    records = names.rows.records(micro.rows)
    groups = names.alike(records)
    if len(groups) == 1:
        return [Part(int(records[0]), float(micro.loss), len(records))]
    held = MicroBatch(micro.rows, on_cpu(micro.inputs), [on_cpu(one) for one in micro.passes])
    return [Part(int(records[group[0]]), _replayed(trainer, held, group, len(records)), len(group)) for group in groups]


def on_cpu(found: Batch) -> Batch:
    """Tensors of a micro-batch where they can be read."""
    return {name: part.cpu() if isinstance(part, torch.Tensor) else part for name, part in found.items()}


def some(found: Batch, group: Ints, records: int) -> Batch:
    """What belongs to some of the records; chosen answers lie before all rejected ones, in one tensor."""
    both = np.concatenate([group, group + records])
    kept = {records: torch.from_numpy(group), 2 * records: torch.from_numpy(both)}
    return {
        name: part[kept[len(part)]] if isinstance(part, torch.Tensor) and part.dim() and len(part) in kept else part
        for name, part in found.items()
    }


def _replayed(trainer: Any, held: MicroBatch, group: Ints, records: int) -> float:
    inputs, passes = trainer.chosen_passes(held, group, records)
    twin = copy.copy(trainer)
    twin._metrics = twin._stored_metrics = defaultdict(lambda: defaultdict(list))
    twin.accelerator, twin.model, twin.precompute_ref_logps, twin.aux_loss_enabled = Alone(), Given(passes), True, False
    twin.estimate = twin.counted = None  # of a step: here the group is all there is
    with torch.no_grad():
        return float(trainer.loss_of(twin, inputs))
