"""Muon for matrices and AdamW for the rest, as one optimizer that a trainer can step, save and resume."""

from collections.abc import Callable
from typing import Any

import torch

from arabic_llm_pipeline.parameters.training import PretrainSettings

BETAS = (0.9, 0.95)  # of AdamW, as is usual for pretraining
MOMENTUM = 0.95


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
