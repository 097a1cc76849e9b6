"""The optimizer whose state is in the machine's memory: AdamW, step by step and through a checkpoint."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch

from arabic_llm_pipeline.training.methods import sft as sft_method
from arabic_llm_pipeline.training.optimizers import OnHost
from tests.training.conftest import Answers, sft
from tests.training.kills import killed
from tests.training.test_methods import log, result, weights

STEPS = 5


def two_parts(seed: int = 0) -> list[torch.nn.Parameter]:
    made = torch.Generator().manual_seed(seed)
    return [torch.nn.Parameter(torch.randn(shape, generator=made)) for shape in ((7, 3), (4,))]


def adamw(parts: list[torch.nn.Parameter]) -> torch.optim.AdamW:
    groups = [{"params": parts[:1], "weight_decay": 0.1}, {"params": parts[1:], "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=0.05, fused=True)


def step(parts: list[torch.nn.Parameter], optimizer: Any, number: int) -> None:
    """Gradients that hang on the weights; the second part has none in the first step; the rate falls."""
    optimizer.zero_grad()
    used = parts if number else parts[:1]
    sum((part.square() * (place + 1 + number)).sum() for place, part in enumerate(used)).backward()
    for group in optimizer.param_groups:
        group["lr"] = 0.05 / (1 + number)
    optimizer.step()


def test_it_is_adamw_to_the_bit() -> None:
    plain, hosted = two_parts(), two_parts()
    one, two = adamw(plain), OnHost(adamw(hosted))
    for number in range(STEPS):
        step(plain, one, number)
        step(hosted, two, number)
        assert all(torch.equal(a, b) for a, b in zip(plain, hosted, strict=True))
    assert not torch.equal(plain[1], two_parts()[1])


def test_its_state_goes_through_a_checkpoint() -> None:
    parts = two_parts()
    one = OnHost(adamw(parts))
    for number in range(STEPS):
        step(parts, one, number)
    again = [torch.nn.Parameter(part.detach().clone()) for part in parts]
    two = OnHost(adamw(again))
    two.load_state_dict(copy.deepcopy(one.state_dict()))  # torch takes tensors as they are
    assert two.param_groups[0]["lr"] == one.param_groups[0]["lr"]
    step(parts, one, STEPS)
    step(again, two, STEPS)
    assert all(torch.equal(a, b) for a, b in zip(parts, again, strict=True))


def test_16_bits_are_stepped_in_fp32() -> None:
    """Steps too small for bfloat16 add up on the host."""
    part = torch.nn.Parameter(torch.ones(4, dtype=torch.bfloat16))
    optimizer = OnHost(torch.optim.AdamW([part], lr=1e-3, weight_decay=0.0))
    for _ in range(10):
        part.grad = torch.ones_like(part)
        optimizer.step()
    [held] = optimizer.copies.values()
    assert held.dtype == torch.float32
    torch.testing.assert_close(held, torch.full((4,), 0.99), rtol=0, atol=1e-5)
    torch.testing.assert_close(part.detach().float(), torch.full((4,), 0.99), rtol=0, atol=4e-3)


@pytest.mark.parametrize("kind", ["full"])
def test_a_stage_learns_with_it_and_survives_a_kill(job: Callable, kind: str) -> None:
    settings, lora = sft(optimizer="adamw_host", learning_rate=1e-3), {"kind": kind, "r": 4, "alpha": 8}
    whole, again = job(settings, "whole", lora=lora), job(settings, "again", lora=lora)
    plain = job(sft(learning_rate=1e-3), "plain", lora=lora)
    for one in (whole, plain):
        sft_method.train(one, Answers())
    killed(sft_method.train, again, 5)
    sft_method.train(again, Answers())
    assert weights(again) == weights(whole)
    assert set(result(whole)) == set(result(plain))
    torch.testing.assert_close(  # fused kernels round otherwise
        torch.tensor(log(whole)["loss"].to_list()), torch.tensor(log(plain)["loss"].to_list()), rtol=1e-4, atol=1e-6
    )
