"""The loss of a step by source, dialect and kind, and the records of a step by name.

Nothing is computed anew on the device, and nothing waits for it: what the forward passes gave is kept, some kilobytes a
micro-batch, and read when the trainer has read the step's loss.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from arabic_llm_pipeline.tokens.columns import Array
from arabic_llm_pipeline.tokens.store import Ints
from arabic_llm_pipeline.training import workers
from arabic_llm_pipeline.training.batches import Batch

FIELDS = ("log_probs", "entropy", "mean_logits", "is_top1", "label_mask", "logits")  # of a forward pass, that are kept


@dataclass
class MicroBatch:
    """What went into a forward and backward pass, and what came out."""

    rows: list[int]  # of the training's rows
    inputs: Batch = field(default_factory=dict)
    passes: list[dict[str, torch.Tensor]] = field(default_factory=list)  # of model and reference, in their order
    loss: torch.Tensor = field(default_factory=lambda: torch.zeros(()))  # before it is scaled for accumulation

    def see(self, output: Any) -> None:
        """Keep what a forward pass gave."""
        found = {name: getattr(output, name, None) for name in FIELDS}
        self.passes.append({name: part.detach() for name, part in found.items() if part is not None})


@dataclass(frozen=True)
class Part:
    """The loss of some records: all of one source, dialect and kind, or a single one."""

    record: int  # one of them, as a row of the store
    loss: float
    weight: float  # tokens, or pairs


class Names:
    """What the store says of the records that are trained on."""

    def __init__(self, rows: Any):
        """Read tags.

        Args:
            rows: that are trained on; those that a model made itself are of no store.
        """
        self.rows = rows
        self.split: Any = getattr(rows, "split", None)
        self.by_record = hasattr(rows, "starts")  # losses are of single records
        self.tags: dict[str, Array] = {}
        if self.split is not None:
            tags = {tag: self.split.tagged(tag) for tag in self.split.tags}
            chosen = np.unique(rows.records(range(len(rows.rows))))
            self.tags = {tag: values for tag, values in tags.items() if len(np.unique(values[chosen])) > 1}
        names = [(tag, value) for tag, values in self.tags.items() for value in np.unique(values[chosen]).tolist()]
        self.places = {name: place for place, name in enumerate(names)}  # the same for every worker

    def alike(self, records: Ints) -> list[Ints]:
        """Places of records that have the same source, dialect and kind, group by group."""
        if not self.tags:
            return [np.arange(len(records))]
        keys = list(zip(*(values[records].tolist() for values in self.tags.values()), strict=True))
        groups: dict[Any, list[int]] = defaultdict(list)
        for place, key in enumerate(keys):
            groups[key].append(place)
        return [np.array(places) for places in groups.values()]

    def told(self, rows: Sequence[int]) -> list[tuple[str, str]]:
        """Id and source of the records in rows that are trained on, each once."""
        if self.split is None:
            return [(f"answers {row} of this round", "the model") for row in rows]
        return [self.record(number) for number in dict.fromkeys(self.rows.records(rows).tolist())]

    def record(self, number: int) -> tuple[str, str]:
        """Id and source of one."""
        [source] = self.split.read("source_ids", number, number + 1)
        return self.split.id(number), self.split.names("source")[source]

    def columns(self, parts: Sequence[Part]) -> dict[str, float]:
        """Means by source, by dialect, by kind: of each tag that has several values, over the parts of all workers."""
        sums = np.zeros((len(self.places), 2))
        for part in parts:
            for tag, values in self.tags.items():
                sums[self.places[tag, values[part.record]]] += (part.loss * part.weight, part.weight)
        found = workers.sums(sums).tolist()
        return {
            f"loss/{tag}/{value}": found[place][0] / found[place][1]
            for (tag, value), place in self.places.items()
            if found[place][1]
        }


def of_documents(micro: MicroBatch, rows: Any) -> list[Part]:
    """The mean loss of each document's learned tokens in a micro-batch, in nats."""
    seen = micro.passes[0]
    lost, learned = -seen["log_probs"].float().cpu().numpy(), seen["label_mask"].cpu().numpy()
    width = lost.shape[1] + 1  # nothing foretells the first token of a row
    records, starts = rows.records(micro.rows), rows.starts(micro.rows, width)
    sums, counts = (
        np.add.reduceat(np.pad(part.astype(np.float64), ((0, 0), (1, 0))).ravel(), starts) for part in (lost, learned)
    )
    found = zip(records.tolist(), sums.tolist(), counts.tolist(), strict=True)
    return [Part(record, total / count, count) for record, total, count in found if count]
