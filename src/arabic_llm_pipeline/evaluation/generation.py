"""Answers, many at once: greedy for what is measured, drawn where it is asked for."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from arabic_llm_pipeline.evaluation.likelihood import not_a_number
from arabic_llm_pipeline.evaluation.portions import in_portions

GREEDY = {"do_sample": False}


class Generated(NamedTuple):
    """What a model wrote."""

    text: str
    stopped: bool  # it ended by itself, and was not cut


def generate(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[NDArray[Any]],
    *,
    stop_ids: Sequence[int],
    stop_at_line: bool,
    max_new_tokens: int,
    batch_size: int,
    label: str,
    names: Sequence[str] | None = None,
    sampling: Mapping[str, Any] = GREEDY,
) -> list[Generated]:
    """The most probable continuation, token by token, of each prompt, in the order of the prompts.

    Prompts of like length go together, padded on the left; what a prompt gets does not depend on who is beside it, but
    for the last bits of the logits.

    Args:
        model: the candidate.
        tokenizer: with a padding token.
        prompts: token ids of each.
        stop_ids: tokens that end an answer.
        stop_at_line: the end of a line that is not empty ends an answer, too.
        max_new_tokens: after which it is cut.
        batch_size: prompts at once, at most; fewer where memory runs out.
        label: what is being done, for the progress shown.
        names: of the prompts, for the error.
        sampling: as transformers' GenerationConfig has it, where it is not to be the most probable one.

    Raises:
        UserError: the model gives no numbers (NaN) for one of them, or memory runs out with one alone.
    """
    lines = _LineEnds(tokenizer, model.device) if stop_at_line else None

    def work(batch: list[int]) -> list[Generated]:
        called = [names[place] if names else f"prompt {place + 1}" for place in batch]
        with numbers(model, label, called):
            part = [prompts[place] for place in batch]
            new = _continue(model, tokenizer, part, stop_ids, lines, max_new_tokens, sampling)
        return [_generated(tokenizer, ids, stop_ids, lines) for ids in new]

    widths = [len(prompt) + max_new_tokens for prompt in prompts]
    return in_portions(model, widths, work, size=batch_size, kind="generation", label=label)


class NotANumberError(Exception):
    """The logits of a row of a batch are no numbers."""

    def __init__(self, row: int):
        super().__init__(f"row {row}")
        self.row = row


@contextmanager
def numbers(model: Any, label: str, names: Sequence[str]) -> Iterator[None]:
    """Within it, a row whose logits are no numbers is an error that says which model and which of `names` it is."""
    try:
        yield
    except NotANumberError as error:
        raise not_a_number(model, label, names[error.row]) from None


def answered(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[NDArray[Any]],
    stop_ids: Sequence[int],
    *,
    max_new_tokens: int,
    sampling: Mapping[str, Any],
) -> list[Generated]:
    """What a model writes after each of a few prompts, all at once, in their order; arguments as of `written`."""
    new = written(model, tokenizer, prompts, stop_ids, max_new_tokens=max_new_tokens, sampling=sampling)
    return [_generated(tokenizer, ids, stop_ids, None) for ids in new]


def written(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[NDArray[Any]],
    stop_ids: Sequence[int],
    *,
    max_new_tokens: int,
    sampling: Mapping[str, Any],
) -> list[NDArray[np.int64]]:
    """The tokens that a model writes after each of a few prompts, with the one that ended them if one did.

    Args:
        model: any causal model.
        tokenizer: with a padding token.
        prompts: token ids of each.
        stop_ids: tokens that end an answer.
        max_new_tokens: after which it is cut.
        sampling: as transformers' GenerationConfig has it.
    """
    with numbers(model, "Answers", [f"prompt {place + 1}" for place in range(len(prompts))]):
        new = _continue(model, tokenizer, prompts, stop_ids, None, max_new_tokens, sampling)
    ends = [np.flatnonzero(np.isin(ids, stop_ids)) for ids in new]
    return [ids[: end[0] + 1] if len(end) else ids for ids, end in zip(new, ends, strict=True)]


def _continue(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[NDArray[Any]],
    stop_ids: Sequence[int],
    lines: Any,
    length: int,
    sampling: Mapping[str, Any] = GREEDY,
) -> NDArray[np.int64]:
    import torch
    from transformers import GenerationConfig

    width, pad = max(map(len, prompts)), tokenizer.pad_token_id
    ids = torch.full((len(prompts), width), pad, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, width - len(prompt) :] = torch.from_numpy(prompt.astype(np.int64))
        mask[row, width - len(prompt) :] = 1
    config = GenerationConfig(
        **sampling, max_new_tokens=length, eos_token_id=list(stop_ids), pad_token_id=pad, use_cache=True
    )
    model.generation_config = GenerationConfig()  # a base's own may ask for penalties, and would add to what is given
    stopping = [lines.after(width)] if lines else None
    with torch.inference_mode():
        whole = model.generate(
            input_ids=ids.to(model.device),
            attention_mask=mask.to(model.device),
            generation_config=config,
            stopping_criteria=stopping,
            logits_processor=[only_numbers],
        )
    new: NDArray[np.int64] = whole[:, width:].cpu().numpy()
    return new


def only_numbers(_ids: Any, scores: Any) -> Any:
    """As `generate` wants it: the logits as they are, if they are numbers; of others the largest is any."""
    wrong = scores.isnan().any(1)
    if wrong.any():
        raise NotANumberError(int(wrong.nonzero()[0]))
    return scores


def _generated(tokenizer: Any, ids: NDArray[np.int64], stop_ids: Sequence[int], lines: "_LineEnds | None") -> Generated:
    """One row, without what was put after its end to fill the batch."""
    ends = np.flatnonzero(np.isin(ids, stop_ids))
    if len(ends):
        return Generated(tokenizer.decode(ids[: ends[0]], skip_special_tokens=True), True)
    end = lines.end(ids) if lines else None
    return Generated(tokenizer.decode(ids[:end], skip_special_tokens=True), end is not None)


class _LineEnds:
    """Which tokens hold the end of a line, and which hold nothing to be seen."""

    def __init__(self, tokenizer: Any, device: Any):
        import torch

        texts = tokenizer.batch_decode([[token] for token in range(len(tokenizer))])
        self.breaks = torch.tensor(["\n" in text for text in texts], device=device)
        self.blank = torch.tensor([not text.strip() for text in texts], device=device)

    def after(self, width: int) -> Any:
        """As `generate` wants it: which rows have ended a line that is not empty, `width` tokens being the prompt."""

        def ended(ids: Any, _scores: Any, **_: Any) -> Any:
            return self._ends(ids[:, width:])[:, -1]

        return ended

    def end(self, ids: NDArray[np.int64]) -> int | None:
        """Tokens up to the first end of a line that is not empty, that end in them."""
        import torch

        places = torch.nonzero(self._ends(torch.from_numpy(ids)[None].to(self.breaks.device))[0])
        return int(places[0]) + 1 if len(places) else None

    def _ends(self, new: Any) -> Any:
        return self.breaks[new] & (~self.blank[new]).cumsum(1).bool()
