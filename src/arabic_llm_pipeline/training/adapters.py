"""Adapters: made, taken on from the stage before, and written so that the same training gives the same bytes."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.files import write_json
from arabic_llm_pipeline.parameters.model import AdapterSettings
from arabic_llm_pipeline.training.models import ABOUT

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PreTrainedModel

NAME = "default"  # the adapter that is trained; a preference stage has a frozen copy beside it


def new_adapter(model: "PreTrainedModel", settings: AdapterSettings, seed: int) -> "PeftModel":
    """A base with fresh adapters; before the first step they change nothing (B is zero).

    Raises:
        UserError: the model has no layers of the given names.
    """
    from peft import LoraConfig, get_peft_model
    from transformers import set_seed

    wanted = settings.target_modules
    config = LoraConfig(
        r=settings.r,
        lora_alpha=settings.alpha,  # type: ignore[arg-type]
        lora_dropout=settings.dropout,
        target_modules=wanted if isinstance(wanted, str) else list(wanted),
        task_type="CAUSAL_LM",
    )
    set_seed(seed)
    try:
        return get_peft_model(model, config)
    except ValueError as error:
        raise UserError(f"adapter.target_modules={wanted}: {error}") from error


@contextmanager
def kept_exact(model: "torch.nn.Module") -> Iterator[None]:
    """Give what is trained its weights back, in fp32, after a block that rounds them.

    TRL casts adapters over a quantised base to bf16. Nearly nothing then changes at preference learning rates (of the
    weights 1.3% moved in ten DPO steps at 1e-6, in fp32 all), and a stage does not start where the one before ended.
    """
    exact = {name: part.detach().float().clone() for name, part in model.named_parameters() if part.requires_grad}
    yield
    for name, part in model.named_parameters():
        if name in exact:
            part.data = exact[name]


def save_weights(model: "PeftModel", directory: Path) -> None:
    """Write the trained adapter as PEFT reads it: weights in safetensors, and configuration; no frozen copy."""
    model.save_pretrained(str(directory), selected_adapters=[NAME], save_embedding_layers=False)
    (directory / "README.md").unlink()  # PEFT's form to fill in


def save_adapter(model: "PeftModel", directory: Path, base: str, about: dict[str, Any]) -> None:
    """Write a finished adapter; the same training gives the same bytes, on whatever path.

    Args:
        model: with the adapter.
        directory: is made.
        base: where PEFT finds the base: its name on the hub, or its path in the project.
        about: what the adapter belongs to.
    """
    save_weights(model, directory)
    path = directory / "adapter_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(config["target_modules"], list):
        config["target_modules"].sort()  # PEFT writes a set
    config["base_model_name_or_path"] = base  # else an absolute path of this machine
    write_json(path, dict(sorted(config.items())))
    write_json(directory / ABOUT, about)
