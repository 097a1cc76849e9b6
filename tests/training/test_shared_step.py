"""What a loss takes from a whole step, in several processes: it takes it from all of them."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from arabic_llm_pipeline.parameters.preference import CpoSettings, KtoSettings
from arabic_llm_pipeline.training.job import Job
from arabic_llm_pipeline.training.methods import kto, referenceless
from arabic_llm_pipeline.training.methods import sft as sft_method
from arabic_llm_pipeline.training.stage import run_stage
from tests.training.conftest import Answers, sft
from tests.training.test_workers import alike, two_processes  # noqa: F401  a fixture

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers are looked at in /proc")


@pytest.mark.parametrize(
    ("settings", "train"), [(KtoSettings, kto.train), (CpoSettings, referenceless.train_cpo)], ids=["kto", "cpo"]
)
def test_two_processes_learn_what_one_does(
    settings: Any, train: Callable, job: Callable[..., Job], pair_tokens: Path
) -> None:
    """KTO's divergence, and the likelihood of answers of unlike lengths."""
    before = job(sft(steps=2), "before")
    sft_method.train(before, Answers())
    loop = settings(steps=4, micro_batch=2, accumulation=2, save_steps=4, learning_rate=0.005, warmup=0.0)
    one, two = (job(loop, name, adapter=before.finished / "result", tokens=pair_tokens) for name in ("one", "two"))
    train(one, Answers())
    run_stage(train, two, "preference")
    alike(one, two)
