"""Each family of models: its layers found, trained in two stages, and loaded again by plain libraries."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.model import AdapterSettings, ModelSettings
from arabic_llm_pipeline.training import families, models
from arabic_llm_pipeline.training.base import resolve_base
from arabic_llm_pipeline.training.methods import preference
from arabic_llm_pipeline.training.methods import sft as sft_method
from tests.training.conftest import FULL, NF4, Answers, dpo, sft
from tests.training.test_methods import interrupts, log, trained  # noqa: F401  a fixture

IDS = torch.tensor([[5, 90, 17, 33, 250, 8]])
SHAPE = {
    "vocab_size": 400, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1,
    "intermediate_size": 64, "max_position_embeddings": 128, "initializer_range": 0.1, "pad_token_id": 0,
}  # fmt: skip
MAMBA = {
    "mamba_d_ssm": 32, "mamba_n_heads": 4, "mamba_d_head": 8, "mamba_n_groups": 1, "mamba_d_state": 8,
    "mamba_chunk_size": 16, "lm_head_multiplier": 0.5,
}  # fmt: skip
GPT2 = {"vocab_size": 400, "n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 128, "initializer_range": 0.1}
MODELS: dict[str, dict[str, Any]] = {
    "Qwen2": SHAPE, "Qwen3": {**SHAPE, "head_dim": 16}, "Llama": SHAPE, "Gemma2": {**SHAPE, "head_dim": 16},
    "Mistral": {**SHAPE, "head_dim": 16}, "Phi": {**SHAPE, "num_key_value_heads": 2}, "Phi3": SHAPE,
    "FalconH1": {**SHAPE, "head_dim": 16, **MAMBA}, "GPT2": GPT2,
}  # fmt: skip
LAYERS = {"Phi": 6, "Phi3": 4, "FalconH1": 8, "GPT2": 3}  # kinds of layers with an adapter; 7 elsewhere


def random_model(family: str) -> Any:
    import transformers

    torch.manual_seed(0)
    config = getattr(transformers, f"{family}Config")(**MODELS[family])
    return transformers.AutoModelForCausalLM.from_config(config)


def pointer_to(model: Any, directory: Path, tokenizer: Path) -> dict[str, Any]:
    model.save_pretrained(directory)
    return resolve_base(ModelSettings(name=str(directory)), directory)


@pytest.mark.parametrize("family", MODELS)
def test_two_stages_and_back(job: Callable, tmp_path: Path, tokenizer: Path, family: str) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base = pointer_to(random_model(family), tmp_path / "model", tokenizer)
    before = trained(job, sft(steps=2), "before", base=base)
    after = job(dpo(steps=2, warmup=0.0), "after", base=base, adapter=before.finished / "result")
    preference.train_dpo(after, Answers())
    directory = after.finished / "result"
    plain = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tmp_path / "model"), directory).eval()
    ours = models.load_candidate(base, directory, FULL)
    with torch.no_grad():
        assert torch.equal(plain(IDS).logits, ours(IDS).logits)
        assert not torch.equal(ours(IDS).logits, models.load_candidate(base, None, FULL)(IDS).logits)
    made = [one.generate(IDS, max_new_tokens=6, do_sample=False, pad_token_id=0) for one in (plain, ours)]
    assert torch.equal(*made)
    assert len(plain.peft_config["default"].target_modules) == LAYERS.get(family, 7)
    assert log(after)["rewards/margins"][0] == pytest.approx(0, abs=1e-5)


def test_a_state_goes_over_borders(job: Callable, tmp_path: Path, tokenizer: Path) -> None:
    base = pointer_to(random_model("FalconH1"), tmp_path / "model", tokenizer)
    with pytest.raises(UserError, match=r"falcon_h1 has layers whose state .*sft.packing=false"):
        sft_method.train(job(sft(packing=True), base=base), Answers())
    with pytest.raises(UserError, match="out_proj of falcon_h1 is read past any adapter"):
        families.target_modules(models.load_base(base, FULL), AdapterSettings(target_modules=("q_proj", "out_proj")))


@pytest.mark.parametrize(("held", "layer"), [("fp4", "Linear4bit"), ("int8", "Linear8bitLt")])
def test_other_quantisations(job: Callable, base: dict, held: str, layer: str) -> None:
    settings = ModelSettings(quantization=held)
    before = trained(job, sft(steps=2), "before", settings)
    after = job(dpo(steps=2, warmup=0.0), "after", settings, adapter=before.finished / "result")
    preference.train_dpo(after, Answers())
    model = models.load_candidate(base, after.finished / "result", settings)
    theirs = [part for part in model.modules() if type(part).__module__.startswith("bitsandbytes")]
    assert {type(part).__name__ for part in theirs} == {layer}
    assert len(theirs) == 14
    with torch.no_grad():  # bitsandbytes repacks nothing: the second pass is the first
        assert torch.equal(model(IDS).logits, model(IDS).logits)
    assert log(after)["rewards/margins"][0] == pytest.approx(0, abs=2e-3 if held == "int8" else 1e-5)


def test_a_model_quantised_already_is_taken_as_it_is(
    job: Callable, base: dict, tmp_path: Path, tokenizer: Path
) -> None:
    """Whatever model.quantization says; what is trained is what would be, had it been quantised when it was loaded."""
    ready = pointer_to(models.load_base(base, NF4), tmp_path / "nf4", tokenizer)
    assert (ready["quantization"], base["quantization"]) == ("nf4", None)
    assert ready["parameters"] == base["parameters"]
    settings = ModelSettings(quantization="int8")
    one = trained(job, sft(steps=2), "one", settings, base=ready)
    two = trained(job, sft(steps=2), "two", NF4)
    assert log(one)["loss"].to_list() == log(two)["loss"].to_list()
    assert models.about_base(ready, settings)["quantization"] == "nf4"
