"""The memory plan: against sums by hand, published sizes, and what torch really takes."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.devices import DeviceSettings
from arabic_llm_pipeline.parameters.memory import MemorySettings
from arabic_llm_pipeline.parameters.model import AdapterSettings
from arabic_llm_pipeline.parameters.preference import DnoSettings
from arabic_llm_pipeline.parameters.training import PretrainSettings
from arabic_llm_pipeline.training import adapters, conditions, finish, launch
from arabic_llm_pipeline.training import stage as process
from arabic_llm_pipeline.training.job import Job
from arabic_llm_pipeline.training.memory import architecture, fit
from arabic_llm_pipeline.training.memory.check import checked, describe
from arabic_llm_pipeline.training.memory.holdings import state_bytes
from arabic_llm_pipeline.training.memory.limits import Room
from arabic_llm_pipeline.training.memory.methods import METHODS, method_of
from arabic_llm_pipeline.training.memory.plan import MIB, Stage, plan
from arabic_llm_pipeline.training.memory.record import planned
from arabic_llm_pipeline.training.methods import sft as sft_method
from tests.training.conftest import FULL, NF4, Answers, dpo, sft

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
PAPER = Stage(
    method="sft", model=NF4, lora=AdapterSettings(r=16, target_modules=ATTENTION), micro_batch=1, accumulation=16,
    checkpointing=True, optimizer="adamw_torch", length=512,
)  # fmt: skip
QWEN2 = "Qwen/Qwen2-1.5B"
LITTLE = 0.03  # GB
SFT, DPO = (f"arabic_llm_pipeline.training.methods.{name}" for name in ("sft:train", "preference:train_dpo"))


def known(name: str, **other: Any) -> Any:
    return architecture.make_config({**architecture.known()[name], **other})


def low() -> Any:
    """Few layers and words, so that it is the layers that count."""
    return known("Qwen/Qwen2-0.5B", num_hidden_layers=4, vocab_size=1000)


@pytest.mark.parametrize(
    ("name", "parameters"),  # as published with the models, tied weights once
    [
        (QWEN2, 1_543_714_304),
        ("Qwen/Qwen2.5-3B", 3_085_938_688),
        ("Qwen/Qwen2.5-7B", 7_615_616_512),
        ("Qwen/Qwen3-0.6B-Base", 596_049_920),
        ("Qwen/Qwen3-1.7B-Base", 1_720_574_976),
    ],
)
def test_architectures_have_as_many_parameters_as_published(name: str, parameters: int) -> None:
    made = architecture.build(known(name), torch.bfloat16, "sdpa", None)
    assert sum(part.numel() for part in made.parameters()) == parameters


def test_what_qwen2_holds_by_hand() -> None:
    """Widths 1536 and 256, feed-forward 8960, 28 layers, 151,936 rows of embedding."""
    found = plan(PAPER, known(QWEN2))
    linear = 28 * (2 * 1536 * 1536 + 2 * 1536 * 256 + 3 * 1536 * 8960)
    assert found.weights == pytest.approx(linear * (0.5 + (1 + 4 / 256) / 64))
    adapter = 28 * 16 * (2 * (1536 + 1536) + 2 * (1536 + 256))
    assert (found.trainable, found.trained, found.gradients) == (adapter, 4 * adapter, 4 * adapter)
    assert found.optimizer == 8 * adapter
    biases_and_norms = 28 * (1536 + 2 * 256 + 2 * 1536) + 1536
    assert found.embedding == 2 * (151_936 * 1536 + biases_and_norms)
    # the project's own figures, worked out apart from this code: 645, 445 and 66 MiB
    assert (found.weights / MIB, found.embedding / MIB) == pytest.approx((645, 445), abs=1)
    assert (found.trained + found.gradients + found.optimizer) / MIB == pytest.approx(66, abs=1)


@pytest.mark.parametrize(("length", "tiled", "whole"), [(512, 115, 935), (1024, 231, 1872), (2048, 469, 3746)])
def test_activations_agree_with_figures_found_apart(length: int, tiled: float, whole: float) -> None:
    """In MiB. At 512 the weights that are unpacked (27 MiB) count; the older figure has them as part of the layers."""
    config, stage = known(QWEN2), replace(PAPER, length=length)
    found, other = plan(stage, config), plan(replace(stage, head="whole"), config)
    assert (found.activations + found.logits) / MIB == pytest.approx(tiled, rel=0.12)
    assert (other.activations + other.logits) / MIB == pytest.approx(whole, rel=0.01)


def test_the_paper_stays_below_the_aim() -> None:
    for length, aim in ((512, 1.45e9), (1024, 1.6e9)):
        assert plan(replace(PAPER, length=length), known(QWEN2)).allocated < aim


class Peak:
    """What torch's allocator says of a block: most bytes at once, above where it began."""

    def __enter__(self) -> "Peak":
        from torch.profiler import ProfilerActivity, profile

        self._profile = profile(activities=[ProfilerActivity.CPU], profile_memory=True)
        self._profile.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._profile.__exit__(*error)
        self.bytes, now = 0, 0
        for event in self._profile.profiler.kineto_results.events():
            if event.name() == "[memory]":
                now += event.nbytes()
                self.bytes = max(self.bytes, now)


@pytest.mark.parametrize(("method", "checkpointing"), [("sft", True), ("sft", False), ("dpo", True)])
def test_a_real_step_takes_what_is_planned(method: str, checkpointing: bool) -> None:
    """A model with weights on a CPU, through PEFT and TRL's fused head, under torch's profiler."""
    from trl.trainer.utils import add_fused_lm_head

    from arabic_llm_pipeline.training.adapters import new_adapter
    from arabic_llm_pipeline.training.memory.trace import Passes, held

    config = architecture.make_config(
        {**architecture.known()["Qwen/Qwen2-0.5B"], "hidden_size": 256, "intermediate_size": 768, "vocab_size": 2000,
         "num_hidden_layers": 3, "num_attention_heads": 4}
    )  # fmt: skip
    lora, kind = AdapterSettings(r=8), METHODS[method]
    dtypes = {"dtype": torch.float32, "weights": torch.float32}
    passes = Passes(2 * kind.sequences, 128, checkpointing, replace(kind, padded=False), on_card=False, **dtypes)
    estimate = held(config, FULL, lora, passes)
    from transformers import AutoModelForCausalLM

    model = new_adapter(AutoModelForCausalLM.from_config(config, dtype=torch.float32), lora, 0).train()
    if checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
        model.enable_input_require_grads()
    add_fused_lm_head(model.get_base_model(), outputs=("log_probs", "entropy", "is_top1"))
    for part in model.parameters():
        part.grad = torch.zeros_like(part) if part.requires_grad else None
    ids = torch.randint(0, 2000, (passes.rows, passes.length))
    for _ in range(2):  # the first time buffers are made that stay
        with Peak() as peak:
            loss = model(input_ids=ids, labels=ids, fused_lm_head=True, use_cache=False).loss
            if kind.reference:
                with torch.no_grad():
                    model(input_ids=ids, labels=ids, fused_lm_head=True, use_cache=False)
            loss.backward()
            del loss
    assert estimate.peak == pytest.approx(peak.bytes, rel=0.05)


@pytest.mark.parametrize("optimizer", ["adamw_torch", "adafactor", "adamw_8bit", "lion_32bit", "lion_8bit"])
def test_optimizers_hold_what_is_planned(optimizer: str) -> None:
    """The state of a real optimizer after a step; the tables of 8-bit codes are shared by all tensors."""
    import bitsandbytes as bnb
    from transformers.optimization import Adafactor

    kinds = {
        "adamw_torch": torch.optim.AdamW,
        "adafactor": lambda of: Adafactor(of, scale_parameter=False, relative_step=False, lr=1e-3),
        "adamw_8bit": bnb.optim.AdamW8bit, "lion_32bit": bnb.optim.Lion32bit, "lion_8bit": bnb.optim.Lion8bit,
    }  # fmt: skip
    parts = [torch.nn.Parameter(torch.randn(shape)) for shape in ((128, 64), (64,))]
    made = kinds[optimizer](parts)
    for part in parts:
        part.grad = torch.randn_like(part)
    made.step()
    shared = {"qmap1", "qmap2", "step"}
    held = sum(
        value.numel() * value.element_size()
        for state in made.state.values() for name, value in state.items()
        if isinstance(value, torch.Tensor) and name not in shared
    )  # fmt: skip
    assert sum(state_bytes(optimizer, part.shape) for part in parts) == pytest.approx(held, rel=0.01)


def test_functions_of_methods_are_known() -> None:
    assert method_of(SFT) == "sft"
    assert method_of(DPO) == "dpo"
    assert method_of("tests.training.fakes:waits") is None


def below(stage: Stage, config: Any, share: float) -> Room:
    """Room for all that a stage holds throughout, and a share of its activations."""
    found = plan(stage, config)
    passing = found.activations + found.logits
    return Room(found.device - (1 - share) * passing, None, "the limit is less")


def test_what_does_not_fit_is_told_what_would() -> None:
    config = low()
    stage = replace(PAPER, length=256, micro_batch=8, accumulation=2, checkpointing=False)
    limits = below(stage, config, 0.7)
    lines = fit.advice(stage, config, limits.has)
    assert any("sft.micro_batch=1 and sft.accumulation=16" in line for line in lines)
    assert any("sft.activation_checkpointing=true" in line for line in lines)
    length = fit.longest(stage, config, limits.has)
    assert 0 < length < 256
    assert f"tokenize.window={length}, which changes the data" in lines
    assert limits.has(plan(replace(stage, length=length), config))
    assert not limits.has(plan(replace(stage, length=length + 64), config))


def test_a_choice_keeps_the_batch_and_the_length() -> None:
    config = low()
    stage = replace(PAPER, micro_batch=16, accumulation=1, checkpointing=False)
    for share in (1.0, 0.6, 0.35):
        limits = below(stage, config, share)
        found = fit.choose(stage, config, limits.has)
        assert found is not None
        assert limits.has(found)
        assert (found.stage.batch, found.stage.length) == (16, 512)
    assert fit.choose(stage, config, Room(1.0, None).has) is None


def test_kto_keeps_two_answers_together() -> None:
    config = low()
    stage = replace(PAPER, method="kto", micro_batch=4, accumulation=4)
    least = plan(replace(stage, micro_batch=2, accumulation=8), config).device
    found = fit.choose(stage, config, Room(least, None).has)
    assert found is not None
    assert found.stage.micro_batch == 2
    assert fit.choose(stage, config, Room(least - 2**20, None).has) is None


@pytest.fixture
def planned_job(job: Callable[..., Job]) -> Callable[..., Job]:
    def make(settings: Any, **memory: Any) -> Job:
        return job(settings, "work", NF4).model_copy(update={"memory": MemorySettings(**memory)})

    return make


@pytest.mark.parametrize(("most", "again", "found"), [(None, False, 16), (5, False, 4), (5, True, 4)])
def test_a_choice_keeps_to_limits_of_its_own(most: int | None, again: bool, found: int) -> None:
    """As after memory was short, whatever the plan says."""
    stage = replace(PAPER, micro_batch=1, accumulation=16, checkpointing=False)
    chosen = fit.choose(stage, low(), lambda _: True, most, again=again)
    assert chosen is not None
    assert (chosen.stage.micro_batch, chosen.stage.checkpointing) == (found, again)


def test_a_stage_is_refused_before_anything_is_loaded(planned_job: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import PreTrainedModel

    monkeypatch.setattr(PreTrainedModel, "from_pretrained", None)
    asked = planned_job(sft(micro_batch=64), limit_gb=0.012)
    told = r"(?s)sft would take 0\.\d+ GB.*limit_gb is 0.012.*It fits with.*micro_batch=1"
    with pytest.raises(UserError, match=told):
        checked(asked, SFT)
    with pytest.raises(UserError, match=r"host_limit_gb is 0.2(.|\n)*Nothing here makes it fit"):
        checked(asked.model_copy(update={"memory": MemorySettings(host_limit_gb=0.2)}), SFT)


def test_what_is_chosen_trains_and_is_recorded(planned_job: Callable) -> None:
    asked = planned_job(sft(micro_batch=8, steps=1), limit_gb=LITTLE, fit=True)
    chosen = checked(asked, SFT)
    assert chosen.settings["micro_batch"] * chosen.settings["accumulation"] == 8
    assert chosen.settings["micro_batch"] < 8
    sft_method.train(chosen, Answers())
    cost = json.loads((chosen.finished / "resources.json").read_text(encoding="utf-8"))
    assert cost["planned_allocated_mb"] < LITTLE * 1e9 / MIB
    assert cost["micro_batch"] == chosen.settings["micro_batch"]
    assert planned(chosen.workspace).items() <= cost.items()


def test_limits_of_the_run_reach_the_stage(planned_job: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conditions, "_memory", MemorySettings())
    monkeypatch.setattr(launch.subprocess, "Popen", None)  # nothing is started
    asked = planned_job(sft())
    conditions.begin(MemorySettings(limit_gb=2.5), DeviceSettings())
    with pytest.raises(TypeError, match="NoneType"):
        process.run_stage(sft_method.train, asked, "sft")
    told = json.loads((asked.workspace / "job.json").read_text(encoding="utf-8"))
    assert told["memory"]["limit_gb"] == 2.5


def test_begun_training_keeps_its_choice(planned_job: Callable) -> None:
    asked = planned_job(sft(micro_batch=8, steps=1), limit_gb=LITTLE, fit=True)
    first = checked(asked, SFT)
    (asked.checkpoints / "checkpoint-1").mkdir(parents=True)
    later = asked.model_copy(update={"memory": MemorySettings(fit=True)})
    assert checked(later, SFT).settings == first.settings


def test_rounds_keep_the_choice_of_the_first(job: Callable, pair_tokens: Path) -> None:
    asked = job(DnoSettings(micro_batch=16), "dno", NF4, tokens=pair_tokens)
    little, more = (asked.model_copy(update={"memory": MemorySettings(limit_gb=gb, fit=True)}) for gb in (LITTLE, 1.0))
    target = "arabic_llm_pipeline.training.methods.dno:train"
    first = checked(little, target)
    assert first.settings["micro_batch"] < 16
    assert checked(more, target).settings != first.settings
    checked(little, target)
    (asked.workspace / "round-1" / "checkpoints" / "checkpoint-1").mkdir(parents=True)
    assert checked(more, target).settings == first.settings


def test_without_limits_nothing_is_in_the_way(planned_job: Callable) -> None:
    asked = planned_job(sft())
    assert checked(asked, SFT).settings == asked.settings
    stage, config = describe(asked, "sft")
    assert (stage.length, config.hidden_size, stage.on_card) == (48, 64, False)


def test_a_preference_stage_holds_its_reference(job: Callable, tmp_path: Path) -> None:
    asked = job(dpo(), "dpo", NF4, adapter=tmp_path)
    stage, config = describe(asked, "dpo")
    found = plan(stage, config)
    assert found.reference == found.trained
    assert plan(replace(stage, precomputed=True), config).reference == 0
    assert plan(replace(stage, continues=False), config).reference == 0


def test_a_whole_model_has_a_whole_reference(job: Callable) -> None:
    """Also where a chain begins with it, and its frozen layers, too."""
    lora = AdapterSettings(kind="full", freeze_bottom=1)
    asked = job(dpo(), "dpo", FULL, lora=lora)
    copy = adapters.frozen_copy(finish.stage_model(asked))
    assert plan(*describe(asked, "dpo")).reference == sum(4 * part.numel() for part in copy.parameters())


def test_processes_share_what_can_be_shared() -> None:
    """Two with DDP each hold all of it, and buckets for the gradients; with FSDP a half, and a layer at a time."""
    config, stage = known("Qwen/Qwen2.5-7B"), replace(PAPER, model=FULL)
    one, two = plan(stage, config), plan(replace(stage, processes=2), config)
    four = plan(replace(stage, processes=4, sharded=True), config)
    assert two.gradients == 2 * one.gradients
    assert (two.weights, two.optimizer, two.activations) == (one.weights, one.optimizer, one.activations)
    assert two.host == 2 * one.host
    assert four.optimizer == one.optimizer / 4
    assert four.weights == pytest.approx(one.weights * (1 / 4 + 2 / config.num_hidden_layers))


def test_a_choice_comes_out_even_among_processes() -> None:
    stage, config = replace(PAPER, micro_batch=16, accumulation=1, processes=4), low()
    chosen = fit.choose(stage, config, lambda _: True)
    assert chosen is not None
    assert chosen.stage.accumulation % 4 == 0
    assert chosen.stage.batch == 16


def test_an_optimizer_on_the_host_takes_nothing_of_the_card() -> None:
    stage = replace(PAPER, optimizer="adamw_torch")
    card, host = plan(stage, low()), plan(replace(stage, optimizer="adamw_host"), low())
    assert (host.optimizer, card.optimizer) == (0, 8 * card.trainable)
    assert host.host - card.host == 16 * card.trainable  # state, and copies of weights and gradients
    assert host.disk == card.disk


@pytest.mark.parametrize("method", ["sft", "dpo"])
def test_flash_attention_is_planned_as_what_takes_no_matrix(method: str) -> None:
    stage = replace(PAPER, method=method, length=1024)
    eager, sdpa, flash = (
        plan(replace(stage, model=stage.model.model_copy(update={"attention": kind})), low())
        for kind in ("eager", "sdpa", "flash_attention_2")
    )
    assert flash.activations == pytest.approx(sdpa.activations, rel=0.03)
    assert eager.activations > flash.activations + 14 * 1024 * 1024  # bytes: a row of heads


@pytest.mark.parametrize("kind", ["qwen2", "llama"])
def test_what_is_pretrained_is_planned_as_its_own_type(kind: str) -> None:
    config = architecture.pretrain_config(PretrainSettings(), 500, kind)
    assert config.model_type == kind
    biases = [name for name, _ in architecture.build(config, torch.float32, "auto", None).named_parameters()]
    assert any("bias" in name for name in biases) == (kind == "qwen2")
