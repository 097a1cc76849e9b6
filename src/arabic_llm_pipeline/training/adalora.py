"""AdaLoRA (Zhang et al. 2023): ranks taken while training, and what is left of them as a plain LoRA adapter.

PEFT has the layers and the sums; that the ranks are taken at all, survive a kill, and end in something that every
library loads is done here.
"""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from peft import AdaLoraConfig, LoraConfig
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import TrainerCallback, TrainerState

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.model import AdapterSettings
from arabic_llm_pipeline.parameters.training import LoopSettings

if TYPE_CHECKING:
    from peft import PeftModel

NAME = "default"
STATE = "allocation.safetensors"  # in a checkpoint: the importance of each weight, smoothed over the steps so far
SMOOTHED = ("exp_avg_ipt", "exp_avg_unc")
SMALL = 1e-5  # PEFT's, in the divisor


def config(settings: AdapterSettings, **common: Any) -> AdaLoraConfig:
    """PEFT's configuration; the steps become known when training begins."""
    return AdaLoraConfig(
        init_r=settings.initial_rank,
        target_r=settings.r,
        total_step=1 << 30,
        tinit=0,
        tfinal=1,
        deltaT=settings.adalora.interval,
        orth_reg_weight=0.0,  # PEFT would add it to every forward pass: as often as gradients are accumulated
        **common,
    )


class Allocation(TrainerCallback):
    """Takes ranks after each step, and adds the gradient of the term that keeps singular vectors orthogonal.

    The term is no part of the loss that is logged: it has a column of its own. It comes once a step, however many
    micro-batches make it, and after the norm of the task's gradient was clipped.
    """

    def __init__(self, model: "PeftModel", settings: AdapterSettings):
        self.model, self.settings = model, settings.adalora
        self.tuner: Any = model.base_model
        self.config: Any = model.peft_config[NAME]
        self.term = 0.0

    @property
    def allocator(self) -> Any:
        """PEFT's."""
        return self.tuner.rankallocator

    def on_train_begin(self, args: Any, state: TrainerState, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Lay the three phases over the steps.

        Raises:
            UserError: there are too few of them.
        """
        steps, told = state.max_steps, self.settings
        first, last = math.ceil(told.warmup * steps), max(1, round(told.settled * steps))
        if first >= steps - last:
            raise UserError(
                f"AdaLoRA has no step left in which ranks are taken: {steps} steps, adapter.adalora.warmup="
                f"{told.warmup}, settled={told.settled}. Train longer, or lower the two."
            )
        self.config.total_step, self.config.tinit, self.config.tfinal = steps, first, last

    def on_pre_optimizer_step(self, *_: Any, **__: Any) -> None:
        """Add the gradient of weight x mean of ||P'P - I|| and ||QQ' - I|| (Frobenius; Equation 4 of the paper)."""
        term = orthogonality(self.model)
        self.term = float(term.detach())
        if not self.settings.orthogonality:
            return
        parts = list(
            vectors(self.model).values()
        )  # added by hand: what listens to gradients (DDP) waits for those of the loss
        for part, more in zip(parts, torch.autograd.grad(self.settings.orthogonality * term, parts), strict=True):
            part.grad = more if part.grad is None else part.grad.add_(more)

    def on_optimizer_step(
        self,
        args: Any,  # noqa: ARG002
        state: TrainerState,
        control: Any,  # noqa: ARG002
        optimizer: Any = None,
        **_: Any,
    ) -> None:
        """Update the importance of every weight, and take ranks where it is time.

        A step that loss scaling left out has gradients that are no numbers: in the smoothed importance they would stay
        for good. Ranks that such a step would have taken are taken at the next; the last step that takes any looks at
        no gradient.

        Raises:
            UserError: ranks are to be taken for good, and every step so far was left out.
        """
        step, last = state.global_step + 1, self.config.total_step - self.config.tfinal
        if step < last and optimizer.step_was_skipped:
            return
        if step == last and not self.allocator.exp_avg_ipt:
            raise UserError(
                f"AdaLoRA takes its last ranks in step {step}, and float16 has overflowed in each step so far: nothing "
                "was learned. Train longer, or set model.compute_dtype=bfloat16 where the card has it, or float32."
            )
        self.tuner.update_and_allocate(step)

    def on_log(self, args: Any, state: TrainerState, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Log the term and the ranks that are left beside the loss."""
        row = state.log_history[-1]
        if "loss" in row:
            row["orthogonality"] = self.term
            row["mean_rank"] = mean_rank(self.config)

    def save(self, directory: Path) -> None:
        """Leave in a checkpoint what a resumed training needs, beside the weights."""
        tensors = {
            f"{kind}/{name}": value for kind in SMOOTHED for name, value in getattr(self.allocator, kind).items()
        }
        save_file(tensors, directory / STATE, {"rank_pattern": json.dumps(self.config.rank_pattern)})

    def load(self, directory: Path) -> None:
        """Take it up again."""
        allocator = self.allocator
        allocator.reset_ipt()
        with safe_open(directory / STATE, framework="pt", device=str(self.model.device)) as file:
            self.config.rank_pattern = json.loads(file.metadata()["rank_pattern"])
            for key in file.keys():  # noqa: SIM118  a safe_open is no dict
                kind, _, name = key.partition("/")
                getattr(allocator, kind)[name] = file.get_tensor(key)
                allocator.ipt.setdefault(name, torch.empty(0))  # there: what was smoothed is not begun anew


def check_to_the_end(settings: LoopSettings) -> None:
    """Refuse a result of an earlier step: its ranks would not all be taken.

    Raises:
        UserError: the settings may make one.
    """
    if settings.keep_best or settings.patience:
        raise UserError(
            "adapter.kind=adalora takes ranks up to its last steps, so an earlier one is no result. Set "
            "keep_best=false and patience=0, or adapter.kind=lora."
        )


def is_adalora(model: Any) -> bool:
    """Whether a model's adapter is of this kind."""
    return isinstance(getattr(model, "peft_config", {}).get(NAME), AdaLoraConfig)


def orthogonality(model: torch.nn.Module) -> torch.Tensor:
    """Mean over all matrices of singular vectors of the distance to orthogonality, ||P'P - I|| in Frobenius' norm."""
    norms = []
    for name, part in vectors(model).items():
        rows = part if "lora_A" in name else part.T  # A is [rank, inputs], B [outputs, rank]
        norms.append(torch.linalg.matrix_norm(rows @ rows.T - torch.eye(len(rows), device=part.device)))
    return torch.stack(norms).mean()


def vectors(model: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    """The matrices of singular vectors by name, left and right."""
    named = model.named_parameters()
    return {name: part for name, part in named if f"lora_A.{NAME}" in name or f"lora_B.{NAME}" in name}


def mean_rank(told: Any) -> float:
    """Ranks that are left of each matrix, in the mean.

    Args:
        told: PEFT's configuration, which keeps what was taken.
    """
    if told.rank_pattern is None:
        return float(told.init_r)
    return sum(map(sum, told.rank_pattern.values())) / len(told.rank_pattern)


def as_lora(model: "PeftModel") -> tuple[dict[str, torch.Tensor], LoraConfig]:
    """The same update as a LoRA adapter: weights by PEFT's names, and its configuration.

    The singular values and the scale go into B, so that each matrix is scaled by one; only what was not taken is left,
    at least one column (of zeros) in each. `r` and `lora_alpha` are the highest rank: a library that does not read
    `rank_pattern` and `alpha_pattern` scales alike.
    """
    weights, ranks = {}, {}
    tuner: Any = model.base_model
    for name, layer in tuner.model.named_modules():
        if not hasattr(layer, "lora_E"):
            continue
        values = layer.lora_E[NAME].detach()[:, 0]
        left = values.nonzero()[:, 0] if values.any() else torch.tensor([0], device=values.device)
        scale = layer.scaling[NAME] / (layer.ranknum[NAME] + SMALL)
        place = f"base_model.model.{name}"
        weights[f"{place}.lora_A.weight"] = layer.lora_A[NAME].detach()[left].contiguous().cpu()
        grown = layer.lora_B[NAME].detach()[:, left] * values[left] * scale
        weights[f"{place}.lora_B.weight"] = grown.contiguous().cpu()
        ranks[name] = len(left)
    told: Any = model.peft_config[NAME]
    saved = f".modules_to_save.{NAME}"
    whole = {name: part for name, part in tuner.model.named_parameters() if saved in name}
    weights |= {f"base_model.model.{name.replace(saved, '')}": part.detach().cpu() for name, part in whole.items()}
    highest = max(ranks.values())
    others = {name: rank for name, rank in sorted(ranks.items()) if rank != highest}
    return weights, LoraConfig(
        r=highest,
        lora_alpha=highest,
        rank_pattern=others,
        alpha_pattern=dict(others),
        lora_dropout=told.lora_dropout,
        target_modules=sorted(told.target_modules),
        layers_to_transform=told.layers_to_transform,
        fan_in_fan_out=told.fan_in_fan_out,
        task_type=told.task_type,
        modules_to_save=told.modules_to_save,
        inference_mode=True,
    )
