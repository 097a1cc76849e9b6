"""A model divided among workers: on CPUs, where torch can and accelerate has to be told that it may."""

from collections.abc import Callable, Iterator

import pytest

from arabic_llm_pipeline.parameters.devices import DeviceSettings
from arabic_llm_pipeline.parameters.memory import MemorySettings
from arabic_llm_pipeline.training import conditions
from arabic_llm_pipeline.training.job import Job
from arabic_llm_pipeline.training.methods import sft as sft_method
from arabic_llm_pipeline.training.stage import run_stage
from tests.conftest import PROJECT
from tests.training import fakes
from tests.training.conftest import Answers, sft
from tests.training.test_workers import alike

DIVIDED = DeviceSettings(processes=2, sharding="full")


@pytest.fixture(autouse=True)
def two_processes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    conditions.begin(MemorySettings(), DIVIDED)
    yield
    conditions.begin(MemorySettings(), DeviceSettings())


def test_sft(job: Callable[..., Job]) -> None:
    settings = sft(accumulation=2, micro_batch=2)
    one, two = job(settings, "one"), job(settings, "two")
    sft_method.train(one, Answers())
    run_stage(fakes.divided_sft, two, "sft")
    alike(one, two)
