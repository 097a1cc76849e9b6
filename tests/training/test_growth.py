"""A deeper model computes what the smaller one does, to rounding, until it is trained."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoConfig, AutoModelForCausalLM

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.training.growth import added_blocks, deepened, origins

SHAPE: dict[str, Any] = {
    "vocab_size": 97, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
    "intermediate_size": 48, "head_dim": 8, "initializer_range": 0.2,
}  # fmt: skip
IDS = torch.tensor([[5, 90, 17, 33, 50, 8, 61]])


def model(kind: str, **more: Any) -> Any:
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **{**SHAPE, **more})).eval()


@given(st.integers(1, 12), st.integers(1, 24))
def test_every_old_block_is_there_in_order_and_the_new_ones_follow_theirs(blocks: int, added: int) -> None:
    found = origins(blocks, added)
    assert [old for old, new in found if not new] == list(range(blocks))
    assert [old for old, _ in found] == sorted(old for old, _ in found)
    assert len(found) == blocks + added == blocks + len(added_blocks(blocks, added))
    counts = [sum(new for old, new in found if old == block) for block in range(blocks)]
    assert max(counts) - min(counts) <= 1, "evenly"


def test_blocks_come_where_llama_pro_puts_them() -> None:
    """Behind each of its 8 groups of 4 of 32 (Wu et al. 2024)."""
    assert added_blocks(32, 8) == {4, 9, 14, 19, 24, 29, 34, 39}


@pytest.mark.parametrize("kind", ["qwen2", "qwen3", "llama", "mistral", "gemma", "gemma2", "gemma3_text"])
@pytest.mark.parametrize("added", [1, 5])
def test_the_deeper_model_computes_the_same(kind: str, added: int, tmp_path: Path) -> None:
    small = model(kind)
    large = deepened(small, added).eval()
    assert large.config.num_hidden_layers == 2 + added
    with torch.no_grad():
        assert torch.allclose(large(IDS).logits, small(IDS).logits, atol=1e-5, rtol=1e-5)
        generated = [one.generate(IDS, max_new_tokens=4, do_sample=False, pad_token_id=0) for one in (small, large)]
    assert torch.equal(*generated)  # through the cache, which knows blocks by their numbers
    large.save_pretrained(tmp_path)
    again = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    with torch.no_grad():
        assert torch.equal(again(IDS).logits, large(IDS).logits)


def test_it_learns_in_the_new_blocks() -> None:
    large = deepened(model("qwen2"), 2)
    before = {name: part.detach().clone() for name, part in large.named_parameters()}
    optimizer = torch.optim.SGD(large.parameters(), lr=0.5)
    losses = []
    for _ in range(3):
        optimizer.zero_grad()
        loss = large(IDS, labels=IDS).loss
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    moved = {name for name, part in large.named_parameters() if not torch.equal(part, before[name])}
    new = added_blocks(2, 2)
    weights = {name for name in before if any(name.startswith(f"model.layers.{block}.") for block in new)}
    assert len(weights) == 2 * 12
    assert weights <= moved
    assert losses[-1] < losses[0]


def test_the_old_model_is_left_as_it_was() -> None:
    small = model("qwen2")
    before = {name: part.clone() for name, part in small.state_dict().items()}
    large = deepened(small, 2)
    with torch.no_grad():
        for part in large.parameters():
            part.add_(1.0)
    assert all(torch.equal(part, before[name]) for name, part in small.state_dict().items())


def test_other_blocks_are_refused() -> None:
    torch.manual_seed(0)
    gpt2 = AutoModelForCausalLM.from_config(AutoConfig.for_model("gpt2", n_embd=32, n_layer=2, n_head=2, vocab_size=97))
    with pytest.raises(UserError, match="the blocks of gpt2 are not of attention"):
        deepened(gpt2, 1)
