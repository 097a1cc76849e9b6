"""What one candidate answers, and which of two answers it finds more probable."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import polars as pl

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.evaluation import details, exact_match, formats, preference
from arabic_llm_pipeline.evaluation.generation import Generated, generate
from arabic_llm_pipeline.evaluation.held_out import HeldOut, drawn
from arabic_llm_pipeline.evaluation.results import harness
from arabic_llm_pipeline.parameters.evaluate import EvaluateSettings
from arabic_llm_pipeline.tokens.chat import Renderer

log = logging.getLogger(__name__)
PAIR = "_pair"  # ends the kinds of details, which are about pairs
Scores = dict[str, Any]


@dataclass(frozen=True)
class Candidate:
    """A loaded model and how it is asked."""

    name: str
    model: Any
    tokenizer: Any
    formats: Sequence[str]  # those that are tried on development items
    quantization: str

    @property
    def context(self) -> int:
        """Tokens that the model can see at once."""
        return int(self.model.config.get_text_config().max_position_embeddings)


def evaluate_candidate(
    candidate: Candidate,
    asked: HeldOut,
    settings: EvaluateSettings,
    seed: int,
    reference: pl.DataFrame | None = None,
    seen: Collection[str] | None = None,
) -> tuple[Scores, pl.DataFrame, pl.DataFrame]:
    """Scores, the answer to every item, and the values behind the scores (kind, id, value).

    Args:
        candidate: what is measured.
        asked: on what.
        settings: how.
        seed: of the examples in prompts and of the bootstrap.
        reference: details of the candidate that a preference stage started from, for implicit rewards.
        seen: ids of items that stand in what was trained on; pairs are not looked for there.

    Raises:
        UserError: the window is longer than the model can see.
    """
    _check_window(candidate, settings)
    renderer = Renderer(candidate.tokenizer)
    chosen, tried = _choose_format(candidate, renderer, asked, settings, seed)
    answers, shown = _answered(candidate, renderer, asked.items, asked, settings, seed, chosen)
    pairs = preference.measure(candidate.model, renderer, asked.pairs, settings)
    before = None if reference is None or not len(pairs) else details.wide(reference, PAIR)
    resamples = settings.resamples
    scores = {
        "candidate": candidate.name,
        "quantization": candidate.quantization,
        "format": chosen,
        "formats_dev": tried,
        "seed": seed,
        "shots": formats.SHOTS.get(chosen, 0),
        "prompts": formats.digest(shown),
        "accuracy": exact_match.rows(answers, asked.unanswerable, seen),
        "accuracy_by_dialect": exact_match.dialect_rows(answers, seen),
        "preference": {
            **preference.scores(pairs, before, resamples, seed),
            "prompts": formats.digest(renderer.prompts(asked.pairs["prompt"].to_list())),
            "by_dialect": preference.dialect_rows(pairs, before, asked.pairs, resamples, seed),
        },
        "stopped": answers["stopped"].mean(),
        "settings": settings.model_dump(mode="json"),
        "harness": harness(),
    }
    return scores, answers, details.long([pairs], [PAIR])


def _choose_format(
    candidate: Candidate, renderer: Renderer, asked: HeldOut, settings: EvaluateSettings, seed: int
) -> tuple[str, dict[str, float]]:
    """The format in which most development items are answered right, and that share for all that were tried."""
    sample = drawn(asked.dev.lazy(), "family", settings.dev_items, seed) if settings.dev_items else asked.dev.clear()
    if not len(sample):
        if len(candidate.formats) > 1:
            log.warning(
                "No development items to choose a format on: %s is asked in %s.", candidate.name, candidate.formats[0]
            )
        return candidate.formats[0], {}
    ask = partial(_answered, candidate, renderer, sample, asked, settings, seed)
    tried = {name: float(ask(name)[0]["strict"].mean()) for name in candidate.formats}  # type: ignore[arg-type]
    return max(tried, key=lambda name: tried[name]), tried


def _answered(
    candidate: Candidate,
    renderer: Renderer,
    items: pl.DataFrame,
    asked: HeldOut,
    settings: EvaluateSettings,
    seed: int,
    name: str,
) -> tuple[pl.DataFrame, list[Any]]:
    """Answers to items in one format, judged, and the prompts as the model saw them."""
    prompts = formats.prompts(name, items, formats.examples(asked.dev, seed), renderer)
    room = candidate.context - settings.max_new_tokens
    if cut := sum(len(prompt) > room for prompt in prompts):
        log.warning("%d prompts are longer than %d tokens: their beginning is cut (%s).", cut, room, candidate.name)
    shown = [prompt[-room:] for prompt in prompts]
    found = _generate(candidate, renderer, shown, settings, name, items["id"].to_list())
    return exact_match.judged(items, [one.text for one in found], [one.stopped for one in found]), shown


def _generate(
    candidate: Candidate,
    renderer: Renderer,
    prompts: Sequence[Any],
    settings: EvaluateSettings,
    name: str,
    ids: list[str],
) -> list[Generated]:
    return generate(
        candidate.model,
        candidate.tokenizer,
        prompts,
        stop_ids=renderer.stop_ids,
        stop_at_line=formats.ends_at_line(name),
        max_new_tokens=settings.max_new_tokens,
        batch_size=settings.batch_size,
        label=f"Answers ({name.replace('_', ' ')})",
        names=[f"item {id_}" for id_ in ids],
    )


def _check_window(candidate: Candidate, settings: EvaluateSettings) -> None:
    if settings.window > candidate.context:
        raise UserError(
            f"evaluate.window is {settings.window} tokens, but {candidate.name} can see {candidate.context} at once: "
            f"set evaluate.window={candidate.context} or less."
        )
    if settings.max_new_tokens >= candidate.context:
        raise UserError(
            f"evaluate.max_new_tokens is {settings.max_new_tokens}, which leaves no room for a prompt in the "
            f"{candidate.context} tokens that {candidate.name} can see: lower it."
        )
