"""Answers of a model itself, sampled by a seed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from transformers import GenerationConfig, set_seed

from arabic_llm_pipeline.parameters.preference import DnoSettings
from arabic_llm_pipeline.tokens.columns import Array
from arabic_llm_pipeline.training.batches import PADDING


def sample(model: Any, prompts: Sequence[Array], end: int, settings: DnoSettings, seed: int) -> list[list[Array]]:
    """Answers to each prompt, with the token that ends them where they ended.

    Args:
        model: with its adapter.
        prompts: token ids.
        end: token that ends an answer.
        settings: how many, how long, how varied, and how many prompts go together.
        seed: of the sampling.
    """
    model.eval()
    model.generation_config = GenerationConfig()  # a base's own may ask for penalties, and would add to what is given
    set_seed(seed)
    how = GenerationConfig(
        do_sample=True,
        temperature=settings.temperature,
        top_k=0,
        top_p=1.0,
        num_return_sequences=settings.samples,
        max_new_tokens=settings.max_new_tokens,
        eos_token_id=end,
        pad_token_id=PADDING,
        use_cache=True,
    )
    found: list[list[Array]] = []
    for start in range(0, len(prompts), settings.sampling_batch):
        part = prompts[start : start + settings.sampling_batch]
        ids, mask = _left(part, model.device)
        with torch.no_grad():
            made = model.generate(input_ids=ids, attention_mask=mask, generation_config=how)
        answers = [_ended(row, end) for row in made[:, ids.shape[1] :].cpu().numpy()]
        found += [answers[place : place + settings.samples] for place in range(0, len(answers), settings.samples)]
    return found


def _left(prompts: Sequence[Array], device: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Prompts padded on the left, and what is not padding."""
    longest = max(map(len, prompts))
    ids = np.full((len(prompts), longest), PADDING, dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, longest - len(prompt) :] = prompt
        mask[row, longest - len(prompt) :] = 1
    return torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device)


def _ended(answer: Array, end: int) -> Array:
    """An answer up to the token that ends it."""
    ends = np.flatnonzero(answer == end)
    return answer[: ends[0] + 1] if len(ends) else answer
