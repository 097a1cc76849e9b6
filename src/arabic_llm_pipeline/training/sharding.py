"""A model divided among cards: torch's fully_shard (FSDP2; Zhao et al. 2023, arXiv 2304.11277), by way of accelerate.

Checkpoints and results are those of a model in one piece: gathered, and written by the first worker.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.training import adapters, workers
from arabic_llm_pipeline.training.job import Job
from arabic_llm_pipeline.training.models import device, quantization

KINDS = ("lora", "rslora", "full")
OPTIMIZERS = ("adamw_torch",)
GATHERED = StateDictOptions(full_state_dict=True, cpu_offload=True)
GIVEN = StateDictOptions(full_state_dict=True, strict=False)


def is_asked(job: Job) -> bool:
    """Whether a stage's model is to be divided."""
    return job.devices.sharding == "full"


def check(job: Job) -> None:
    """Refuse what cannot be divided, with the reason.

    Raises:
        UserError: it cannot.
    """
    if is_asked(job) and (why := _hindrance(job)):
        raise UserError(f"devices.sharding=full: {why}.")


def _hindrance(job: Job) -> str:
    held, kind, optimizer = quantization(job.base, job.model), job.lora.kind, job.settings.get("optimizer", "muon")
    if device().type != "cuda":
        return "it is for cards, and none is there. Set devices.sharding=none"
    if optimizer not in OPTIMIZERS:
        other = "devices.sharding=none" if optimizer == "muon" else "optimizer=adamw_torch: its state is divided, too"
        return f"the optimizer {optimizer} steps on whole tensors. Set {other}"
    if job.method == "dno" or job.settings.get("precompute_reference"):
        return "a model in parts neither samples nor scores. Set devices.sharding=none, or precompute_reference=false"
    if held != "none":
        return (
            f"model.quantization={held}: packed weights cannot be cut by rows, so each card would hold all of them. "
            "Set model.quantization=none, or devices.sharding=none: quantised, the model may fit on each"
        )
    if kind not in KINDS:
        return f"adapter.kind={kind} looks at whole matrices in each step. Set one of {', '.join(KINDS)}"
    return ""


def arguments(job: Job) -> dict[str, Any]:
    """Those of transformers, for its layers as units."""
    if not is_asked(job):
        return {}
    return {"fsdp": True, "fsdp_config": {"version": 2, "reshard_after_forward": True}}


def gathered(model: Any) -> dict[str, torch.Tensor]:
    """What is saved, in one piece: an adapter, or a model with its frozen layers; tied weights once.

    It is on the CPU of the first worker, and empty in others. All of them have to ask.
    """
    options = replace(GATHERED, ignore_frozen_params=hasattr(model, "peft_config"))
    found, own = get_model_state_dict(model, options=options), {name for name, _ in model.named_parameters()}
    return {name: value for name, value in found.items() if name in own}  # type: ignore[misc]


def load_trained(model: Any, checkpoint: Path) -> None:
    """Give a divided model the trained weights of a checkpoint."""
    there = {name: value for path in checkpoint.glob("*model*.safetensors") for name, value in load_file(path).items()}
    named: Any = {name: there[_stored(name)] for name, part in model.named_parameters() if part.requires_grad}
    set_model_state_dict(model, named, options=GIVEN)


def save_optimizer(model: Any, optimizer: Any, file: Path) -> None:
    """Write the optimizer's state as of a model in one piece. All workers have to ask."""
    state = get_optimizer_state_dict(model, optimizer, options=GATHERED)
    if workers.is_first():
        torch.save(state, file)


def load_optimizer(model: Any, optimizer: Any, file: Path) -> None:
    """Take up a state that `save_optimizer` has written."""
    state = torch.load(file, map_location="cpu", weights_only=True)
    set_optimizer_state_dict(model, optimizer, state, options=GIVEN)


def _stored(name: str) -> str:
    """A weight's name in a file of PEFT's, which leaves the adapter's out."""
    return name.replace(f".{adapters.NAME}.", ".")
