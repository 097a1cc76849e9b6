"""What a candidate answers under every noise: written, or chosen by likelihood. Equal prompts are asked once."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from arabic_llm_pipeline.evaluation import formats
from arabic_llm_pipeline.evaluation.candidate import Candidate
from arabic_llm_pipeline.evaluation.generation import Generated, generate
from arabic_llm_pipeline.evaluation.likelihood import Stretch, log_probabilities
from arabic_llm_pipeline.parameters.robustness import RobustnessSettings
from arabic_llm_pipeline.tokens.chat import Renderer

Ids = NDArray[Any]
T = TypeVar("T")


class Asker:
    """A candidate that is asked in one format."""

    def __init__(self, candidate: Candidate, name: str, dev: pl.DataFrame, settings: RobustnessSettings, seed: int):
        """Take what stays the same for all noises.

        Args:
            candidate: who is asked.
            name: of the format.
            dev: development items, of which examples are shown, without noise.
            settings: lengths and batches.
            seed: of the order of the examples.
        """
        self.candidate, self.name, self.settings = candidate, name, settings
        self.renderer, self.examples = Renderer(candidate.tokenizer), formats.examples(dev, seed)

    def prompts(self, items: pl.DataFrame) -> list[Ids]:
        """Token ids of what comes before the answer to each item, cut at its beginning to what the model can see."""
        room = self.candidate.context - self.settings.max_new_tokens
        return [ids[-room:] for ids in formats.prompts(self.name, items, self.examples, self.renderer)]

    def written(self, prompts: Sequence[Ids], names: Sequence[str]) -> list[Generated]:
        """Greedy answers.

        Args:
            prompts: from `prompts`.
            names: of their items.
        """

        def ask(places: list[int]) -> list[Generated]:
            return generate(
                self.candidate.model,
                self.candidate.tokenizer,
                [prompts[place] for place in places],
                stop_ids=self.renderer.stop_ids,
                stop_at_line=formats.ends_at_line(self.name),
                max_new_tokens=self.settings.max_new_tokens,
                batch_size=self.settings.batch_size,
                label=f"Answers with noise ({self.candidate.name})",
                names=[f"item {names[place]}" for place in places],
            )

        return _each_once([ids.tobytes() for ids in prompts], ask)

    def chosen(self, items: pl.DataFrame, prompts: Sequence[Ids]) -> list[int]:
        """Places of the choices that are the most probable per character, of each item.

        The log-probability of a choice over its characters is what lm-evaluation-harness calls acc_norm.
        """
        rows = list(zip(prompts, items["prompt"].to_list(), items["choices"].to_list(), strict=True))
        stretches = [one for row in rows for one in self._stretches(*row)]
        owners = [id_ for id_, choices in zip(items["id"], items["choices"], strict=True) for _ in choices]

        def ask(places: list[int]) -> list[float]:
            found = log_probabilities(
                self.candidate.model,
                [stretches[place] for place in places],
                self.settings.batch_size,
                f"Choices with noise ({self.candidate.name})",
                [f"item {owners[place]}" for place in places],
            )
            return [float(one.sum()) for one in found]

        sums = iter(_each_once([(one.ids.tobytes(), one.start) for one in stretches], ask))
        return [int(np.argmax([next(sums) / max(len(choice), 1) for choice in choices])) for _, _, choices in rows]

    def _stretches(self, prompt: Ids, said: Any, choices: Sequence[str]) -> list[Stretch]:
        """A choice after the prompt, and what ends it in the format."""
        if self.name == formats.CHAT:
            answers = self.renderer.answers([said] * len(choices), list(choices))
        else:
            blank = "" if self.name == formats.BARE else " "
            texts = self.renderer.prose([f"{blank}{choice}\n" for choice in choices])
            answers = [ids[mask.astype(bool)][:-1] for ids, mask in texts]  # without the marks of a text's ends
        room = self.candidate.context
        kept = [prompt[-(room - len(answer)) :] for answer in answers]
        pairs = zip(kept, answers, strict=True)
        return [Stretch(np.concatenate([begun, answer]).astype(np.int64), len(begun)) for begun, answer in pairs]


def _each_once(keys: Sequence[Hashable], ask: Callable[[list[int]], list[T]]) -> list[T]:
    """What is found for each key, asked for the first of equal ones alone."""
    first = {key: place for place, key in reversed(list(enumerate(keys)))}
    places = sorted(first.values())
    found = dict(zip(places, ask(places), strict=True)) if places else {}
    return [found[first[key]] for key in keys]
