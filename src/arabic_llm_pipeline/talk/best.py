"""The best of several answers, as a judge has it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.evaluation.generation import Generated, written
from arabic_llm_pipeline.parameters.preference import OVERLAP
from arabic_llm_pipeline.talk.speaker import Place
from arabic_llm_pipeline.tokens.chat import Renderer

Ids = NDArray[np.int64]
Judge = Callable[[Sequence[tuple[Ids, Ids | None, Ids]]], NDArray[np.float64]]


class Chosen(NamedTuple):
    """The best of some answers."""

    answer: Generated
    score: float
    scores: list[float]  # of all, in the order in which they were drawn


@dataclass(frozen=True)
class BestOf:
    """Draws several answers, and keeps the one that a judge likes best."""

    count: int
    judge: Judge

    def answers(
        self, model: Any, tokenizer: Any, prompts: Sequence[Ids], *, max_new_tokens: int, sampling: Mapping[str, Any]
    ) -> list[Chosen]:
        """The best answer to each prompt, the earlier of equals; one that was cut only where none ended.

        Args:
            model: any causal model.
            tokenizer: its own.
            prompts: token ids of each.
            max_new_tokens: after which an answer is cut.
            sampling: as transformers' GenerationConfig has it.
        """
        renderer = Renderer(tokenizer)
        told: dict[str, Any] = {"max_new_tokens": max_new_tokens, "sampling": sampling}
        rounds = [written(model, tokenizer, prompts, renderer.stop_ids, **told) for _ in range(self.count)]
        drawn = list(zip(*rounds, strict=True))
        ended = [[_ended(ids, renderer) for ids in answers] for answers in drawn]
        asked = [
            (prompt, None, _as_learned(ids, whole, renderer.turn_end))
            for prompt, answers, ends in zip(prompts, drawn, ended, strict=True)
            for ids, whole in zip(answers, ends, strict=True)
        ]
        scores = np.split(self.judge(asked), len(prompts))
        return [_best(tokenizer, *each) for each in zip(drawn, ended, scores, strict=True)]


def best_of(count: int, name: str, place: Place, model: Any, batch: int) -> BestOf:
    """Draws answers of a loaded model.

    Args:
        count: answers to each prompt.
        name: of the judge: a rule, or a directory.
        place: where the model is.
        model: itself.
        batch: answers in a forward pass of the judge.

    Raises:
        UserError: there is no such judge, or it cannot judge this model.
    """
    from arabic_llm_pipeline.training import judges
    from arabic_llm_pipeline.training.models import is_whole

    if name == OVERLAP:
        raise UserError(
            f"The judge {OVERLAP} compares with an answer that is known, and there is none here. Name another: arabic, "
            "a stage that left a reward model (--judge=sft_reward), or a directory."
        )
    on_base = place.adapter is None or not is_whole(place.adapter)
    policy = judges.Policy(model, dict(place.pointer), place.settings, place.tokenizer, on_base)
    return BestOf(count, judges.ready(name, policy, batch))


def _ended(ids: Ids, renderer: Renderer) -> bool:
    return len(ids) > 0 and int(ids[-1]) in renderer.stop_ids


def _as_learned(ids: Ids, ended: bool, turn_end: int) -> Ids:
    """As a judge has read answers: whatever token ended this one, it is the one that ends a turn."""
    return np.append(ids[:-1], turn_end) if ended else ids


def _best(tokenizer: Any, drawn: Sequence[Ids], ended: Sequence[bool], scores: NDArray[np.float64]) -> Chosen:
    among = [place for place, whole in enumerate(ended) if whole] or range(len(drawn))
    best = max(among, key=lambda place: scores[place])
    text = tokenizer.decode(drawn[best][:-1] if ended[best] else drawn[best], skip_special_tokens=True)
    return Chosen(Generated(text, ended[best]), float(scores[best]), [float(score) for score in scores])
