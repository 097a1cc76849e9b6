"""Models in memory, alike on every machine."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.model import AdapterSettings, ModelSettings
from arabic_llm_pipeline.training import adapters, models
from arabic_llm_pipeline.training.methods import sft as method
from tests.training.conftest import FULL, NF4, Answers, sft

IDS = torch.tensor([[5, 90, 17, 33, 250, 8]])


def test_nf4_does_not_repack_its_weights(base: dict) -> None:
    """An evaluation forward pass between training steps changes nothing, on CPUs with AVX512_BF16 too."""
    from bitsandbytes.nn import Linear4bit

    model = models.load_base(base, NF4)
    layers = [module for module in model.modules() if isinstance(module, Linear4bit)]
    assert len(layers) == 14
    assert not any(layer.support_avx512bf16_for_cpu for layer in layers)
    before = [layer.weight.data.clone() for layer in layers]
    model.eval()(IDS)
    assert all(torch.equal(layer.weight.data, old) for layer, old in zip(layers, before, strict=True))


def test_nf4_is_near_the_weights_it_stands_for(base: dict) -> None:
    full, nf4 = (models.load_candidate(base, None, settings) for settings in (FULL, NF4))
    with torch.no_grad():
        difference = (full(IDS).logits - nf4(IDS).logits).abs().mean()
    assert 0 < difference < 0.3
    assert full.model.embed_tokens.weight.dtype == nf4.model.embed_tokens.weight.dtype == torch.float32


def test_no_hooks_move_data_about(base: dict) -> None:
    model = adapters.new_adapter(models.load_base(base, NF4), AdapterSettings(r=4), 0)
    assert not [name for name, module in model.named_modules() if hasattr(module, "_hf_hook")]


def test_a_new_adapter_changes_nothing_and_hangs_on_the_seed(base: dict) -> None:
    plain = models.load_candidate(base, None, FULL)
    drawn = [adapters.new_adapter(models.load_base(base, FULL), AdapterSettings(r=4), seed) for seed in (1, 1, 2)]
    with torch.no_grad():
        assert torch.equal(plain(IDS).logits, drawn[0].eval()(IDS).logits)
    first, second, other = (next(part for name, part in m.named_parameters() if "lora_A" in name) for m in drawn)
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_unknown_layers_are_named(base: dict) -> None:
    with pytest.raises(UserError, match=r"adapter\.target_modules: qwen2 has no linear layer 'nothing'"):
        adapters.new_adapter(models.load_base(base, FULL), AdapterSettings(target_modules=("nothing",)), 0)


def test_what_trl_rounds_is_given_back(base: dict) -> None:
    model = adapters.new_adapter(models.load_base(base, NF4), AdapterSettings(r=4), 0)
    trained = {name: part.detach().clone() for name, part in model.named_parameters() if part.requires_grad}
    with adapters.kept_exact(model):
        for part in model.parameters():
            if part.requires_grad:
                part.data = part.data.to(torch.bfloat16)
    for name, part in model.named_parameters():
        if name in trained:
            assert part.dtype == torch.float32
            assert torch.equal(part, trained[name])


def test_an_adapter_is_loaded_on_its_own_base_only(job: Callable, base: dict) -> None:
    made = job(sft(steps=2))
    method.train(made, Answers())
    adapter = made.finished / "result"
    tuned, plain = models.load_candidate(base, adapter, FULL), models.load_candidate(base, None, FULL)
    with torch.no_grad():
        assert not torch.equal(tuned(IDS).logits, plain(IDS).logits)
    assert not tuned.training
    with pytest.raises(UserError, match=r"another quantization \(none, not nf4\)"):
        models.load_candidate(base, adapter, NF4)
    other = {**base, "files": {"model.safetensors": "0" * 64}}
    with pytest.raises(UserError, match=r"another base \(\w{12}, not 000000000000\)"):
        models.load_candidate(other, adapter, FULL)


def test_a_base_that_does_not_load_is_named(base: dict, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "nonesuch"}', encoding="utf-8")
    with pytest.raises(UserError, match="cannot be loaded"):
        models.load_base({**base, "path": str(tmp_path)}, FULL)


def test_what_is_computed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    assert models.compute_dtype(ModelSettings()) == torch.float32
    assert models.compute_dtype(ModelSettings(compute_dtype="bfloat16")) == torch.bfloat16
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for emulated, dtype in ((True, torch.float16), (False, torch.bfloat16)):  # a GTX 1650, and an RTX 3060

        def supported(including_emulation: bool = True, emulated: bool = emulated) -> bool:
            return including_emulation or not emulated

        monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
        assert models.compute_dtype(ModelSettings()) == dtype
