"""What a loss needs of all rows of an optimizer step.

TRL takes KTO's divergence, and the likelihood in CPO and ORPO, from one forward pass at a time: how a step is split
into such passes then changes what is learned. Taken from the whole step, which the trainer fetches before its first
pass, it changes no more than the last digits; in a step of one pass it is TRL's to the bit.
"""

from collections.abc import Iterator
from itertools import cycle
from typing import Any

import torch
from trl.models.utils import disable_gradient_checkpointing
from trl.trainer.utils import use_adapter

from arabic_llm_pipeline.training.batches import Batch
from arabic_llm_pipeline.training.trainers import Order

REFERENCE = "ref"  # TRL's name for its frozen copy of the adapter
KL_PREFIX = "KL_"  # of what it calls the answers to other prompts, in a batch
Fetched = tuple[list[Batch], Any]  # the passes of a step, and what transformers counts in them


class Partnered(Order):
    """The row of every place, with the one before it in its optimizer step, the first's the last.

    The latter's answer stands in KTO for an answer to another prompt.
    """

    def __init__(self, rows: Any, batch: int):
        super().__init__(rows)
        self.batch = batch

    def __getitem__(self, place: int) -> tuple[int, int]:  # type: ignore[override]
        begin = place - place % self.batch
        size = min(self.batch, len(self) - begin)
        return int(self.rows[place]), int(self.rows[begin + (place - begin - 1) % size])


class LikelihoodOfStep:
    """The mean over the tokens of a step, for trainers of methods with a likelihood."""

    accelerator: Any
    model: Any
    counted: float | None = None  # tokens that the likelihood counts, of a mean pass of the step under way

    def scored(self, batch: Batch) -> torch.Tensor:
        """Which tokens of the chosen answers' rows the likelihood counts; [rows, length]."""
        raise NotImplementedError

    def get_batch_samples(self, epoch_iterator: Iterator[Batch], num_batches: int, device: torch.device) -> Fetched:
        """Fetch the passes of a step, and count."""
        passes, items = super().get_batch_samples(epoch_iterator, num_batches, device)  # type: ignore[misc]
        counts = [self.scored(batch)[:, 1:].sum() for batch in passes]
        total = torch.stack(counts).sum().to(self.accelerator.device)
        self.counted = float(self.accelerator.gather(total).float().mean()) / len(passes) if passes else None
        return passes, items

    def likelihood(self, logs: torch.Tensor, scored: torch.Tensor) -> torch.Tensor:
        """Negative, of a pass, so that the mean over the passes of a step is that over its tokens.

        Args:
            logs: log-probabilities of the chosen answers' tokens; [rows, length - 1].
            scored: which of them count.
        """
        count = self.counted if self.counted and self.model.training else scored.sum()
        return -(logs * scored).sum() / count


class DivergenceOfStep:
    """KTO's estimate of how far the model is from its reference, over all answers of a step."""

    accelerator: Any
    model: Any
    ref_model: Any
    args: Any
    calculate_KL: bool  # noqa: N815  TRL's name
    divergence: torch.Tensor  # of the step under way; [1]
    estimate: Iterator[torch.Tensor] | None = None  # as TRL asks in each pass: of the model, of the reference

    def get_batch_samples(self, epoch_iterator: Iterator[Batch], num_batches: int, device: torch.device) -> Fetched:
        """Fetch the passes of a step, and estimate before the first."""
        passes, items = super().get_batch_samples(epoch_iterator, num_batches, device)  # type: ignore[misc]
        if self.calculate_KL and passes:
            self.estimate = None
            found = torch.cat([self._ratios(batch) for batch in passes])
            self.divergence = self.accelerator.gather(found).mean()[None]
            self.estimate = cycle((self.divergence, torch.zeros_like(self.divergence)))
        return passes, items

    def _compute_kl_logps(self, model: Any, batch: Batch) -> Any:
        if self.estimate is not None and self.model.training:
            return next(self.estimate)
        return super()._compute_kl_logps(model, batch)  # type: ignore[misc]

    @torch.no_grad()
    def _ratios(self, batch: Batch) -> torch.Tensor:
        """Log-probability by the model less that by the reference, of answers to other prompts; [rows]."""
        told = {name: part.to(self.accelerator.device) for name, part in batch.items() if name.startswith(KL_PREFIX)}
        with self.compute_loss_context_manager():  # type: ignore[attr-defined]
            logs = self._compute_kl_logps(self.model, told)
            with disable_gradient_checkpointing(self.model, self.args.gradient_checkpointing_kwargs):
                return logs - self._by_reference(told)

    def _by_reference(self, told: Batch) -> torch.Tensor:
        if self.ref_model is not None:
            return self._compute_kl_logps(self.ref_model, told)
        inner = self.accelerator.unwrap_model(self.model)
        with use_adapter(inner, adapter_name=REFERENCE if REFERENCE in inner.peft_config else None):
            return self._compute_kl_logps(self.model, told)
