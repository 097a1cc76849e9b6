"""Adapters of others on the base of a model that is loaded already: no second copy of it in memory."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.training.families import HEAD
from arabic_llm_pipeline.training.models import WEIGHTS


@dataclass(frozen=True)
class Guests:
    """A model with adapters beside its own."""

    model: Any

    def use(self, name: str) -> None:
        """Have one of them work alone."""
        self.model.set_adapter(name, inference_mode=True)


@contextmanager
def adapters(model: Any, directories: Mapping[str, Path]) -> Iterator[Guests]:
    """A loaded model with these adapters; afterwards it is what it was, to the bit.

    Args:
        model: a base, or one with an adapter of its own.
        directories: of each adapter, by the name that it gets; one that scores is lent without its head.

    Raises:
        UserError: an adapter is not of this base.
    """
    own = hasattr(model, "peft_config")
    trained = {name: part.requires_grad for name, part in model.named_parameters()}
    was_training, active = model.training, model.active_adapter if own else None
    with torch.random.fork_rng():  # weights of a new adapter are drawn before they are read
        tuned = _with(model, directories)
    try:
        yield Guests(tuned.eval())
    finally:
        if own:
            model.set_adapter(active)
            for name in directories:
                model.delete_adapter(name)
        else:
            tuned.unload()
        model.train(was_training)
        for name, part in model.named_parameters():
            part.requires_grad_(trained[name])


def _with(model: Any, directories: Mapping[str, Path]) -> Any:
    from peft import PeftModel, set_peft_model_state_dict
    from safetensors.torch import load_file

    for name, directory in directories.items():
        config = _config(directory)
        if hasattr(model, "peft_config"):
            model.add_adapter(name, config)
        else:
            model = PeftModel(model, config, adapter_name=name)
        weights = {key: part for key, part in load_file(directory / WEIGHTS).items() if key.split(".")[-2] != HEAD}
        found: Any = set_peft_model_state_dict(model, weights, adapter_name=name)
        missing = [key for key in found.missing_keys if f".{name}." in key]
        if found.unexpected_keys or missing:
            raise UserError(
                f"The adapter in {directory} is not of this base: {[*found.unexpected_keys, *missing][0]} does not fit."
            )
    return model


def _config(directory: Path) -> Any:
    from peft import PeftConfig

    config: Any = PeftConfig.from_pretrained(str(directory))
    config.modules_to_save, config.task_type, config.inference_mode = None, "CAUSAL_LM", True
    return config
