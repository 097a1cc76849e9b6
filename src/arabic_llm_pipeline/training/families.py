"""Families of models: which of their layers take an adapter, and where their blocks are."""

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.model import AdapterSettings

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
GATED = ("gate_proj", "up_proj", "down_proj")
LLAMA_LIKE = (*ATTENTION, *GATED)
# The layers of attention, feed-forward and, where a model has one, of the state-space part, by model_type.
FAMILIES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("qwen2", "qwen3", "llama", "gemma", "gemma2", "gemma3_text", "mistral"), LLAMA_LIKE),
    "phi": ("q_proj", "k_proj", "v_proj", "dense", "fc1", "fc2"),
    "phi3": ("qkv_proj", "o_proj", "gate_up_proj", "down_proj"),
    # its state-space part reads the weight of out_proj directly, past any adapter: PEFT refuses it
    "falcon_h1": (*LLAMA_LIKE, "in_proj"),
    "gpt2": ("c_attn", "c_proj", "c_fc"),
    "gpt_neox": ("query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"),
}
LINEAR = ("Linear", "Conv1D", "Linear4bit", "Linear8bitLt")
PAST_ADAPTERS = {"out_proj", "conv1d"}  # of state-space parts
HEAD = "score"  # transformers' name for the layer that gives rewards
BLOCK = re.compile(r"^(.*?\.)?(layers|h|blocks)\.(\d+)\.")


def target_modules(model: "PreTrainedModel", settings: AdapterSettings) -> list[str]:
    """Last names of the layers that get an adapter, sorted; each is in the model.

    Raises:
        UserError: a named layer is not there, or cannot take an adapter.
    """
    there = _linear(model)
    wanted = settings.target_modules
    if wanted == "all-linear" or (wanted == "auto" and model.config.model_type not in FAMILIES):
        return sorted(there - (PAST_ADAPTERS if state_space(model) else set()))
    names = FAMILIES[model.config.model_type] if wanted == "auto" else wanted
    for name in names:
        _check(model, str(name), there)
    return sorted(set(map(str, names)))


def trained_layers(model: "PreTrainedModel", settings: AdapterSettings) -> list[int]:
    """Numbers of the blocks that are trained, the one nearest to the input being 0.

    Raises:
        UserError: all of them are frozen.
    """
    count = len(set(blocks(model).values()))
    left = list(range(settings.freeze_bottom, count - settings.freeze_top))
    if not left:
        raise UserError(
            f"adapter.freeze_top={settings.freeze_top} and adapter.freeze_bottom={settings.freeze_bottom} leave none "
            f"of the model's {count} layers to train. Lower one of them."
        )
    return left


def blocks(model: "nn.Module") -> dict[str, int]:
    """The block that each parameter inside one belongs to."""
    found = ((name, BLOCK.match(name)) for name, _ in model.named_parameters())
    return {name: int(match[3]) for name, match in found if match}


def freeze(model: "PreTrainedModel", settings: AdapterSettings) -> None:
    """Train all weights but those of frozen blocks.

    With the lowest block goes the embedding, which stands below it; with the topmost the last norm and the output
    layer, unless that is the embedding, too, and trained.
    """
    of, left = blocks(model), set(trained_layers(model, settings))
    embedding = model.get_input_embeddings().weight
    below = {id(part) for name, part in model.named_parameters() if part is embedding or "wpe" in name}
    for name, part in model.named_parameters():
        if name in of:
            part.requires_grad = of[name] in left
        elif id(part) in below:
            part.requires_grad = settings.freeze_bottom == 0
        else:
            part.requires_grad = settings.freeze_top == 0


def state_space(model: "nn.Module") -> bool:
    """Whether a model carries a state from token to token, which attention masks do not cut at borders of documents."""
    return any("mamba" in name.rsplit(".", 1)[-1].lower() for name, _ in model.named_modules())


def _linear(model: "PreTrainedModel") -> set[str]:
    """Last names of linear layers, the output layer left out, or a reward model's head."""
    head: Any = model.get_output_embeddings()
    return {name.rsplit(".", 1)[-1] for name, layer in _layers(model) if layer is not head} - {HEAD}


def _layers(model: "nn.Module") -> Iterator[tuple[str, Any]]:
    return ((name, layer) for name, layer in model.named_modules() if type(layer).__name__ in LINEAR)


def _check(model: "PreTrainedModel", name: str, there: Sequence[str] | set[str]) -> None:
    if name in PAST_ADAPTERS and state_space(model):
        raise UserError(
            f"adapter.target_modules: {name} of {model.config.model_type} is read past any adapter, which would do "
            "nothing there. Leave it out, or set adapter.target_modules=auto."
        )
    if not any(layer == name or layer.endswith(f".{name}") for layer, _ in _layers(model)):
        close = get_close_matches(name, there, n=1)
        meant = f"; did you mean {close[0]}?" if close else "."
        raise UserError(
            f"adapter.target_modules: {model.config.model_type} has no linear layer {name!r}{meant} "
            f"It has: {', '.join(sorted(there))}."
        )
