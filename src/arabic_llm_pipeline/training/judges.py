"""Who says which of a model's own answers is better: a rule, or a model that learned preferences."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.preference import OVERLAP
from arabic_llm_pipeline.tokens.columns import Array
from arabic_llm_pipeline.tokens.tokenizer import load_tokenizer
from arabic_llm_pipeline.training.job import Job

ORDERS, BETA = 6, 2  # of chrF: character n-grams up to six, recall twice as important
Scores = NDArray[np.float64]
Asked = tuple[Array, Array, Array]  # prompt, its chosen answer, the answer that is judged: token ids


def judge(job: Job, name: str, asked: Sequence[Asked], batch: int) -> Scores:
    """A score for each answer, higher is better.

    Args:
        job: of the stage, for its base and tokenizer.
        name: `overlap`, or the directory of an adapter.
        asked: what is judged.
        batch: answers in a forward pass.

    Raises:
        UserError: there is no such judge, or its adapter is of another base.
    """
    if name == OVERLAP:
        tokenizer = load_tokenizer(job.tokenizer)
        text = [
            tokenizer.batch_decode([each[place].tolist() for each in asked], skip_special_tokens=True)
            for place in (1, 2)
        ]
        return np.array([overlap(wanted, found) for wanted, found in zip(*text, strict=True)])
    directory = Path(name).expanduser()
    if not (directory / "adapter_config.json").is_file():
        raise UserError(f"dno.judge={name} is neither {OVERLAP} nor the directory of an adapter.")
    return _implicit_rewards(job, directory, asked, batch)


def overlap(wanted: str, found: str) -> float:
    """The chrF score (Popovic 2015, chrF2) of a text against the one that is wanted, 0 to 1; spaces do not count."""
    scores = []
    for order in range(1, ORDERS + 1):
        a, b = (_ngrams("".join(text.split()), order) for text in (wanted, found))
        if a and b:
            common = (a & b).total()
            precision, recall = common / b.total(), common / a.total()
            total = BETA**2 * precision + recall
            scores.append((1 + BETA**2) * precision * recall / total if total else 0.0)
    return sum(scores) / len(scores) if scores else 0.0


def _ngrams(text: str, order: int) -> Counter[str]:
    return Counter(text[place : place + order] for place in range(len(text) - order + 1))


def _implicit_rewards(job: Job, directory: Path, asked: Sequence[Asked], batch: int) -> Scores:
    """Log-probability of each answer by the adapter's model less that by the base."""
    import torch
    from trl.trainer.utils import add_fused_lm_head

    from arabic_llm_pipeline.training.models import load_candidate
    from arabic_llm_pipeline.training.trainers import score_only_what_is_learned

    model: Any = load_candidate(job.base, directory, job.model)
    score_only_what_is_learned()
    add_fused_lm_head(model.get_base_model())
    found = []
    with torch.no_grad():
        for start in range(0, len(asked), batch):
            part = asked[start : start + batch]
            with_adapter = _answer_logs(model, part)
            with model.disable_adapter():
                found += (with_adapter - _answer_logs(model, part)).tolist()
    return np.array(found)


def _answer_logs(model: Any, part: Sequence[Asked]) -> Any:
    """Log-probabilities of answers given their prompts; [rows]."""
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
