"""A deeper model from a smaller one, which computes the same until it is trained."""

import copy
import re
from typing import TYPE_CHECKING, Any

from arabic_llm_pipeline.common.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

BLOCK = re.compile(r"^model\.layers\.(\d+)\.(.+)$")
OUTPUTS = ("self_attn.o_proj.", "mlp.down_proj.")  # what a block adds to the stream comes through these
PER_LAYER = ("layer_types", "mlp_layer_types", "no_rope_layers")  # what configurations list for each block


def deepened(model: "PreTrainedModel", added: int) -> "PreTrainedModel":
    """A model with further blocks between its own, evenly: copies of those before them whose output is zero.

    With zeros in the two projections through which a block adds to the residual stream, its logits are those of the
    smaller model; their gradients are not zero, so it learns (LLaMA Pro, Wu et al. 2024, arXiv 2401.02415).

    Args:
        model: of blocks `model.layers` with attention and a gated feed-forward, as Qwen, Llama, Mistral and Gemma.
        added: blocks more.

    Raises:
        UserError: its blocks are not of that kind.
    """
    from transformers import AutoModelForCausalLM

    origin = origins(model.config.num_hidden_layers, added)
    _check(model)
    made = AutoModelForCausalLM.from_config(_config(model.config, [old for old, _ in origin]), dtype=model.dtype)
    made.generation_config = copy.deepcopy(model.generation_config)
    made.load_state_dict(_weights(model.state_dict(), origin))
    made.tie_weights()
    return made


def origins(blocks: int, added: int) -> list[tuple[int, bool]]:
    """For each block of the deeper model the old one that it is or copies, and whether it is new."""
    after = [
        (place + 1) * blocks // added - 1 if added <= blocks else place * blocks // added for place in range(added)
    ]
    return [(old, new) for old in range(blocks) for new in (False, *[True] * after.count(old))]


def added_blocks(blocks: int, added: int) -> set[int]:
    """Numbers of the new blocks of the deeper model."""
    return {number for number, (_, new) in enumerate(origins(blocks, added)) if new}


def block_of(name: str) -> int | None:
    """The block that a weight belongs to, by its name; None for those outside of all."""
    match = BLOCK.match(name)
    return int(match[1]) if match else None


def _config(config: Any, old: list[int]) -> Any:
    made = copy.deepcopy(config)
    made.num_hidden_layers = len(old)
    for name in PER_LAYER:
        if getattr(config, name, None):
            setattr(made, name, [getattr(config, name)[block] for block in old])
    return made


def _weights(state: "dict[str, Tensor]", origin: list[tuple[int, bool]]) -> "dict[str, Tensor]":
    found = {name: part for name, part in state.items() if not BLOCK.match(name)}
    inside = [(int(match[1]), match[2], part) for name, part in state.items() if (match := BLOCK.match(name))]
    for number, (old, new) in enumerate(origin):
        for block, rest, part in inside:
            if block == old:
                silent = new and rest.startswith(OUTPUTS)
                found[f"model.layers.{number}.{rest}"] = part * 0 if silent else part
    return found


def _check(model: "PreTrainedModel") -> None:
    names = [match[2] for name, _ in model.named_parameters() if (match := BLOCK.match(name))]
    other = {name for name in names if name.startswith(("mamba", "block_sparse_moe", "mlp.experts"))}
    if other or not all(any(name.startswith(output) for name in names) for output in OUTPUTS):
        raise UserError(
            f"pretrain.added_layers: the blocks of {model.config.model_type} are not of attention (o_proj) and a gated "
            "feed-forward (down_proj) alone, whose zeros would leave the model as it is. Set pretrain.added_layers=0."
        )
