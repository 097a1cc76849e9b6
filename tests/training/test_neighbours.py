"""Rows of several documents: which models may have them."""

from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.training.neighbours import check_neighbours, leaks, state_over_rows
from tests.training.conftest import sft

SMALL = {
    "vocab_size": 64,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "initializer_range": 0.2,
}
LLAMA = {**SMALL, "intermediate_size": 48, "num_key_value_heads": 2}
MAMBA = {"mamba_d_ssm": 32, "mamba_n_heads": 4, "mamba_d_head": 8, "mamba_d_state": 8, "mamba_n_groups": 1}
APART = {
    "llama": LLAMA,
    "qwen2": LLAMA,
    "gemma2": {**LLAMA, "head_dim": 16},
    "gpt2": {"vocab_size": 64, "n_embd": 32, "n_head": 2, "n_layer": 2, "initializer_range": 0.2},
}
LEAKING = {
    "falcon_h1": {**LLAMA, **MAMBA, "mamba_chunk_size": 8},
    "mamba": {"vocab_size": 64, "hidden_size": 32, "state_size": 4, "num_hidden_layers": 2, "initializer_range": 0.5},
    "jamba": {**LLAMA, "attn_layer_period": 2, "attn_layer_offset": 1, "num_experts": 2, "use_mamba_kernels": False},
    "lfm2": {**LLAMA, "layer_types": ["conv", "full_attention"], "block_auto_adjust_ff_dim": False},
}


def model(kind: str, options: dict[str, Any]) -> Any:
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **options)).float().train()


@pytest.mark.parametrize("kind", APART)
def test_attention_keeps_documents_apart(kind: str) -> None:
    made = model(kind, APART[kind])
    for settings in (sft(packing=True), sft(padding_free=True)):
        check_neighbours(made, settings)
    assert made.training


@pytest.mark.parametrize("kind", LEAKING)
def test_states_run_over_the_border(kind: str) -> None:
    """Known by the configuration, and seen in what comes out."""
    made = model(kind, LEAKING[kind])
    assert leaks(made, 1)
    with pytest.raises(UserError, match=f"{kind} has layers whose state .*sft.packing=false"):
        check_neighbours(made, sft(packing=True))
    check_neighbours(made, sft())  # each document in a row of its own


def test_what_no_name_tells_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    made = model("falcon_h1", LEAKING["falcon_h1"])
    monkeypatch.setattr("arabic_llm_pipeline.training.neighbours.STATES", ("no such name",))
    assert state_over_rows(made.config) is None
    with pytest.raises(UserError, match="lets a document see the one before it in its row, as a trial of two shows"):
        check_neighbours(made, sft(padding_free=True))
