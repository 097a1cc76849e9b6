"""float16's loss scaling: a step that overflows is left out and told, and training goes on."""

import logging
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import TrainerState

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.model import AdapterSettings
from arabic_llm_pipeline.training import adalora, scaling, trainers
from arabic_llm_pipeline.training.methods import sft as sft_method
from tests.training.conftest import Answers, sft
from tests.training.kills import killed
from tests.training.test_methods import log, weights

OVERFLOWING = 3e38  # times a gradient, which is then more than fp32 holds; a hundredth of a millionth of it is not


def with_scaler(job: Any, channel: Any) -> None:
    """SFT as on a card in float16, as far as scaling goes: torch's scaler has a kernel for CPUs, too."""
    made = trainers.document_trainer

    def scaled(*args: Any, **kwargs: Any) -> Any:
        trainer = made(*args, **kwargs)
        scaler = torch.amp.GradScaler("cpu", init_scale=OVERFLOWING, backoff_factor=1e-8)
        trainer.accelerator.scaler = scaler
        # before they are clipped, as accelerate does in float16
        trainer.accelerator.unscale_gradients = lambda: scaler.unscale_(trainer.optimizer.optimizer)
        return trainer

    trainers.document_trainer = scaled
    try:
        sft_method.train(job, channel)
    finally:
        trainers.document_trainer = made


def test_an_overflow_leaves_the_step_out_and_goes_on(job: Callable) -> None:
    stage, answers = job(sft()), Answers()
    with_scaler(stage, answers)
    rows = log(stage)
    left_out = [bool(value) for value in rows["step_left_out"]]
    assert left_out[0]
    assert not any(left_out[-3:])
    assert rows["loss"].is_finite().all()
    assert not rows["grad_norm"].is_finite().all()
    assert rows["loss_scale"].to_list() == sorted(rows["loss_scale"].to_list(), reverse=True)
    skipped = sum(left_out)
    assert rows["learning_rate"].to_list()[: skipped + 1] == [rows["learning_rate"][0]] * (skipped + 1)  # it waits, too
    assert rows["loss"][-1] < rows["loss"][0]
    assert len([kind for kind, _ in answers.sent if kind == "row"]) == 6


def test_the_scale_survives_a_kill(job: Callable) -> None:
    whole, again = job(sft(), "whole"), job(sft(), "again")
    with_scaler(whole, Answers())
    killed(with_scaler, again, 5)
    assert (again.checkpoints / "checkpoint-4" / "scaler.pt").is_file()
    with_scaler(again, Answers())
    assert weights(again) == weights(whole)
    assert log(again)["loss_scale"].to_list() == log(whole)["loss_scale"].to_list()


def test_an_overflow_is_no_importance_of_a_weight(job: Callable) -> None:
    """What AdaLoRA smooths over the steps stays finite, and its ranks come down to the budget all the same."""
    kind = {"kind": "adalora", "r": 2, "alpha": 8, "adalora": {"interval": 1, "warmup": 0.1, "settled": 0.1}}
    stage = job(sft(steps=10), lora=AdapterSettings(**kind))
    with_scaler(stage, Answers())
    rows = log(stage)
    assert rows["step_left_out"][0]
    assert not any(rows["step_left_out"][-3:])
    importance = load_file(stage.checkpoints / "checkpoint-8" / adalora.STATE)
    assert importance
    assert all(value.isfinite().all() for value in importance.values())
    assert rows["mean_rank"].is_sorted(descending=True)
    assert (rows["mean_rank"][0], rows["mean_rank"][-1]) == (3, pytest.approx(2, abs=0.01))


@pytest.mark.parametrize(
    ("step", "left_out", "known", "asked"),
    [
        (3, False, True, [3]),
        (3, True, True, []),
        (6, True, True, [6]),  # the last ranks: of what is known
        (7, True, False, [7]),  # the ranks that are gone stay so
        (6, True, False, None),
    ],
)
def test_a_step_left_out_takes_no_ranks_but_the_last(step: int, left_out: bool, known: bool, asked: Any) -> None:
    """8 steps, of which the last two settle."""
    seen: list[int] = []
    allocator = SimpleNamespace(exp_avg_ipt={"a": 1} if known else {})
    tuner = SimpleNamespace(update_and_allocate=seen.append, rankallocator=allocator)
    told = SimpleNamespace(total_step=8, tfinal=2)
    model: Any = SimpleNamespace(base_model=tuner, peft_config={adalora.NAME: told})
    allocation = adalora.Allocation(model, AdapterSettings(kind="adalora", r=2))
    state, optimizer = TrainerState(global_step=step - 1), SimpleNamespace(step_was_skipped=left_out)
    if asked is None:
        with pytest.raises(UserError, match=r"last ranks in step 6.*overflowed in each step so far"):
            allocation.on_optimizer_step(None, state, None, optimizer=optimizer)
        return
    allocation.on_optimizer_step(None, state, None, optimizer=optimizer)
    assert seen == asked


def test_nothing_but_overflows_is_told(caplog: pytest.LogCaptureFixture) -> None:
    watching = scaling.Scaling(SimpleNamespace(get_scale=lambda: 1.0))
    with caplog.at_level(logging.WARNING):
        for step in range(1, scaling.IN_A_ROW + 1):
            state = TrainerState(log_history=[{"step": step, "loss": 1.0}])
            watching.on_log(None, state, None, optimizer=SimpleNamespace(step_was_skipped=True))
    assert "float16 overflows in each of the last 20 steps, up to step 20" in caplog.text
