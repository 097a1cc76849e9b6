"""Who says which of a model's own answers is better: a rule, a reward model, or a model that learned preferences."""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.files import read_json
from arabic_llm_pipeline.parameters.model import ModelSettings
from arabic_llm_pipeline.parameters.preference import OVERLAP, RULES
from arabic_llm_pipeline.tokens.chat import Renderer
from arabic_llm_pipeline.tokens.columns import Array
from arabic_llm_pipeline.tokens.tokenizer import load_tokenizer
from arabic_llm_pipeline.training import lent, models, rewards, rules
from arabic_llm_pipeline.training.base import Pointer

Scores = NDArray[np.float64]
Asked = tuple[Array, Array | None, Array]  # prompt, its chosen answer if it has one, the answer that is judged: ids
JUDGE, BEFORE = "judge", "before"  # adapters that are lent


@dataclass(frozen=True)
class Policy:
    """The model whose answers are judged, as it is in memory."""

    model: Any
    base: Pointer
    settings: ModelSettings
    tokenizer: Path
    on_base: bool  # the base with or without an adapter, so that others' adapters can be put on it


def judge(name: str, asked: Sequence[Asked], policy: Policy, batch: int) -> Scores:
    """A score for each answer, higher is better; arguments and errors as of `ready`."""
    return ready(name, policy, batch)(asked)


def ready(name: str, policy: Policy, batch: int) -> Callable[[Sequence[Asked]], Scores]:
    """A judge, to be asked as often as one likes; what has a base of its own is loaded once, and stays.

    Args:
        name: one of `RULES`, or the directory of a reward model or of an adapter that learned preferences.
        policy: who answers; a judge on the same base is put on it while it judges, and takes no base of its own.
        batch: answers in a forward pass.

    Raises:
        UserError: there is no such judge, it does not fit the policy, or what it was trained from is gone.
    """
    if name in RULES:
        return lambda asked: _by_rule(name, asked, policy)
    directory = Path(name).expanduser()
    if models.is_reward(directory):
        return _by_reward(directory, policy, batch)
    if not (directory / models.ADAPTER).is_file() and not models.is_whole(directory):
        known = ", ".join(RULES)
        raise UserError(f"{name} is no judge: no rule ({known}), and no directory of a reward model or an adapter.")
    return lambda asked: _implicit_rewards(directory, asked, policy, batch)


def _by_reward(directory: Path, policy: Policy, batch: int) -> Callable[[Sequence[Asked]], Scores]:
    rewards.check_tokens(directory, policy.tokenizer)
    if not (policy.on_base and rewards.shares_base(directory, policy.base, policy.settings)):
        alone = rewards.load_scorer(directory, policy.tokenizer, policy.settings)
        return lambda asked: alone.rewards(_rows(asked), batch)

    def lent_for_a_while(asked: Sequence[Asked]) -> Scores:
        with rewards.lent_scorer(policy.model, directory, policy.tokenizer) as scorer:
            return scorer.rewards(_rows(asked), batch)

    return lent_for_a_while


def _rows(asked: Sequence[Asked]) -> list[Array]:
    return [np.concatenate([prompt, answer]) for prompt, _, answer in asked]


def _by_rule(name: str, asked: Sequence[Asked], policy: Policy) -> Scores:
    tokenizer = load_tokenizer(policy.tokenizer)
    found = tokenizer.batch_decode([answer.tolist() for _, _, answer in asked], skip_special_tokens=True)
    if name != OVERLAP:
        end = Renderer(tokenizer).turn_end
        return np.array(rules.arabic(found, [bool(len(answer)) and answer[-1] == end for _, _, answer in asked]))
    if any(chosen is None for _, chosen, _ in asked):
        raise UserError(
            f"The judge {OVERLAP} compares with a chosen answer, and a prompt alone has none. Name another."
        )
    wanted = tokenizer.batch_decode(
        [chosen.tolist() for _, chosen, _ in asked if chosen is not None], skip_special_tokens=True
    )
    return np.array([rules.overlap(*both) for both in zip(wanted, found, strict=True)])


def trained_from(directory: Path) -> Path | None:
    """What the training of an adapter or a model began with; None for the base, and where nobody says so.

    It is looked for among the artifacts beside it, by the digests of its weights.

    Raises:
        UserError: it is gone.
    """
    about = directory / models.ABOUT
    wanted = read_json(about).get(models.FROM) if about.is_file() else None
    if not wanted:
        return None
    whole = directory.resolve()
    for place in sorted({*whole.parent.glob("*"), *whole.parent.parent.glob("*/*")}):
        sizes = [(place / name).stat().st_size if (place / name).is_file() else -1 for name in wanted]
        if sizes == [size for size, _ in wanted.values()] and models.weights_of(place) == wanted:
            return place
    digest = next(iter(wanted.values()))[1][:12]
    raise UserError(
        f"{directory} was trained from weights that are not beside it any more (sha256 {digest}): what it prefers is "
        "told only against them. Train that stage again, or let a reward model judge."
    )


def _implicit_rewards(directory: Path, asked: Sequence[Asked], policy: Policy, batch: int) -> Scores:
    """Log-probability of each answer by a model that learned preferences, less that by what it was trained from.

    Beta times that is DPO's reward (Rafailov et al. 2023, equation 5).
    """
    before = trained_from(directory)
    parts = {JUDGE: directory, **({BEFORE: before} if before else {})}
    together = [not models.is_whole(path) and _fits(path, policy) for path in parts.values()]
    if not (policy.on_base and all(together)):
        alone = [_alone(path, asked, policy, batch) for path in (directory, before)]
        return np.subtract(*alone)
    with lent.adapters(policy.model, parts) as guests:
        guests.use(JUDGE)
        after = _logs(guests.model, asked, batch)
        if before:
            guests.use(BEFORE)
        with nullcontext() if before else guests.model.disable_adapter():
            return after - _logs(guests.model, asked, batch)


def _fits(directory: Path, policy: Policy) -> bool:
    models.check_origin(directory, policy.base, policy.settings)
    return True


def _alone(directory: Path | None, asked: Sequence[Asked], policy: Policy, batch: int) -> Scores:
    """One model after the other, so that they are never in memory together."""
    found = _logs(models.load_candidate(policy.base, directory, policy.settings), asked, batch)
    gc.collect()
    return found


def _logs(model: Any, asked: Sequence[Asked], batch: int) -> Scores:
    """Log-probabilities of answers given their prompts; [rows]."""
    import torch

    inner, found = model.get_base_model() if hasattr(model, "peft_config") else model, []
    with torch.no_grad(), _tiled(inner):
        for start in range(0, len(asked), batch):
            found += _answer_logs(model, asked[start : start + batch]).tolist()
    return np.array(found)


@contextmanager
def _tiled(model: Any) -> Iterator[None]:
    """Have a model give log-probabilities in tiles, and afterwards its own forward pass again."""
    from trl.trainer.utils import add_fused_lm_head

    from arabic_llm_pipeline.training.trainers import score_only_what_is_learned

    before: Callable[..., Any] | None = vars(model).get("forward")
    score_only_what_is_learned()
    add_fused_lm_head(model)
    try:
        yield
    finally:
        del model.forward
        if before is not None:
            model.forward = before


def _answer_logs(model: Any, part: Sequence[Asked]) -> Any:
    """Of a batch; [rows]."""
    import torch

    from arabic_llm_pipeline.training.batches import IGNORED, PADDING

    rows = [np.concatenate([prompt, answer]).astype(np.int64) for prompt, _, answer in part]
    ids = np.full((len(rows), max(map(len, rows))), PADDING, dtype=np.int64)
    labels = np.full_like(ids, IGNORED)
    for place, (row, (prompt, _, _)) in enumerate(zip(rows, part, strict=True)):
        ids[place, : len(row)] = row
        labels[place, len(prompt) : len(row)] = row[len(prompt) :]
    told, scored = (torch.from_numpy(values).to(model.device) for values in (ids, labels))
    return model(input_ids=told, labels=scored, fused_lm_head=True).log_probs.sum(1)
