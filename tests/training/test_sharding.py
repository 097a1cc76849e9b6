"""A model divided among workers: on CPUs, where torch can and accelerate has to be told that it may."""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.devices import DeviceSettings
from arabic_llm_pipeline.parameters.memory import MemorySettings
from arabic_llm_pipeline.parameters.model import AdapterSettings, ModelSettings
from arabic_llm_pipeline.training import conditions, sharding
from arabic_llm_pipeline.training.job import Job
from arabic_llm_pipeline.training.methods import preference
from arabic_llm_pipeline.training.methods import sft as sft_method
from arabic_llm_pipeline.training.stage import run_stage
from tests.conftest import PROJECT
from tests.training import fakes
from tests.training.conftest import FULL, NF4, Answers, dpo, sft
from tests.training.test_workers import alike

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers are looked at in /proc")
DIVIDED = DeviceSettings(processes=2, sharding="full")
HALVES = {"accumulation": 2, "micro_batch": 2}


@pytest.fixture(autouse=True)
def two_processes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    conditions.begin(MemorySettings(), DIVIDED)
    yield
    conditions.begin(MemorySettings(), DeviceSettings())


def test_an_adapter_whose_worker_is_killed(job: Callable[..., Job]) -> None:
    """Weights and optimizer are put together for a checkpoint, and divided again; in the end it is as in one piece."""
    one, two = job(sft(**HALVES), "one"), job(sft(**HALVES), "two")
    sft_method.train(one, Answers())
    with pytest.raises(UserError, match="goes on from the last checkpoint"):
        run_stage(fakes.divided_sft_killed, two, "sft")
    assert [path.name for path in two.checkpoints.iterdir()] == ["checkpoint-2"]
    run_stage(fakes.divided_sft, two, "sft")
    alike(one, two)


def test_a_whole_model_against_its_reference(job: Callable[..., Job]) -> None:
    """Tied weights are saved once, frozen layers with the others."""
    whole = {"lora": AdapterSettings(kind="full", freeze_bottom=1)}
    one, two = job(dpo(**HALVES), "one", **whole), job(dpo(**HALVES), "two", **whole)
    preference.train_dpo(one, Answers())
    run_stage(fakes.divided_dpo, two, "dpo")
    alike(one, two)


@pytest.mark.parametrize(
    ("method", "loop", "model", "adapter", "words"),
    [
        ("sft", {}, NF4, {}, "quantization=nf4: packed weights.*Set model.quantization=none"),
        ("sft", {}, FULL, {"kind": "dora"}, "kind=dora looks at whole matrices.*Set one of lora, rslora, full"),
        ("sft", {"optimizer": "adamw_8bit"}, FULL, {}, "adamw_8bit steps on whole tensors. Set optimizer=adamw_torch"),
        ("dpo", {"precompute_reference": True}, FULL, {}, "neither samples nor scores"),
        ("dno", {}, FULL, {}, "neither samples nor scores"),
    ],
)
def test_what_cannot_be_divided(
    job: Callable[..., Job],
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    loop: dict[str, Any],
    model: ModelSettings,
    adapter: dict[str, Any],
    words: str,
) -> None:
    asked = job(sft(), model=model, lora=AdapterSettings(**adapter), devices=DIVIDED, method=method)
    asked.settings.update(loop)
    with pytest.raises(UserError, match=r"for cards, and none is there. Set devices.sharding=none"):
        sharding.check(asked)
    monkeypatch.setattr(sharding, "device", lambda: torch.device("cuda"))
    with pytest.raises(UserError, match=words):
        sharding.check(asked)
    sharding.check(asked.model_copy(update={"devices": DeviceSettings()}))


def test_what_can(job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharding, "device", lambda: torch.device("cuda"))
    sharding.check(job(sft(), devices=DIVIDED, method="sft"))
    told = sharding.arguments(job(sft(), "two", devices=DIVIDED))
    assert told["fsdp"] is True
    assert told["fsdp_config"]["version"] == 2
