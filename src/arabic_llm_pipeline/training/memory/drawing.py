"""What it takes to have a model answer, and a judge read the answers: rounds of DNO begin so."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from arabic_llm_pipeline.parameters.model import AdapterSettings, ModelSettings
from arabic_llm_pipeline.training.memory.trace import Passes, forward

FP32 = 4
COPIES = 3  # of the last token's logits, in fp32: as they are, by the temperature, as probabilities


@dataclass(frozen=True)
class Drawing:
    """How answers are drawn."""

    prompts: int  # at once
    samples: int  # answers to each
    new_tokens: int  # of the longest
    judge: float = 0.0  # bytes that it has beside the policy; 0: it is a rule

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


def _width_of_keys(text: Any) -> int:
    """Numbers that a layer keeps of a token as its key, or as its value."""
    heads = text.num_attention_heads
    size = getattr(text, "head_dim", None) or text.hidden_size // heads
    return int((getattr(text, "num_key_value_heads", None) or heads) * size)
