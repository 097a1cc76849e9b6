"""Muon for matrices and AdamW for the rest, as one optimizer that a trainer can step, save and resume."""

from collections.abc import Callable
from typing import Any

import torch

from arabic_llm_pipeline.parameters.training import PretrainSettings

BETAS = (0.9, 0.95)  # of AdamW, as is usual for pretraining
MOMENTUM = 0.95
ON_HOST, STEPS_ON_HOST = "adamw_host", "state=host"  # a parameter of ours; what transformers passes on
QUICK = {"fused": True, "foreach": False}  # one pass over the memory


class OnHost(torch.optim.Optimizer):
    """AdamW in the machine's memory, as in ZeRO-Offload (Ren et al. 2021, arXiv 2101.06840).

    State and step are there, on a copy in fp32; the card holds weights and gradients. In each step gradients go down
    and weights come up, 8 bytes a weight. bitsandbytes' paged optimizers step on the card, and the driver moves their
    state there and back; torchao's offloading does as this one, for cards alone.
    """

    def __init__(self, made: torch.optim.Optimizer):
        """Take the place of one that has not made a step yet.

        Args:
            made: an AdamW; its groups and rates are kept.
        """
        super().__init__(made.param_groups, made.defaults)
        self.copies = {part: _on_host(part) for group in self.param_groups for part in group["params"]}
        groups = [{**group, "params": [self.copies[part] for part in group["params"]]} for group in self.param_groups]
        self.inner = torch.optim.AdamW([{**group, **QUICK} for group in groups])

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # noqa: ARG002
        """Gradients down, a step, weights up."""
        for part, copy in self.copies.items():
            if part.grad is None:
                copy.grad = None
            elif copy.grad is None:
                copy.grad = _on_host(part.grad)
            else:
                copy.grad.copy_(part.grad)
        self._tell_rates()
        self.inner.step()
        for part, copy in self.copies.items():
            if copy.grad is not None:
                part.copy_(copy)

    def state_dict(self) -> dict[str, Any]:
        """That of AdamW."""
        self._tell_rates()
        return self.inner.state_dict()

    @torch.no_grad()
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """That of AdamW; the weights are taken as they are now."""
        self.inner.load_state_dict(state_dict)
        for part, copy in self.copies.items():
            copy.copy_(part)
        for group, mine in zip(self.param_groups, self.inner.param_groups, strict=True):
            group.update({name: value for name, value in mine.items() if name != "params" and name not in QUICK})
            mine.update(QUICK)

    def _tell_rates(self) -> None:
        """What a scheduler has turned."""
        for group, mine in zip(self.param_groups, self.inner.param_groups, strict=True):
            mine.update({name: value for name, value in group.items() if name != "params" and name not in QUICK})


def _on_host(part: torch.Tensor) -> torch.Tensor:
    """A copy in fp32, where a card can read it directly."""
    made = torch.empty(part.shape, dtype=torch.float32, pin_memory=part.is_cuda)
    return made.copy_(part.detach())


class Together(torch.optim.Optimizer):
    """Several optimizers, each with parameters of its own, that step as one."""

    def __init__(self, parts: list[torch.optim.Optimizer]):
        self.parts = parts
        super().__init__([group for part in parts for group in part.param_groups], {})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # noqa: ARG002
        """One step of each."""
        for part in self.parts:
            part.step()

    def state_dict(self) -> dict[str, Any]:
        """Of each, in order."""
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Of each, in order; the groups that a scheduler turns are then theirs again."""
        for part, state in zip(self.parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
        self.param_groups = [group for part in self.parts for group in part.param_groups]


def muon_and_adamw(
    model: torch.nn.Module, settings: PretrainSettings, rate: Callable[[int], float]
) -> tuple[Together, torch.optim.lr_scheduler.LambdaLR]:
    """Optimizer and scheduler: Muon (Jordan et al. 2024) for the matrices inside the blocks, AdamW for the rest.

    Args:
        model: what is trained.
        settings: learning rates and weight decay.
        rate: share of the learning rates in a step.
    """
    named = {name: part for name, part in model.named_parameters() if part.requires_grad}
    outside = ("embed", "lm_head")
    matrices = [part for name, part in named.items() if part.ndim == 2 and not any(word in name for word in outside)]
    chosen = {id(part) for part in matrices}
    rest = [part for part in named.values() if id(part) not in chosen]
    muon = torch.optim.Muon(
        matrices, lr=settings.muon_learning_rate, momentum=MOMENTUM, weight_decay=settings.weight_decay
    )
    adamw = torch.optim.AdamW(rest, lr=settings.adamw_learning_rate, betas=BETAS, weight_decay=0.0, fused=True)
    together = Together([muon, adamw])
    return together, torch.optim.lr_scheduler.LambdaLR(together, rate)
