"""Several processes that train one model: as one process would, and nothing is lost when one of them is."""

import logging
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import psutil
import pytest
from safetensors.numpy import load_file

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.devices import DeviceSettings
from arabic_llm_pipeline.parameters.memory import MemorySettings
from arabic_llm_pipeline.parameters.preference import KtoSettings, OrpoSettings
from arabic_llm_pipeline.parameters.training import LoopSettings
from arabic_llm_pipeline.training import conditions, launch
from arabic_llm_pipeline.training.job import Job
from arabic_llm_pipeline.training.methods import kto, preference, referenceless
from arabic_llm_pipeline.training.methods import sft as sft_method
from arabic_llm_pipeline.training.stage import run_stage
from tests.conftest import PROJECT
from tests.training import fakes
from tests.training.conftest import NF4, Answers, dpo, sft
from tests.training.test_stage import fake_job

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers are looked at in /proc")
TWO = DeviceSettings(processes=2)


@pytest.fixture(autouse=True)
def two_processes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """From now on stages train in two processes; the children import the stand-ins by name."""
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    before = signal.getsignal(signal.SIGINT)
    conditions.begin(MemorySettings(), TWO)
    yield
    conditions.begin(MemorySettings(), DeviceSettings())
    signal.signal(signal.SIGINT, before)


def weights(job: Job) -> dict[str, Any]:
    [path] = (job.finished / "result").glob("*model.safetensors")
    return load_file(path)


def log(job: Job) -> pl.DataFrame:
    return pl.read_parquet(job.finished / "log.parquet")


def alike(one: Job, two: Job) -> None:
    """But for rounding: losses of all steps, tokens, and what has come of the weights."""
    first, second = log(one), log(two)
    assert first["tokens"].to_list() == second["tokens"].to_list()
    for column in ("loss", "grad_norm", "learning_rate"):
        np.testing.assert_allclose(first[column], second[column], rtol=2e-5, atol=1e-7, err_msg=column)
    mine, other = weights(one), weights(two)
    assert set(mine) == set(other)
    for name, values in mine.items():
        np.testing.assert_allclose(values, other[name], atol=2e-5, err_msg=name)
    assert max(float(np.abs(values).max()) for values in mine.values()) > 1e-2  # they have moved


def test_sft(job: Callable[..., Job]) -> None:
    settings = sft(accumulation=2, micro_batch=2)
    one, two = job(settings, "one"), job(settings, "two")
    sft_method.train(one, Answers())
    run_stage(sft_method.train, two, "sft")
    alike(one, two)


def test_dpo_of_which_a_worker_is_killed_and_that_is_interrupted(
    job: Callable[..., Job], caplog: pytest.LogCaptureFixture
) -> None:
    """Against the stage before, in 4 bits; the third time it ends as one process does that nothing has disturbed."""
    before = job(sft(steps=2), "before", NF4)
    sft_method.train(before, Answers())
    settings, more = dpo(accumulation=2, micro_batch=2), {"adapter": before.finished / "result"}
    one, two = job(settings, "one", NF4, **more), job(settings, "two", NF4, **more)
    preference.train_dpo(one, Answers())
    with pytest.raises(UserError, match=r"^dpo was killed from outside.*goes on from the last checkpoint"):
        run_stage(fakes.killed_dpo, two, "dpo")
    assert [path.name for path in two.checkpoints.iterdir()] == ["checkpoint-2"]
    assert {path.name for path in (two.checkpoints / "checkpoint-2").glob("rng*")} == {
        "rng_state_0.pth",
        "rng_state_1.pth",
    }
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what has trained in this process took it to itself
    with pytest.raises(KeyboardInterrupt):
        run_stage(fakes.interrupted_dpo, two, "dpo")
    kept = sorted(path.name for path in two.checkpoints.iterdir())
    assert kept in (["checkpoint-2", "checkpoint-3"], ["checkpoint-2", "checkpoint-4"])
    assert not two.finished.exists()
    with caplog.at_level(logging.INFO):
        _, _, cost = run_stage(preference.train_dpo, two, "dpo")
    assert f"dpo: going on after step {kept[-1][-1]} of 6" in caplog.text
    alike(one, two)
    assert cost["processes"] == 2


@pytest.mark.parametrize(
    ("settings", "train"),
    [
        (KtoSettings(steps=3, micro_batch=2, accumulation=4, learning_rate=0.01), kto.train),
        (OrpoSettings(steps=3, micro_batch=2, accumulation=2, learning_rate=0.01), referenceless.train_orpo),
    ],
)
def test_what_a_loss_takes_from_a_whole_step(
    job: Callable[..., Job], pair_tokens: Path, settings: LoopSettings, train: Any
) -> None:
    """KTO's divergence, and the likelihood over tokens of answers of unlike lengths, are of all workers' rows."""
    one, two = (job(settings, name, tokens=pair_tokens) for name in ("one", "two"))
    train(one, Answers())
    run_stage(train, two, "two")
    alike(one, two)


def test_what_workers_know_of_each_other(tmp_path: Path) -> None:
    run_stage(fakes.agree, fake_job(tmp_path), "sft")
    for number, made in ((0, 1), (1, 0)):
        found = (tmp_path / f"agreed-{number}").read_text(encoding="utf-8")
        assert found == repr([2, "of 0", "again of 0", made, 3.0, True, 2, number, 0])  # on a card: the only one seen


@pytest.mark.parametrize(
    ("train", "words"),
    [
        (fakes.second_refuses, "^sft: this one does not like it$"),
        (fakes.second_is_killed, "^sft was killed from outside"),
    ],
)
def test_one_that_ends_ends_all(tmp_path: Path, train: Callable, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "FOLLOWING_S", 0.2)
    before = psutil.Process().children()
    with pytest.raises(UserError, match=words):
        run_stage(train, fake_job(tmp_path), "sft")
    assert psutil.Process().children() == before
