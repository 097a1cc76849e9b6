"""Log-probabilities that a model gives to tokens."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from arabic_llm_pipeline.common.progress import track

LOGITS_BYTES = 256 << 20  # of one batch: vocabularies of 150,000 make logits larger than the model
Floats = NDArray[np.float64]


class Stretch(NamedTuple):
    """Tokens of which those from `start` on are scored, given all before them."""

    ids: NDArray[np.int64]
    start: int  # 1 or more: the first token has nothing before it


def log_probabilities(model: Any, stretches: Sequence[Stretch], batch_size: int, label: str) -> list[Floats]:
    """Natural log-probability of every scored token, in the order of the stretches.

    Args:
        model: a causal language model.
        stretches: any lengths; those of like length go through the model together, padded on the right.
        batch_size: how many at once, at most; fewer where their logits would take more than 256 MB.
        label: what is being done, for the progress shown.
    """
    found: list[Floats] = [np.empty(0)] * len(stretches)
    vocabulary, width = model.config.get_text_config().vocab_size, model.dtype.itemsize
    tokens = LOGITS_BYTES // (vocabulary * width)
    batches = list(_batches([len(stretch.ids) for stretch in stretches], batch_size, tokens))
    for batch in track(batches, label):
        for place, row in zip(batch, _score(model, [stretches[place] for place in batch]), strict=True):
            found[place] = row
    return found


def _batches(lengths: Sequence[int], size: int, tokens: int) -> Iterator[list[int]]:
    """Places by falling length, in groups of `size` at most and, if they are several, of `tokens` when padded."""
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        if batch and (len(batch) == size or (len(batch) + 1) * lengths[batch[0]] > tokens):
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


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
