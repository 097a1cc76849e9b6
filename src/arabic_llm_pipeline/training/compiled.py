"""The blocks of a model, and what scores its tokens on a CPU, as compiled code."""

from typing import TYPE_CHECKING

import torch
from trl.kernels import chunked_logprob

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.training.models import device

if TYPE_CHECKING:
    from transformers import PreTrainedModel

TILES = ("_forward_tile", "_backward_tile")  # a dozen passes over a tile of logits each, which become two or three


def compile_blocks(model: "PreTrainedModel") -> None:
    """Have each block compiled before its first pass, in place: names of weights stay as they are.

    Blocks alone, as PyTorch's regional compilation has it: all are alike, so that one is compiled, in a third of the
    time of a whole model. On a card TRL's head has kernels; elsewhere its tiles are plain PyTorch, and compiled, too.

    Raises:
        UserError: there is nothing to compile with.
    """
    _check()
    for block in model.model.layers:
        block.compile()
    if device().type == "cpu":
        for name in TILES:
            setattr(chunked_logprob, name, torch.compile(getattr(chunked_logprob, name)))


def _check() -> None:
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler
    from torch.utils._triton import has_triton

    if device().type == "cuda":
        if not has_triton():
            raise UserError("pretrain.compile: Triton, which compiles for cards, is not there. Install it.")
        return
    try:
        get_cpp_compiler()
    except (InvalidCxxCompiler, RuntimeError) as error:
        raise UserError("pretrain.compile: there is no C++ compiler. Install g++, or name one in CXX.") from error
