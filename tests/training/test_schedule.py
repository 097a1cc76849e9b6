"""Learning rates step by step."""

import signal
from collections.abc import Callable, Iterator
from typing import Any

import polars as pl
import pytest
import torch

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.training import SftSettings
from arabic_llm_pipeline.training.methods import sft as sft_method
from arabic_llm_pipeline.training.schedule import decay_in_steps, equation_3
from arabic_llm_pipeline.training.trainers import adapter_options
from tests.training.conftest import Answers, sft


def test_equation_3_by_hand() -> None:
    """Warm-up 4 of 12 steps: quarters up, then half a cosine: cos(pi k / 8) for k = 1 to 8."""
    expected = [
        0.25, 0.5, 0.75, 1.0,
        0.9619397663, 0.8535533906, 0.6913417162, 0.5, 0.3086582838, 0.1464466094, 0.0380602337, 0.0,
    ]  # fmt: skip
    assert [equation_3(step, 4, 12) for step in range(1, 13)] == pytest.approx(expected, abs=1e-9)


def test_equation_3_without_warm_up_begins_to_fall_at_once() -> None:
    assert [equation_3(step, 0, 2) for step in (1, 2)] == pytest.approx([0.5, 0.0])


def test_transformers_cosine_is_the_same_one_step_late() -> None:
    from transformers import get_cosine_schedule_with_warmup

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = get_cosine_schedule_with_warmup(optimizer, 100, 1000).lr_lambdas[0]
    assert theirs(0) == 0
    assert [equation_3(step, 100, 1000) for step in range(1, 1001)] == pytest.approx(list(map(theirs, range(1, 1001))))


@pytest.mark.parametrize("warmup", [0.03, 100, 0])
def test_a_warm_up_is_a_share_or_a_number(warmup: float) -> None:
    assert SftSettings(warmup=warmup).warmup == warmup
    with pytest.raises(ValueError, match="whole number of steps"):
        SftSettings(warmup=1.5)


@pytest.fixture(autouse=True)
def interrupts() -> Iterator[None]:
    """Training takes SIGINT to itself; the tests get it back."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


STEPS, WARM = 12, 3
THEIRS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {  # ours, and what transformers is told for it
    "linear": ({}, {}),
    "cosine": ({}, {}),
    "constant": ({}, {}),
    "constant_with_warmup": ({}, {}),
    "cosine_with_restarts": ({"num_cycles": 3}, {"num_cycles": 3}),
    "polynomial": ({"lr_end": 0.001, "power": 2.0}, {"lr_end": 0.001, "power": 2.0}),
    "inverse_sqrt": ({"timescale": 5}, {"timescale": 5}),
    "warmup_stable_decay": (
        {"num_decay_steps": 0.3, "decay_type": "linear", "min_lr_ratio": 0.1},
        {"num_decay_steps": 4, "decay_type": "linear", "min_lr_ratio": 0.1},
    ),
}


@pytest.mark.parametrize("name", THEIRS)
@pytest.mark.parametrize("usual", [False, True])
def test_a_schedule_is_that_of_transformers(job: Callable, name: str, usual: bool) -> None:
    """What a training logs, against transformers' own function; also with nothing set but what has no default there."""
    from transformers import get_scheduler

    ours, theirs = THEIRS[name]
    if usual:
        ours, theirs = {}, {"num_decay_steps": 2} if name == "warmup_stable_decay" else {}
    made = job(sft(steps=STEPS, warmup=WARM, scheduler=name, scheduler_arguments=ours, micro_batch=1, save_steps=50))
    sft_method.train(made, Answers())
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.01)
    schedule = get_scheduler(name, optimizer, WARM, STEPS, theirs)
    expected = []
    for _ in range(STEPS):
        expected.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    assert pl.read_parquet(made.finished / "log.parquet")["learning_rate"].to_list() == pytest.approx(expected)


def test_warmup_stable_decay_by_hand() -> None:
    """A fifth of ten steps to rise, three to fall; both are rounded up."""
    assert decay_in_steps({"num_decay_steps": 0.25}, 2, 10) == {"num_decay_steps": 3}
    assert decay_in_steps({"num_decay_steps": 4.0, "decay_type": "linear"}, 2, 10)["num_decay_steps"] == 4
    assert decay_in_steps({"min_lr_rate": 0.1}, 2, 10) == {"min_lr_rate": 0.1}
    with pytest.raises(UserError, match=r"rise in 8 steps and fall in 3, and the run has 10\. Lower warmup"):
        decay_in_steps({"num_decay_steps": 0.3}, 8, 10)


def test_arguments_that_would_do_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match=r"num_cycles is of cosine_with_restarts, and scheduler is cosine"):
        SftSettings(scheduler="cosine", scheduler_arguments={"num_cycles": 2})
    with pytest.raises(ValueError, match=r"num_decay_steps is 2\.5: a share below 1, or a whole number"):
        SftSettings(scheduler="warmup_stable_decay", scheduler_arguments={"num_decay_steps": 2.5})
    low = SftSettings(scheduler="polynomial", scheduler_arguments={"lr_end": 1e-5})
    with pytest.raises(UserError, match=r"lr_end is 1e-05, where polynomial ends, and the learning rate is only 5e-06"):
        adapter_options(low, 5e-6)
