"""Does a model find the chosen of two answers more probable?"""

from typing import Any

import numpy as np
import polars as pl

from arabic_llm_pipeline.evaluation.likelihood import Stretch, log_probabilities
from arabic_llm_pipeline.evaluation.statistics import bootstrap, wilson
from arabic_llm_pipeline.parameters.evaluate import EvaluateSettings
from arabic_llm_pipeline.tokens.chat import Renderer
from arabic_llm_pipeline.tokens.encoder import Ids

ANSWERS = ("chosen", "rejected")
Scores = dict[str, Any]


def measure(model: Any, renderer: Renderer, pairs: pl.DataFrame, settings: EvaluateSettings) -> pl.DataFrame:
    """Log-probability of both answers to each prompt: id, then sum and tokens of each (`chosen_sum`, ...).

    Prompts are in the chat format, and an answer's end of turn is scored with it, as in training. What does not fit in
    the window is cut: the beginning of the prompt, then the end of the answer.

    Args:
        model: the candidate.
        renderer: of its tokenizer.
        pairs: id, prompt, chosen, rejected.
        settings: window, batch_size.
    """
    prompts = pairs["prompt"].to_list()
    begun = renderer.prompts(prompts)
    answers = [renderer.answers(prompts, pairs[name].to_list()) for name in ANSWERS]
    stretches = [_stretch(*both, settings.window) for ids in answers for both in zip(begun, ids, strict=True)]
    named = [f"pair {id_}" for id_ in pairs["id"]] * len(ANSWERS)
    scored = log_probabilities(model, stretches, settings.batch_size, "Pairs", named)
    sums, tokens = [float(found.sum()) for found in scored], [len(found) for found in scored]
    half = len(pairs)
    return pairs.select("id").with_columns(
        pl.Series("chosen_sum", sums[:half], pl.Float64),
        pl.Series("rejected_sum", sums[half:], pl.Float64),
        pl.Series("chosen_tokens", tokens[:half], pl.Int64),
        pl.Series("rejected_tokens", tokens[half:], pl.Int64),
    )


def scores(measured: pl.DataFrame, reference: pl.DataFrame | None, resamples: int, seed: int) -> Scores:
    """Accuracy by the sum, by the mean per token, and by implicit reward, with intervals; and the mean margins.

    `margin` is of the log-probabilities, `implicit_margin` of the log-ratios to the reference: the margin of implicit
    rewards over beta, in nats. The implicit reward of an answer is beta times the log-ratio of its probability to the
    reference's (Rafailov et al. 2023, equation 5); which of two is larger does not depend on beta. A tie counts as
    wrong.

    Args:
        measured: from `measure`.
        reference: the same of the model that training started from, where there is one to compare with.
        resamples: for the interval of the margin.
        seed: of the bootstrap.
    """
    wins = preferred(measured)
    ratios = _log_ratios(measured, reference) if reference is not None else None
    found: Scores = {"pairs": len(measured)}
    for name, won in (*wins.items(), ("implicit", None if ratios is None else ratios > 0)):
        right = None if won is None or not len(won) else int(won.sum())
        found[f"{name}_accuracy"] = None if right is None else right / len(measured)
        found[f"{name}_interval"] = None if right is None else wilson(right, len(measured))
    found |= _margin("margin", measured["chosen_sum"] - measured["rejected_sum"], resamples, seed)
    if ratios is not None and len(ratios):
        found |= _margin("implicit_margin", ratios, resamples, seed)
    return found if len(measured) else {**found, "why": "no held-out pairs"}


def dialect_rows(
    measured: pl.DataFrame, reference: pl.DataFrame | None, pairs: pl.DataFrame, resamples: int, seed: int
) -> list[Scores]:
    """The same by dialect of the pairs; arguments as of `scores`."""
    known = measured.join(pairs.select("id", "dialect"), on="id", how="left", maintain_order="left")
    parts = known.drop_nulls("dialect").sort("dialect", maintain_order=True).group_by("dialect", maintain_order=True)
    return [{"dialect": name, **scores(part, reference, resamples, seed)} for (name,), part in parts]


def preferred(measured: pl.DataFrame) -> dict[str, pl.Series]:
    """In which pairs the chosen answer is the more probable: by the sum of its tokens, and by their mean."""
    mean = {name: measured[f"{name}_sum"] / measured[f"{name}_tokens"] for name in ANSWERS}
    return {"sum": measured["chosen_sum"] > measured["rejected_sum"], "mean": mean["chosen"] > mean["rejected"]}


def _margin(name: str, margins: pl.Series, resamples: int, seed: int) -> Scores:
    interval = bootstrap(margins.to_list(), [1.0] * len(margins), resamples, seed)
    return {f"{name}_mean": margins.mean(), f"{name}_interval": interval}


def _log_ratios(measured: pl.DataFrame, reference: pl.DataFrame) -> pl.Series:
    """Of chosen over rejected, candidate against reference."""
    both = measured.join(reference, on="id", how="left", suffix="_reference", maintain_order="left")
    ratio = {name: both[f"{name}_sum"] - both[f"{name}_sum_reference"] for name in ANSWERS}
    return ratio["chosen"] - ratio["rejected"]


def _stretch(prompt: Ids, answer: Ids, window: int) -> Stretch:
    """Prompt and answer within the window; of the prompt one token is left at least, to predict the answer from."""
    answer = answer[: window - 1]
    kept = prompt[-(window - len(answer)) :]
    return Stretch(np.concatenate([kept, answer]).astype(np.int64), len(kept))
