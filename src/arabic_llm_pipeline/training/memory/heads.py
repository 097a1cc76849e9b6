"""The output layer and the loss, as far as they take memory."""

from collections.abc import Callable
from typing import Any

import torch
from trl.kernels.chunked_logprob import TOKEN_CHUNK_SIZE, ChunkedLogProbFunction
from trl.trainer.utils import _CHUNKED_LOGPROB_CHUNK_SIZE as VOCABULARY_CHUNK

STATISTICS = 7  # running sums that TRL's kernel keeps of each position, in fp32

Loss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


class _Tiles(torch.autograd.Function):
    """TRL 1.16's fused head with its kernel for cards, which works inside one tile of logits."""

    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        ctx.save_for_backward(hidden, weight)
        ctx.dtype = dtype
        sums = [torch.empty(len(hidden), dtype=torch.float32) for _ in range(STATISTICS)]
        _tile(hidden, weight, dtype)
        return sums[0] - sums[1]

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:  # noqa: ARG004
        hidden, weight = ctx.saved_tensors
        summed = torch.zeros(hidden.shape, dtype=torch.float32)
        learned = torch.zeros(weight.shape, dtype=torch.float32) if ctx.needs_input_grad[1] else None
        _tile(hidden, weight, ctx.dtype)
        return summed.to(hidden.dtype), None if learned is None else learned.to(weight.dtype), None


def _tile(hidden: torch.Tensor, weight: torch.Tensor, dtype: torch.dtype) -> None:
    part = weight[:VOCABULARY_CHUNK].to(dtype)
    # as wide for a small vocabulary, too
    tile = torch.empty((min(len(hidden), TOKEN_CHUNK_SIZE), VOCABULARY_CHUNK), dtype=dtype)
    del tile, part


def _on_card(hidden: torch.Tensor, weight: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:  # noqa: ARG001
    dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else hidden.dtype
    chosen = hidden[:, :-1].reshape(-1, hidden.shape[-1]).clone()  # positions that have a label; here all
    return -_Tiles.apply(chosen, weight, dtype).sum()


def _on_cpu(hidden: torch.Tensor, weight: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    chosen = hidden[:, :-1].reshape(-1, hidden.shape[-1]).clone()
    wanted = ("log_probs", "entropy", "is_top1")
    found = ChunkedLogProbFunction.apply(
        chosen, weight, None, ids[:, 1:].reshape(-1), 1.0, VOCABULARY_CHUNK, None, 1.0, wanted
    )
    return -found[0].sum()


def _whole(hidden: torch.Tensor, weight: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """Logits of all positions, as transformers' own loss has them: once as computed, once in fp32."""
    logits = torch.nn.functional.linear(hidden, weight).float()
    return torch.nn.functional.cross_entropy(logits[:, :-1].reshape(-1, logits.shape[-1]), ids[:, 1:].reshape(-1))


def _score(hidden: torch.Tensor, weight: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:  # noqa: ARG001
    """One number of each position, of which the last one's counts; half of the rows are chosen answers."""
    numbers = torch.nn.functional.linear(hidden, weight)[:, -1, 0].float()
    chosen, rejected = numbers.chunk(2)
    return -torch.nn.functional.logsigmoid(chosen - rejected).mean()


HEADS: dict[tuple[str, bool], Loss] = {  # by kind, and whether on a card
    ("tiled", True): _on_card,
    ("tiled", False): _on_cpu,
    ("whole", True): _whole,
    ("whole", False): _whole,
    ("score", True): _score,
    ("score", False): _score,
}
