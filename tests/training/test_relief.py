"""A stage that ran out of memory: with half as much at once it ends as it would have with all the room it wants."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.files import write_json
from arabic_llm_pipeline.parameters.devices import DeviceSettings
from arabic_llm_pipeline.parameters.memory import MemorySettings
from arabic_llm_pipeline.training import conditions
from arabic_llm_pipeline.training.job import Job
from arabic_llm_pipeline.training.memory import relief
from arabic_llm_pipeline.training.memory.record import PLAN
from arabic_llm_pipeline.training.memory.shortage import is_shortage
from arabic_llm_pipeline.training.methods import sft as sft_method
from arabic_llm_pipeline.training.stage import run_stage
from tests.conftest import PROJECT
from tests.training import fakes
from tests.training.conftest import Answers, sft
from tests.training.test_stage import fake_job
from tests.training.test_workers import alike


@pytest.fixture(autouse=True)
def tried_again(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    conditions.begin(MemorySettings(retry=True), DeviceSettings())
    yield
    conditions.begin(MemorySettings(), DeviceSettings())


def test_half_the_rows_at_once(job: Callable[..., Job], caplog: pytest.LogCaptureFixture) -> None:
    one, two = job(sft(micro_batch=2), "one"), job(sft(micro_batch=2), "two")
    sft_method.train(one, Answers())
    with caplog.at_level(logging.INFO):
        _, _, cost = run_stage(fakes.train_sft, two, "sft")
    assert "sft: memory is short. It goes on with memory.micro_batch=1, at the same batch." in caplog.text
    assert "sft: going on after step 2 of 6" in caplog.text
    assert (cost["micro_batch"], cost["accumulation"]) == (1, 2)
    alike(one, two)


def test_then_activations_computed_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run_stage(fakes.is_killed_by_activations, fake_job(tmp_path), "sft")
    assert "sft: memory is short. It goes on with memory.activation_checkpointing=true, at the same b" in caplog.text


@pytest.mark.parametrize(
    ("error", "short"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."), True),
        (torch.OutOfMemoryError("Allocation on device 0 would exceed allowed memory."), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be reported at some other call"), True),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9"),
            True,
        ),
        (RuntimeError("cuDNN error: CUDNN_STATUS_NOT_SUPPORTED. This error may appear if you passed in more"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm`"), False),
        (RuntimeError("CUDA error: device-side assert triggered"), False),
        (ValueError("CUDA error: out of memory"), False),
    ],
)
def test_what_says_that_memory_is_short(error: Exception, short: bool) -> None:
    assert is_shortage(error) == short


def test_a_cpu_that_cannot_allocate_says_so() -> None:
    with pytest.raises(RuntimeError) as told:
        torch.empty(1 << 58, dtype=torch.uint8)
    assert is_shortage(told.value)


@pytest.mark.parametrize("train", [fakes.is_killed, fakes.runs_out_of_memory])
def test_until_there_is_nothing_left_to_change(tmp_path: Path, train: Callable) -> None:
    with pytest.raises(UserError, match=r"With model.quantization=nf4, a lower tokenize.window or a smaller base"):
        run_stage(train, fake_job(tmp_path), "sft")


AGAIN = {"activation_checkpointing": True}


@pytest.mark.parametrize(
    ("method", "loop", "processes", "found"),
    [
        ("sft", {"micro_batch": 12}, 1, [{"micro_batch": 6}, AGAIN]),
        ("sft", {"micro_batch": 9, **AGAIN}, 1, [{"micro_batch": 3}]),  # 4 rows do not come out even
        ("sft", {"micro_batch": 4, "accumulation": 3}, 4, [{"micro_batch": 1}, AGAIN]),  # nor would 2, in 4 processes
        ("sft", {"micro_batch": 1, "accumulation": 8}, 1, [AGAIN]),
        ("kto", {"micro_batch": 8}, 1, [{"micro_batch": 4}, AGAIN]),
        ("kto", {"micro_batch": 2, "accumulation": 4}, 1, [AGAIN]),  # one answer alone is none
        ("dpo", {"micro_batch": 8, "loss_type": "aot"}, 1, [AGAIN]),  # sorts a forward pass
    ],
)
def test_what_takes_less(job: Callable, method: str, loop: dict[str, Any], processes: int, found: list[Any]) -> None:
    asked = job(sft(), method=method, devices=DeviceSettings(processes=processes))
    asked = asked.model_copy(update={"settings": {"accumulation": 1, **loop}})
    assert relief.ways(asked) == found


def test_it_begins_at_what_the_plan_chose(job: Callable) -> None:
    asked = job(sft(micro_batch=8), method="sft")
    write_json(asked.workspace / PLAN, {"micro_batch": 4, "accumulation": 2, "activation_checkpointing": True})
    assert relief.ways(asked) == [{"micro_batch": 2}]
    assert relief.advice(asked).startswith("With --params=memory.micro_batch=2 it takes less, at the same batch")
