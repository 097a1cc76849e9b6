"""Log-probabilities that a model gives to tokens."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.evaluation.portions import in_portions

LOGITS_BYTES = 256 << 20  # of one batch: vocabularies of 150,000 make logits larger than the model
Floats = NDArray[np.float64]
T = TypeVar("T")


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
    return _in_batches(model, stretches, [len(one.ids) - 1 for one in stretches], _score, batch_size, label, names)


class Next(NamedTuple):
    """Tokens of which each is scored as the one that comes after `ids`."""

    ids: NDArray[np.int64]
    tokens: NDArray[np.int64]


def next_log_probabilities(
    model: Any, contexts: Sequence[Next], batch_size: int, label: str, names: Sequence[str] | None = None
) -> list[Floats]:
    """Natural log-probability of each token that could come next: one pass for all of them.

    Arguments and errors are those of `log_probabilities`.
    """
    return _in_batches(model, contexts, [len(one.ids) for one in contexts], _score_next, batch_size, label, names)


def _in_batches(
    model: Any,
    asked: Sequence[T],
    widths: Sequence[int],
    score: Callable[[Any, list[T]], list[Floats]],
    batch_size: int,
    label: str,
    names: Sequence[str] | None,
) -> list[Floats]:
    vocabulary, width = model.config.get_text_config().vocab_size, model.dtype.itemsize

    def work(batch: list[int]) -> list[Floats]:
        scored = score(model, [asked[place] for place in batch])
        for place, row in zip(batch, scored, strict=True):
            if np.isnan(row).any():
                raise not_a_number(model, label, names[place] if names else f"sequence {place + 1}")
        return scored

    tokens = LOGITS_BYTES // (vocabulary * width)
    return in_portions(model, widths, work, size=batch_size, kind="likelihood", label=label, tokens=tokens)


def not_a_number(model: Any, label: str, item: str, what: str = "logits") -> UserError:
    """What is said of a model whose logits, or rewards, are no numbers."""
    who = getattr(model, "candidate", None) or "the model"
    return UserError(
        f"{label}: the {what} of {who} for {item} are not a number (NaN). Its weights are damaged, its training ran "
        "away, or float16 overflows: try model.compute_dtype=float32, and look at the loss of its training."
    )


def _score(model: Any, stretches: Sequence[Stretch]) -> list[Floats]:
    import torch

    with torch.inference_mode():
        read = [
            stretch.ids[: max(1, len(stretch.ids) - 1)] for stretch in stretches
        ]  # what comes after all is not asked
        logits = _logits(model, read)
        return [_right(logits[row], stretch) for row, stretch in enumerate(stretches)]


def _score_next(model: Any, contexts: Sequence[Next]) -> list[Floats]:
    import torch

    with torch.inference_mode():
        logits = _logits(model, [context.ids for context in contexts])
        last = [len(context.ids) - 1 for context in contexts]
        found = logits[torch.arange(len(contexts)), last].float().log_softmax(1).double().cpu().numpy()
    return [row[context.tokens] for row, context in zip(found, contexts, strict=True)]


def _logits(model: Any, sequences: Sequence[NDArray[np.int64]]) -> Any:
    """Of sequences, padded on the right."""
    import torch

    ids = torch.zeros(len(sequences), max(map(len, sequences)), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = torch.from_numpy(sequence.astype(np.int64))
        mask[row, : len(sequence)] = 1
    return model(input_ids=ids.to(model.device), attention_mask=mask.to(model.device), use_cache=False).logits


def _right(logits: Any, stretch: Stretch) -> Floats:
    """Of one row at a time: all of them in float32 would take twice the memory."""
    import torch

    predicted = logits[stretch.start - 1 : len(stretch.ids) - 1].float()
    wanted = torch.from_numpy(stretch.ids[stretch.start :].astype(np.int64)).to(predicted.device)
    right = predicted.gather(1, wanted[:, None])[:, 0]
    found: Floats = (right - predicted.logsumexp(1)).double().cpu().numpy()
    return found
