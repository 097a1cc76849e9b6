"""Judges: a model in a directory by the likelihood of its verdict, a reward model, or one behind an address."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from arabic_llm_pipeline.arabic import alphabet
from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.corpus.records import message
from arabic_llm_pipeline.evaluation.judging.address import ask
from arabic_llm_pipeline.evaluation.likelihood import Stretch, log_probabilities
from arabic_llm_pipeline.evaluation.reward import rewards
from arabic_llm_pipeline.parameters.judge import JudgeSettings
from arabic_llm_pipeline.parameters.model import ModelSettings
from arabic_llm_pipeline.tokens.chat import Renderer
from arabic_llm_pipeline.tokens.tokenizer import load_tokenizer

LETTERS = (alphabet.ALEF_HAMZA_ABOVE, "\N{ARABIC LETTER BEH}")  # of the first answer, of the second
READ = ({LETTERS[0], alphabet.ALEF, "A", "a"}, {LETTERS[1], "B", "b"})  # what counts as one of them
Verdicts = list[float | None]


class Duel(NamedTuple):
    """A conversation and two answers to it, in the order in which the judge reads them."""

    prompt: Sequence[dict[str, str]]
    first: str
    second: str


class Judge(Protocol):
    """Whoever says which of two answers is better."""

    name: str

    def verdicts(self, duels: Sequence[Duel]) -> Verdicts:
        """1: the first answer is better; 0: the second; between: how sure; None: no verdict could be read."""


def judge(settings: JudgeSettings, model: ModelSettings, base: dict[str, Any], tokenizer: Path) -> "Judge | None":
    """The declared one; None where none is.

    Args:
        settings: who it is.
        model: how a judge in a directory is held.
        base: pointer to the base, which a reward model may stand on.
        tokenizer: of the candidates, which a reward model shares.

    Raises:
        UserError: its directory holds no model.
    """
    from arabic_llm_pipeline.training.models import is_reward, is_whole

    if settings.address:
        return Addressed(settings)
    if not settings.directory:
        return None
    directory = Path(settings.directory).expanduser()
    if directory.is_dir() and is_reward(directory):
        return Rewarding(directory, settings, model, base, tokenizer)
    if not directory.is_dir() or not is_whole(directory):
        raise UserError(
            f"judge.directory={settings.directory} holds no model: there must be config.json and model.safetensors, as "
            "`kedro run --pipelines=export` leaves them, or a reward model of the recipe sft_reward."
        )
    return Reading(directory, settings, model)


class Reading:
    """A model with a chat template, by how likely it makes each of the two letters as its whole answer."""

    def __init__(self, directory: Path, settings: JudgeSettings, model: ModelSettings):
        """Load it."""
        from arabic_llm_pipeline.training.models import load_whole

        self.name, self.settings = str(settings.directory), settings
        self.renderer = Renderer(load_tokenizer(directory))
        self.model = load_whole(directory, model).eval()

    def verdicts(self, duels: Sequence[Duel]) -> Verdicts:
        """The probability of the first letter against the second."""
        asked = [[message("user", told(duel, self.settings.template))] for duel in duels]
        begun, found = self.renderer.prompts(asked), []
        room = self.model.config.get_text_config().max_position_embeddings
        for letter in LETTERS:
            ends = self.renderer.answers(asked, [letter] * len(asked))
            stretches = [_stretch(prompt, end, room) for prompt, end in zip(begun, ends, strict=True)]
            logs = log_probabilities(self.model, stretches, self.settings.batch_size, "judge")
            found.append(np.array([row.sum() for row in logs]))
        return list(_sure(found[0] - found[1]))


class Rewarding:
    """A reward model: how sure it is that the first answer is the better one (Bradley and Terry 1952)."""

    def __init__(
        self, directory: Path, settings: JudgeSettings, model: ModelSettings, base: dict[str, Any], tokenizer: Path
    ):
        """Load it."""
        from arabic_llm_pipeline.training.rewards import load_scorer

        self.name, self.batch = str(settings.directory), settings.batch_size
        self.renderer = Renderer(load_tokenizer(tokenizer))
        self.scorer = load_scorer(directory, tokenizer, model, base)

    def verdicts(self, duels: Sequence[Duel]) -> Verdicts:
        """Sigmoid of the difference of the rewards."""
        prompts = [list(duel.prompt) for duel in duels]
        begun = self.renderer.prompts(prompts)
        found, names = [], [f"pair {place + 1}" for place in range(len(duels))]
        for answers in ([duel.first for duel in duels], [duel.second for duel in duels]):
            ends = self.renderer.answers(prompts, answers)
            rows = [np.concatenate(both) for both in zip(begun, ends, strict=True)]
            found.append(rewards(self.scorer, rows, names, self.batch, "judge"))
        return list(_sure(found[0] - found[1]))


class Addressed:
    """A model behind an OpenAI-compatible address, by the letter that it writes."""

    def __init__(self, settings: JudgeSettings):
        """Say where it is; nothing is sent yet."""
        self.name, self.settings = f"{settings.name} at {settings.address}", settings

    def verdicts(self, duels: Sequence[Duel]) -> Verdicts:
        """One request a duel."""
        return [read(ask(told(duel, self.settings.template), self.settings)) for duel in duels]


def told(duel: Duel, template: str) -> str:
    """The question to the judge."""
    question = "\n".join(turn["content"] for turn in duel.prompt)
    parts = {"{question}": question, "{first}": duel.first, "{second}": duel.second}
    return re.sub(r"\{(?:question|first|second)\}", lambda found: parts[found[0]], template)


def read(answer: str) -> float | None:
    """1 where an answer is the first letter, 0 where the second; None where it is neither, or may be both."""
    words = re.findall(r"\w+", answer)
    found = [place for word in words for place in (0, 1) if word in READ[place]]
    if not found or (len(set(found)) > 1 and words[0] not in READ[found[0]]):
        return None
    return 1.0 - found[0]


def _stretch(prompt: Any, end: Any, room: int) -> Stretch:
    kept = prompt[-(room - len(end)) :].astype(np.int64)
    return Stretch(np.concatenate([kept, end.astype(np.int64)]), len(kept))


def _sure(difference: Any) -> Any:
    return (1 / (1 + np.exp(-np.clip(difference, -60, 60)))).tolist()
