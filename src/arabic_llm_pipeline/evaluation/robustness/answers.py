"""What a candidate answers under every noise: written, or chosen by likelihood. Equal prompts are asked once."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from arabic_llm_pipeline.evaluation import formats
from arabic_llm_pipeline.evaluation.candidate import Candidate
from arabic_llm_pipeline.evaluation.choices import scoring
from arabic_llm_pipeline.evaluation.choices.asking import QUESTION_ANSWER, Asked, Asking, chosen_examples
from arabic_llm_pipeline.evaluation.generation import Generated, generate
from arabic_llm_pipeline.evaluation.writing.prompts import shown
from arabic_llm_pipeline.parameters.robustness import RobustnessSettings
from arabic_llm_pipeline.tokens.chat import Renderer

Ids = NDArray[Any]
T = TypeVar("T")


class Answered(NamedTuple):
    """Of each item: what was written or chosen, the prompt's tokens, and whether something of it was cut."""

    texts: list[str]
    prompts: list[Ids]
    cut: list[bool]


class Asker:
    """A candidate that is asked in one format."""

    def __init__(self, candidate: Candidate, name: str, dev: pl.DataFrame, settings: RobustnessSettings, seed: int):
        """Take what stays the same for all noises.

        Args:
            candidate: who is asked.
            name: of the format.
            dev: development items, answered in the same way, of which examples are shown, without noise.
            settings: lengths and batches.
            seed: of the order of the examples.
        """
        self.candidate, self.name, self.dev, self.settings, self.seed = candidate, name, dev, settings, seed
        self.renderer = Renderer(candidate.tokenizer)

    def written(self, items: pl.DataFrame) -> Answered:
        """Greedy answers. Of a prompt that is too long the passage loses its end, then the whole its beginning."""
        room = self.candidate.context - self.settings.max_new_tokens
        prompts = shown(self.name, items, formats.examples(self.dev, self.seed), self.renderer, room)
        names = [f"item {id_}" for id_ in items["id"]]

        def ask(places: list[int]) -> list[Generated]:
            return generate(
                self.candidate.model,
                self.candidate.tokenizer,
                [prompts.ids[place] for place in places],
                stop_ids=self.renderer.stop_ids,
                stop_at_line=formats.ends_at_line(self.name),
                max_new_tokens=self.settings.max_new_tokens,
                batch_size=self.settings.batch_size,
                label=f"Answers with noise ({self.candidate.name})",
                names=[names[place] for place in places],
            )

        found = _each_once([ids.tobytes() for ids in prompts.ids], ask)
        return Answered([one.text for one in found], prompts.ids, prompts.cut)

    def chosen(self, items: pl.DataFrame) -> Answered:
        """The choices that are the most probable per character, as lm-evaluation-harness's acc_norm has it.

        A prompt that is too long loses its beginning.
        """
        rows = items.to_dicts()
        asked, names = self._asked(rows), [f"item {row['id']}" for row in rows]

        def ask(places: list[int]) -> list[tuple[Any, list[int], bool]]:
            label, once = f"Choices with noise ({self.candidate.name})", [asked[place] for place in places]
            called = [names[place] for place in places]
            found = scoring.likelihoods(self.candidate, once, self.settings.batch_size, label, called)
            return list(zip(*found, strict=True))

        found = _each_once([_key(one) for one in asked], ask)
        texts = [_likeliest(row["choices"], *of_one[:2]) for row, of_one in zip(rows, found, strict=True)]
        return Answered(texts, [one.context for one in asked], [cut for *_, cut in found])

    def _asked(self, rows: Sequence[dict[str, Any]]) -> list[Asked]:
        """Prompts as they stand, and the choices after them: what has noise is the prompt, not the bare question."""
        shots = formats.SHOTS.get(self.name, 0)
        asking = Asking(QUESTION_ANSWER if shots else self.name, "answers", "arabic", self.renderer)
        pool = [_as_it_stands(row) for row in self.dev.to_dicts()]
        whole = [_as_it_stands(row) for row in rows]
        return asking.asked(whole, chosen_examples(pool, whole, shots, self.seed))


def _as_it_stands(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"question": None}


def _likeliest(choices: list[str], totals: Any, tokens: list[int]) -> str:
    row: dict[str, Any] = {"choices": choices, "log_probabilities": totals, "tokens": tokens}
    return choices[int(np.argmax(scoring.scores(row, "characters")))]


def _key(asked: Asked) -> tuple[bytes, ...]:
    return tuple(np.asarray(ids, np.int64).tobytes() for ids in (asked.context, *asked.choices))


def _each_once(keys: Sequence[Hashable], ask: Callable[[list[int]], list[T]]) -> list[T]:
    """What is found for each key, asked for the first of equal ones alone."""
    first = {key: place for place, key in reversed(list(enumerate(keys)))}
    places = sorted(first.values())
    found = dict(zip(places, ask(places), strict=True)) if places else {}
    return [found[first[key]] for key in keys]
