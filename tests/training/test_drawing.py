"""What drawing answers and having them judged takes, against what torch really takes; and what is made of it."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from arabic_llm_pipeline.parameters.model import AdapterSettings
from arabic_llm_pipeline.parameters.preference import DnoSettings, DpoSettings, RewardSettings
from arabic_llm_pipeline.training import models, rewards, sampling
from arabic_llm_pipeline.training.adapters import new_adapter
from arabic_llm_pipeline.training.memory import architecture, fit
from arabic_llm_pipeline.training.memory.check import checked, describe
from arabic_llm_pipeline.training.memory.drawing import Drawing, drawing, drawn
from arabic_llm_pipeline.training.memory.judge import judge_bytes
from arabic_llm_pipeline.training.memory.limits import Room
from arabic_llm_pipeline.training.memory.methods import METHODS
from arabic_llm_pipeline.training.memory.plan import Stage, plan
from arabic_llm_pipeline.training.memory.trace import Passes
from arabic_llm_pipeline.training.methods import reward
from arabic_llm_pipeline.training.methods import sft as sft_method
from tests.training.conftest import FULL, NF4, Answers, sft
from tests.training.test_memory import Peak

LORA = AdapterSettings(r=8)
DNO = Stage(
    method="dno", model=NF4, lora=LORA, micro_batch=1, accumulation=8, checkpointing=True, optimizer="adamw_torch",
    length=512, continues=True, drawing=Drawing(prompts=16, samples=4, new_tokens=128),
)  # fmt: skip


def small(**other: Any) -> Any:
    shape = {"hidden_size": 256, "intermediate_size": 768, "vocab_size": 2000, "num_hidden_layers": 6,
             "num_attention_heads": 4}  # fmt: skip
    return architecture.make_config({**architecture.known()["Qwen/Qwen2-0.5B"], **shape, **other})


@pytest.mark.parametrize(("vocabulary", "new"), [(2000, 8), (2000, 90), (60_000, 8)])  # prompts, keys, logits
def test_drawing_takes_what_is_planned(vocabulary: int, new: int) -> None:
    """A model with weights on a CPU, under torch's profiler."""
    from transformers import AutoModelForCausalLM

    config, how = small(vocab_size=vocabulary), Drawing(prompts=4, samples=4, new_tokens=new)
    length = 64 + new
    dtypes = {"dtype": torch.float32, "weights": torch.float32}
    passes = Passes(1, length, False, METHODS["dno"], on_card=False, **dtypes)
    estimate = drawn(config, FULL, LORA, passes, how)
    model = new_adapter(AutoModelForCausalLM.from_config(config, dtype=torch.float32), LORA, 0)
    settings = DnoSettings(samples=4, sampling_batch=4, max_new_tokens=new)
    prompts = [np.random.default_rng(place).integers(10, vocabulary, 64) for place in range(4)]
    sampling.sample(model, prompts[:1], 0, settings, 0)  # buffers that stay
    with Peak() as peak:
        sampling.sample(model, prompts, 0, settings, 1)
    assert estimate == pytest.approx(peak.bytes, rel=0.2)


def test_what_is_drawn_counts_where_it_is_more_than_training() -> None:
    config = architecture.make_config(architecture.known()["Qwen/Qwen2-1.5B"])
    many, few = plan(DNO, config), plan(replace(DNO, drawing=replace(DNO.drawing, prompts=1, samples=2)), config)
    training = plan(replace(DNO, drawing=None), config)
    assert few.sampling == 0
    assert few.allocated == training.allocated
    assert many.allocated == pytest.approx(training.allocated + many.sampling)
    keys = 2 * 2 * 28 * 256 * 512 * 64  # of 64 answers: keys and values in 16 bits, 28 layers of 2 heads of 128
    assert many.sampling > keys - training.activations
    told, fewer = fit._fewer_prompts(DNO, config)
    assert told == f"dno.sampling_batch={fewer.drawing.prompts}"
    assert plan(fewer, config).sampling == 0
    assert plan(replace(DNO, drawing=replace(DNO.drawing, prompts=2 * fewer.drawing.prompts)), config).sampling > 0


def test_a_loss_that_compares_rows_keeps_them_together(job: Callable, pair_tokens: Path) -> None:
    loop = {"micro_batch": 4, "accumulation": 2}
    for loss, expected in (("aot", {4}), ("sigmoid", {1, 2, 4})):
        made = job(DpoSettings(loss_type=loss, **loop), loss, FULL, tokens=pair_tokens)
        stage, config = describe(made, "dpo")
        found = {
            chosen.stage.micro_batch
            for limit in np.geomspace(1e6, 1e8, 8)
            if (chosen := fit.choose(stage, config, Room(float(limit), None).has))
        }
        assert found
        assert found <= expected
        assert (len(found) > 1) == (loss == "sigmoid")


def test_a_judge_that_brings_its_own_base_counts(
    job: Callable, base: dict, base_directory: Path, pair_tokens: Path, tmp_path: Path
) -> None:
    settings = RewardSettings(steps=1, micro_batch=2, save_steps=50)
    made = {}
    for kind in ("lora", "full"):
        of_kind = job(settings, kind, FULL, tokens=pair_tokens, lora=AdapterSettings(kind=kind, r=2))
        reward.train(of_kind, Answers())
        made[kind] = str(of_kind.finished / "result")
    weights, adapter = 4 * base["parameters"], (Path(made["lora"]) / models.WEIGHTS).stat().st_size
    config = architecture.read_config(base_directory)

    def held(judge: str, whole: bool = False, base: dict = base) -> float:
        shares = partial(rewards.shares_base, pointer=base, settings=FULL)
        return judge_bytes(judge, config, FULL, shares, whole=whole, dtype=torch.float32)

    assert held("overlap") == held(str(tmp_path / "nowhere")) == 0
    assert held(made["lora"]) == adapter
    assert held(made["lora"], whole=True) == pytest.approx(weights + adapter, rel=0.01)
    assert held(made["full"]) == pytest.approx(weights, rel=0.01)
    elsewhere = {**base, "files": {"model.safetensors": "0" * 64}}
    assert held(made["lora"], base=elsewhere) == pytest.approx(weights + adapter, rel=0.01)
    learned = job(sft(steps=1), "sft")
    sft_method.train(learned, Answers())
    asked = job(DnoSettings(judge=made["full"]), "dno", FULL, tokens=pair_tokens)
    stage, config = describe(asked, "dno")
    assert stage.drawing == Drawing(16, 4, 48, pytest.approx(weights, rel=0.01))
    assert plan(stage, config).allocated >= 2 * weights
    assert checked(asked, "arabic_llm_pipeline.training.methods.dno:train").settings == asked.settings
    assert drawing(json.loads(DpoSettings().model_dump_json())) is None
