"""What it takes to have a model answer, and a judge read the answers: rounds of DNO begin so."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from arabic_llm_pipeline.common.files import read_json
from arabic_llm_pipeline.parameters.model import AdapterSettings, ModelSettings
from arabic_llm_pipeline.parameters.preference import RULES
from arabic_llm_pipeline.training import models, rewards
from arabic_llm_pipeline.training.base import Pointer, base_path
from arabic_llm_pipeline.training.memory import architecture
from arabic_llm_pipeline.training.memory.holdings import holdings
from arabic_llm_pipeline.training.memory.trace import Passes, forward

FP32 = 4
COPIES = 3  # of the last token's logits, in fp32: as they are, by the temperature, as probabilities
NO_ADAPTER = AdapterSettings(r=1)


@dataclass(frozen=True)
class Drawing:
    """How answers are drawn."""

    prompts: int  # at once
    samples: int  # answers to each
    new_tokens: int  # of the longest
    judge: float = 0.0  # bytes of its own base; 0: it is a rule, or stands on the policy's

    @property
    def rows(self) -> int:
        """Answers at once."""
        return self.prompts * self.samples


def drawing(loop: Mapping[str, Any], judge: float = 0.0) -> Drawing | None:
    """As a method's settings have it; None for one that draws nothing."""
    if "sampling_batch" not in loop:
        return None
    return Drawing(loop["sampling_batch"], loop["samples"], loop["max_new_tokens"], judge)


def drawn(config: Any, model: ModelSettings, lora: AdapterSettings | None, passes: Passes, how: Drawing) -> float:
    """Bytes beside the policy's weights, at most: while it answers, or while the judge reads.

    Args:
        config: of the policy.
        model: how its base is held.
        lora: the adapter.
        passes: of training: the length that a prompt and its answer have together, and what is computed in.
        how: how many answers.
    """
    text, prompt = config.get_text_config(), max(1, passes.length - how.new_tokens)
    token = 2 * how.rows * _width_of_keys(text) * passes.dtype.itemsize  # its key and its value, in a layer
    begun = forward(config, model, lora, replace(passes, rows=how.rows, length=prompt))
    begun += token * prompt * text.num_hidden_layers
    logits = how.rows * text.vocab_size * (passes.dtype.itemsize + COPIES * FP32)
    ended = token * passes.length * (text.num_hidden_layers + 1) + logits  # a layer is copied when a token comes to it
    reading = forward(config, model, lora, replace(passes, rows=how.prompts))
    return max(begun, ended, how.judge + reading)


def judge_bytes(name: str, base: Pointer, model: ModelSettings, *, whole: bool, dtype: torch.dtype) -> float:
    """Weights that a judge has in memory beside the policy's; 0 where it is none yet.

    Args:
        name: of the judge.
        base: pointer to the policy's.
        model: how that is held.
        whole: whether the policy is trained as a whole, so that no adapter is lent its base.
        dtype: of weights that are not quantised.
    """
    directory = Path(name).expanduser()
    if name in RULES or not directory.is_dir():
        return 0.0
    reward, alone = models.is_reward(directory), models.is_whole(directory)
    lent = not whole and not alone and (not reward or rewards.shares_base(directory, base, model))
    if lent:
        return 0.0
    place, held = _stands_on(directory, base, model, alone=alone)
    found = holdings(architecture.shape_of(place), held, dtype, NO_ADAPTER, "sgd", copied=False)
    return found.linear + found.rest


def _stands_on(directory: Path, base: Pointer, model: ModelSettings, *, alone: bool) -> tuple[Path, ModelSettings]:
    """Where a judge's configuration lies, and how its weights are held."""
    if alone:
        return directory, model.model_copy(update={"quantization": "none"})
    known = read_json(directory / models.ABOUT) if (directory / models.ABOUT).is_file() else {}
    own = known.get(rewards.REWARD, {}).get("base") or base
    held = {name: known[name] for name in ("quantization", "double_quantization") if name in known}
    return base_path(own), model.model_copy(update=held)


def _width_of_keys(text: Any) -> int:
    """Numbers that a layer keeps of a token as its key, or as its value."""
    heads = text.num_attention_heads
    size = getattr(text, "head_dim", None) or text.hidden_size // heads
    return int((getattr(text, "num_key_value_heads", None) or heads) * size)
