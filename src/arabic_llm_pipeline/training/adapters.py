"""Adapters: made, taken on from the stage before, and written so that the same training gives the same bytes."""

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.files import write_json
from arabic_llm_pipeline.parameters.model import AdapterSettings
from arabic_llm_pipeline.training import families
from arabic_llm_pipeline.training.families import HEAD
from arabic_llm_pipeline.training.models import ABOUT, ADAPTER, WEIGHTS, is_quantised

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PreTrainedModel

    State = dict[str, torch.Tensor] | None

NAME = "default"  # the adapter that is trained; a preference stage has a frozen copy beside it


def new_adapter(
    model: "PreTrainedModel", settings: AdapterSettings, seed: int, *, scoring: bool = False
) -> "PeftModel | PreTrainedModel":
    """A base with fresh adapters, which change nothing before the first step; or, of kind full, to be trained itself.

    Args:
        model: the base.
        settings: of the adapters.
        seed: of their weights.
        scoring: whether it is a reward model, whose head is trained and saved whole.

    Raises:
        UserError: the model has no layers of the given names, or none that is not frozen.
    """
    from peft import get_peft_model
    from transformers import set_seed

    set_seed(seed)
    if settings.kind == "full":
        families.freeze(model, settings)
        if scoring:
            model.get_submodule(HEAD).requires_grad_(True)
        return model
    try:
        return get_peft_model(model, _config(model, settings, scoring))
    except ValueError as error:
        raise UserError(f"adapter.target_modules={settings.target_modules}: {error}") from error


def _config(model: "PreTrainedModel", settings: AdapterSettings, scoring: bool) -> Any:
    from peft import LoraConfig

    layers = families.trained_layers(model, settings)
    some = settings.freeze_top or settings.freeze_bottom
    common: dict[str, Any] = {
        "lora_alpha": int(settings.alpha) if settings.alpha == int(settings.alpha) else settings.alpha,
        "lora_dropout": settings.dropout,
        "target_modules": families.target_modules(model, settings),
        "layers_to_transform": layers if some else None,
        "fan_in_fan_out": model.config.model_type == "gpt2",  # Conv1D: weights the other way round
        "task_type": "SEQ_CLS" if scoring else "CAUSAL_LM",
        "modules_to_save": [HEAD] if scoring else None,
    }
    if settings.kind == "adalora":
        from arabic_llm_pipeline.training import adalora

        return adalora.config(settings, **common)
    return LoraConfig(r=settings.r, use_dora=settings.kind == "dora", use_rslora=settings.kind == "rslora", **common)


def for_scores(model: "PreTrainedModel", directory: Path, seed: int) -> "PeftModel":
    """A base whose head gives rewards with a language model's adapter, to be trained on; the head is trained, too.

    Raises:
        UserError: the adapter does not fit the model.
    """
    from peft import PeftConfig, get_peft_model, set_peft_model_state_dict
    from safetensors.torch import load_file
    from transformers import set_seed

    set_seed(seed)
    config: Any = PeftConfig.from_pretrained(str(directory))
    config.task_type, config.modules_to_save, config.inference_mode = "SEQ_CLS", [HEAD], False
    made: Any = get_peft_model(model, config)
    own: Any = model.get_submodule(HEAD)
    head = {f"base_model.model.{HEAD}.weight": own.original_module.weight}
    found: Any = set_peft_model_state_dict(made, load_file(directory / WEIGHTS) | head)
    left = [name for name in found.missing_keys if "lora_" in name]
    if left or found.unexpected_keys:
        raise UserError(
            f"The adapter in {directory} is not of this base: {[*left, *found.unexpected_keys][0]} does not fit. "
            "Train it again, or begin the chain with reward."
        )
    return made


def frozen_copy(model: "PreTrainedModel") -> "PreTrainedModel":
    """What a model is now, as the reference of a preference stage that trains the model itself."""
    return copy.deepcopy(model).requires_grad_(False).eval()


def check_reference(model: Any) -> None:
    """Refuse an adapter that cannot have the frozen copy beside it that a preference stage is held to.

    Raises:
        UserError: it is of AdaLoRA, fresh: after a stage of its own it is LoRA.
    """
    from arabic_llm_pipeline.training.adalora import is_adalora

    if is_adalora(model):
        raise UserError(
            "adapter.kind=adalora cannot begin with a preference stage: PEFT has no room for a frozen copy beside such "
            "an adapter. Put sft first in the chain (it leaves a LoRA adapter with the ranks found), or set "
            "adapter.kind=lora."
        )


@contextmanager
def kept_exact(model: "torch.nn.Module") -> Iterator[None]:
    """Give what is trained its weights back, in fp32, after a block that rounds them.

    TRL casts adapters over a quantised base to bf16. Nearly nothing then changes at preference learning rates (of the
    weights 1.3% moved in ten DPO steps at 1e-6, in fp32 all), and a stage does not start where the one before ended.
    Over a base that is not quantised it rounds nothing.
    """
    rounded = model.named_parameters() if is_quantised(model) else ()
    exact = {name: part.detach().float().clone() for name, part in rounded if part.requires_grad}
    yield
    for name, part in model.named_parameters():
        if name in exact:
            part.data = exact[name]


def save_weights(model: "PeftModel", directory: Path, state: "State" = None) -> None:
    """Write the trained adapter as PEFT reads it: weights in safetensors, and configuration; no frozen copy.

    Of AdaLoRA with all ranks, taken or not: only so can training go on.
    """
    config: Any = model.peft_config[NAME]
    taken, config.rank_pattern = config.rank_pattern, config.rank_pattern if _is_lora(config) else None
    try:
        told: Any = {} if state is None else {"state_dict": state}
        model.save_pretrained(str(directory), selected_adapters=[NAME], save_embedding_layers=False, **told)
    finally:
        config.rank_pattern = taken
    (directory / "README.md").unlink()  # PEFT's form to fill in


def save_adapter(
    model: "PeftModel | PreTrainedModel", directory: Path, base: str, about: dict[str, Any], state: "State" = None
) -> None:
    """Write what a stage trained, an adapter or a model; the same training gives the same bytes, on whatever path.

    Args:
        model: with the adapter, or trained itself.
        directory: is made.
        base: where PEFT finds the base: its name on the hub, or its path in the project.
        about: what it belongs to.
        state: what is trained, where the model has but a part of it.
    """
    whole: Any = model
    if not hasattr(model, "peft_config"):
        save_model(whole, directory, state)
    else:
        _save_any(whole, directory, state)
        path = directory / ADAPTER
        config = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(config["target_modules"], list):
            config["target_modules"].sort()  # PEFT writes a set
        config["base_model_name_or_path"] = base  # else an absolute path of this machine
        write_json(path, dict(sorted(config.items())))
    write_json(directory / ABOUT, about)


def save_model(model: "PreTrainedModel", directory: Path, state: "State" = None) -> None:
    """Write a whole model as it is in memory, with its cache of keys allowed again."""
    model.config.use_cache = True
    model.save_pretrained(directory, state_dict=state)
    model.config.use_cache = False


def _save_any(model: Any, directory: Path, state: "State") -> None:
    if _is_lora(model.peft_config[NAME]):
        save_weights(model, directory, state)
        return
    from safetensors.torch import save_file

    from arabic_llm_pipeline.training.adalora import as_lora

    weights, config = as_lora(model)
    directory.mkdir(parents=True)
    save_file(weights, directory / WEIGHTS, {"format": "pt"})
    config.save_pretrained(str(directory))


def _is_lora(config: Any) -> bool:
    return str(getattr(config.peft_type, "value", config.peft_type)) == "LORA"
