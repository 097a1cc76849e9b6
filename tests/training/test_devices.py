"""On what a stage is trained: what its processes are told, and which attention is chosen."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.devices import DeviceSettings
from arabic_llm_pipeline.parameters.memory import MemorySettings
from arabic_llm_pipeline.parameters.model import AdapterSettings, ModelSettings
from arabic_llm_pipeline.training import attention, conditions, finish, launch, models
from arabic_llm_pipeline.training.memory import split
from arabic_llm_pipeline.training.methods import sft as sft_method
from tests.training.conftest import Answers, sft


@pytest.mark.parametrize(
    ("seen", "cards", "told"),
    [
        (None, None, ["0", "1"]),
        ("2,3,5", None, ["2", "3"]),  # as SLURM sets it
        ("", None, ["", ""]),  # hidden: on the CPU
        ("4", None, ["4", ""]),  # too few: found out where they meet
        ("2,3", (1, 0), ["1", "0"]),
    ],
)
def test_each_worker_sees_one_card(
    monkeypatch: pytest.MonkeyPatch, seen: str | None, cards: Any, told: list[str]
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if seen is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", seen)
    devices = DeviceSettings(processes=2, cards=cards)
    found = [launch._environment(devices, number, 2, "/there")["CUDA_VISIBLE_DEVICES"] for number in range(2)]
    assert found == told


def test_a_worker_is_told_who_it_is_and_nothing_of_other_launchers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run inside srun or mpirun would else be taken for one of theirs."""
    for name, value in {"WORLD_SIZE": "8", "RANK": "7", "PMI_SIZE": "8", "MASTER_ADDR": "elsewhere"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(launch, "available_cores", lambda: 12)
    alone = launch._environment(DeviceSettings(), 0, 1, "/there")
    assert not {"WORLD_SIZE", "RANK", "PMI_SIZE", "MASTER_ADDR"} & set(alone)
    assert alone["OMP_NUM_THREADS"] == "12"
    second = launch._environment(DeviceSettings(processes=4), 1, 4, "/there")
    assert (second["RANK"], second["LOCAL_RANK"], second["WORLD_SIZE"]) == ("1", "0", "4")  # of one card, the first
    assert second["OMP_NUM_THREADS"] == "3"


def test_the_allocator_is_told_before_torch_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTORCH_CUDA_ALLOC_CONF", "of the environment")
    kept = launch._environment(DeviceSettings(), 0, 1, "")
    told = launch._environment(DeviceSettings(allocator="expandable_segments:True"), 0, 1, "")
    assert kept["PYTORCH_CUDA_ALLOC_CONF"] == "of the environment"
    assert told["PYTORCH_CUDA_ALLOC_CONF"] == "expandable_segments:True"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"processes": 2, "cards": [1, 1]}, "want a card each"),
        ({"sharding": "full"}, "divides a model among cards"),
    ],
)
def test_devices_that_do_not_go_together(wrong: dict, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        DeviceSettings(**wrong)


@pytest.mark.parametrize(
    ("processes", "micro", "accumulation", "words"),
    [
        (2, 4, 1, r"sft.micro_batch=2,sft.accumulation=2"),
        (4, 4, 6, r"sft.micro_batch=3,sft.accumulation=8"),
        (2, 3, 5, "Nor can any split of the batch of 15"),
    ],
)
def test_a_batch_that_does_not_come_out_even_is_refused(
    job: Callable, processes: int, micro: int, accumulation: int, words: str
) -> None:
    asked = job(sft(micro_batch=micro, accumulation=accumulation), devices=DeviceSettings(processes=processes))
    with pytest.raises(UserError, match=words):
        split.shared(asked, "sft")
    if "Nor" not in words:  # what is advised is taken
        size, passes = (int(part.split("=")[1]) for part in words.replace("\\", "").split(","))
        assert split.shared(asked.model_copy(update={"settings": {"micro_batch": size, "accumulation": passes}}), "sft")
        assert size * passes == micro * accumulation


@pytest.mark.parametrize(
    ("method", "limit", "found"), [("sft", 5, (4, 3)), ("kto", 3, (3, 4)), ("sft", 12, (12, 1)), ("kto", 1, None)]
)
def test_a_limit_of_rows_keeps_the_batch(job: Callable, method: str, limit: int, found: Any) -> None:
    asked = job(sft(micro_batch=12), memory=MemorySettings(micro_batch=limit))
    if found is None:
        with pytest.raises(UserError, match=r"of which kto needs 2.*It does with 2, 3, 4, 6, 12"):
            split.lighter(asked, method)
        return
    made = split.lighter(asked, method).settings
    assert (made["micro_batch"], made["accumulation"]) == found


class Card:
    """A card that there is not: what is asked of it before anything is loaded."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capability: int = 8, *, package: bool = True):
        monkeypatch.setattr(attention, "device", lambda: torch.device("cuda"))
        monkeypatch.setattr("transformers.utils.import_utils.is_flash_attn_2_available", lambda: package)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (capability, 0))
        monkeypatch.setattr(attention, "compute_dtype", self.dtype)

    @staticmethod
    def dtype(settings: ModelSettings) -> torch.dtype:
        return torch.bfloat16 if settings.compute_dtype == "auto" else getattr(torch, settings.compute_dtype)


@pytest.mark.parametrize(("asked", "chosen"), [("auto", "sdpa"), ("flash_attention_2", "flash_attention_2")])
def test_weights_in_fp32_are_not_for_flash_attention(
    job: Callable, monkeypatch: pytest.MonkeyPatch, asked: Any, chosen: str
) -> None:
    """Outside of autocast, as in sampling, it would meet them as they are; who asks for it by name gets it."""
    Card(monkeypatch)
    model, lora = ModelSettings(quantization="none", attention=asked), AdapterSettings(kind="full")
    assert attention.of_stage(job(sft(), model=model, lora=lora)).attention == chosen


@pytest.mark.parametrize(
    ("card", "model", "loop", "chosen"),
    [
        ({}, {}, {}, "flash_attention_2"),
        ({}, {"compute_dtype": "float16"}, {}, "flash_attention_2"),
        ({}, {"compute_dtype": "float32"}, {}, "sdpa"),
        ({"capability": 7}, {}, {}, "sdpa"),
        ({"package": False}, {}, {}, "sdpa"),
        ({}, {}, {"packing": True}, "sdpa"),
        ({}, {}, {"packing": True, "padding_free": True}, "flash_attention_2"),
        ({}, {"attention": "eager"}, {}, "eager"),
        ({"package": False}, {"attention": "flash_attention_2"}, {}, "flash_attention_2"),  # and fails when loaded
    ],
)
def test_flash_attention_where_all_of_it_is_there(
    job: Callable, monkeypatch: pytest.MonkeyPatch, card: dict, model: dict, loop: dict, chosen: str
) -> None:
    Card(monkeypatch, **card)
    asked = job(sft(**loop), model=ModelSettings(quantization="none", **model))
    assert attention.of_stage(asked).attention == chosen


@pytest.mark.parametrize(
    ("asked", "has", "told"),
    [("bfloat16", False, True), ("bfloat16", True, False), ("auto", False, False), ("float16", False, False)],
)
def test_bfloat16_that_is_only_emulated_is_told_where_a_model_is_begun(
    job: Callable, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, asked: Any, has: bool, told: bool
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation or has)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "GTX 1650")
    monkeypatch.setattr(models, "device", lambda: torch.device("cuda"))
    monkeypatch.setattr(finish, "_begun", lambda *_: None)
    finish.stage_model(job(sft(), model=ModelSettings(quantization="none", compute_dtype=asked)))
    assert ("bfloat16, which the card (GTX 1650) only emulates" in caplog.text) == told
    assert ("Set model.compute_dtype=float16" in caplog.text) == told


def test_on_a_cpu_it_is_sdpa_and_said_so(job: Callable) -> None:
    made = job(sft(steps=1))
    sft_method.train(made, Answers())
    assert '"attention": "sdpa"' in (made.finished / "resources.json").read_text(encoding="utf-8")


def test_a_family_without_sdpa_is_computed_eagerly() -> None:
    from transformers import GPT2Config, Qwen2Config
    from transformers.models.gpt2.modeling_gpt2 import GPT2LMHeadModel

    assert models.has_sdpa(Qwen2Config())
    before = GPT2LMHeadModel._supports_sdpa
    GPT2LMHeadModel._supports_sdpa = False
    try:
        assert not models.has_sdpa(GPT2Config())
    finally:
        GPT2LMHeadModel._supports_sdpa = before


@pytest.mark.parametrize(("tf32", "precision"), [(True, "high"), (False, "highest")])
def test_tf32_is_a_parameter(job: Callable, tf32: bool, precision: str) -> None:
    before = torch.get_float32_matmul_precision()
    try:
        sft_method.train(job(sft(steps=1), model=ModelSettings(quantization="none", tf32=tf32)), Answers())
        assert torch.get_float32_matmul_precision() == precision
    finally:
        torch.set_float32_matmul_precision(before)


def test_conditions_reach_a_job(job: Callable) -> None:
    conditions.begin(MemorySettings(limit_gb=3), DeviceSettings(processes=2))
    try:
        found = conditions.of_this_run(job(sft()))
        assert (found.memory.limit_gb, found.devices.processes) == (3, 2)
    finally:
        conditions.begin(MemorySettings(), DeviceSettings())
