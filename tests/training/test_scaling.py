"""float16's loss scaling: a step that overflows is left out and told, and training goes on."""

import logging
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import TrainerState

from arabic_llm_pipeline.training import scaling, trainers
from arabic_llm_pipeline.training.methods import sft as sft_method
from tests.training.conftest import Answers, sft
from tests.training.test_methods import killed, log, weights

OVERFLOWING = 3e38  # times a gradient, which is then more than fp32 holds; a hundredth of a millionth of it is not


def with_scaler(job: Any, channel: Any) -> None:
    """SFT as on a card in float16, as far as scaling goes: torch's scaler has a kernel for CPUs, too."""
    made = trainers.document_trainer

    def scaled(*args: Any, **kwargs: Any) -> Any:
        trainer = made(*args, **kwargs)
        trainer.accelerator.scaler = torch.amp.GradScaler("cpu", init_scale=OVERFLOWING, backoff_factor=1e-8)
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


def test_nothing_but_overflows_is_told(caplog: pytest.LogCaptureFixture) -> None:
    watching = scaling.Scaling(SimpleNamespace(get_scale=lambda: 1.0))
    with caplog.at_level(logging.WARNING):
        for step in range(1, scaling.IN_A_ROW + 1):
            state = TrainerState(log_history=[{"step": step, "loss": 1.0}])
            watching.on_log(None, state, None, optimizer=SimpleNamespace(step_was_skipped=True))
    assert "float16 overflows in each of the last 20 steps, up to step 20" in caplog.text
