"""Log-probabilities that a model gives to tokens."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.evaluation.portions import in_portions

LOGITS_BYTES = 256 << 20  # of one batch: vocabularies of 150,000 make logits larger than the model
Floats = NDArray[np.float64]


class Stretch(NamedTuple):
    """Tokens of which those from `start` on are scored, given all before them."""

    ids: NDArray[np.int64]
    start: int  # 1 or more: the first token has nothing before it


def log_probabilities(
    model: Any, stretches: Sequence[Stretch], batch_size: int, label: str, names: Sequence[str] | None = None
) -> list[Floats]:
    """Natural log-probability of every scored token, in the order of the stretches.

    Args:
        model: a causal language model.
        stretches: any lengths; those of like length go through the model together, padded on the right.
        batch_size: how many at once, at most; fewer where their logits would take more than 256 MB, or where memory
            runs out.
        label: what is being done, for the progress shown.
        names: of the items that the stretches are of, for the error.

    Raises:
        UserError: the model gives no numbers (NaN) for one of them, or memory runs out with one alone.
    """
    vocabulary, width = model.config.get_text_config().vocab_size, model.dtype.itemsize

    def work(batch: list[int]) -> list[Floats]:
        scored = _score(model, [stretches[place] for place in batch])
        for place, row in zip(batch, scored, strict=True):
            if np.isnan(row).any():
                raise not_a_number(model, label, names[place] if names else f"sequence {place + 1}")
        return scored

    return in_portions(
        model,
        [len(stretch.ids) for stretch in stretches],
        work,
        size=batch_size,
        kind="likelihood",
        label=label,
        tokens=LOGITS_BYTES // (vocabulary * width),
    )


def not_a_number(model: Any, label: str, item: str) -> UserError:
    """What is said of a model whose logits are no numbers."""
    who = getattr(model, "candidate", None) or "the model"
    return UserError(
        f"{label}: the logits of {who} for {item} are not a number (NaN). Its weights are damaged, its training ran "
        "away, or float16 overflows: try model.compute_dtype=float32, and look at the loss of its training."
    )


def _score(model: Any, stretches: Sequence[Stretch]) -> list[Floats]:
    import torch

    ids = torch.zeros(len(stretches), max(len(stretch.ids) for stretch in stretches), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, stretch in enumerate(stretches):
        ids[row, : len(stretch.ids)] = torch.from_numpy(stretch.ids.astype(np.int64))
        mask[row, : len(stretch.ids)] = 1
    ids, mask = ids.to(model.device), mask.to(model.device)
    with torch.inference_mode():
        logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits
        return [_right(logits[row], ids[row], stretch) for row, stretch in enumerate(stretches)]


def _right(logits: Any, ids: Any, stretch: Stretch) -> Floats:
    """Of one row at a time: all of them in float32 would take twice the memory."""
    predicted = logits[stretch.start - 1 : len(stretch.ids) - 1].float()
    right = predicted.gather(1, ids[stretch.start : len(stretch.ids), None])[:, 0]
    found: Floats = (right - predicted.logsumexp(1)).double().cpu().numpy()
    return found
