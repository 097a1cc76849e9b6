"""How likely a model finds each choice, and which one that makes its own."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from arabic_llm_pipeline.evaluation.candidate import Candidate
from arabic_llm_pipeline.evaluation.choices.asking import Asked
from arabic_llm_pipeline.evaluation.likelihood import (
    Next,
    Stretch,
    log_probabilities,
    next_log_probabilities,
)

Floats = NDArray[np.float64]
SUM, CONTEXTUAL = "sum", "contextual"
SUFFIXES = {  # of a metric's name, as lm-eval has them
    SUM: "", "characters": "_norm", "bytes": "_bytes", "tokens": "_tokens", "unconditional": "_mutual_info",
    CONTEXTUAL: "_calibrated",
}  # fmt: skip


class Likelihoods(NamedTuple):
    """Of each item: log-probability (natural) and tokens of each choice, and whether its prompt was cut."""

    totals: list[Floats]
    tokens: list[list[int]]
    cut: list[bool]


def likelihoods(
    candidate: Candidate, asked: Sequence[Asked], batch_size: int, label: str, names: Sequence[str]
) -> Likelihoods:
    """Score all choices of all items; where each is one token, one pass of the prompt does for all of them.

    What is longer than the model can see loses its beginning.

    Args:
        candidate: the model.
        asked: the items.
        batch_size: sequences at once, at most.
        label: what is being done, for the progress shown.
        names: of the items, for errors.
    """
    single = [place for place, one in enumerate(asked) if all(len(choice) == 1 for choice in one.choices)]
    window, totals = candidate.context, [np.empty(0)] * len(asked)
    contexts = [
        Next(_ids(asked[place].context, window), np.concatenate(asked[place].choices).astype(np.int64))
        for place in single
    ]
    found = next_log_probabilities(candidate.model, contexts, batch_size, label, [names[place] for place in single])
    for place, row in zip(single, found, strict=True):
        totals[place] = row
    others = sorted(set(range(len(asked))) - set(single))
    stretches = [_stretch(asked[place].context, choice, window) for place in others for choice in asked[place].choices]
    called = [names[place] for place in others for _ in asked[place].choices]
    scored = iter(log_probabilities(candidate.model, stretches, batch_size, label, called))
    for place in others:
        totals[place] = np.array([next(scored).sum() for _ in asked[place].choices])
    cut = [len(one.context) + max(map(len, one.choices)) - 1 > window for one in asked]
    return Likelihoods(totals, [[len(choice) for choice in one.choices] for one in asked], cut)


def scores(row: dict[str, list[float]], rule: str) -> Floats:
    """What a rule makes of the log-probabilities of an item's choices: the largest is the model's choice.

    Args:
        row: choices, log_probabilities, tokens, unconditional, calibrated, of one item.
        rule: sum; characters, bytes, tokens: divided by the choice's length; unconditional: less the log-probability of
            the choice where nothing is asked (pointwise mutual information, Holtzman et al. 2021); contextual:
            calibrated (Zhao et al. 2021).
    """
    totals = np.array(row["log_probabilities"], np.float64)
    if rule == "unconditional":
        return totals - np.array(row["unconditional"], np.float64)
    if rule == CONTEXTUAL:
        return np.log(np.maximum(np.array(row["calibrated"], np.float64), np.finfo(np.float64).tiny))
    return totals / _lengths(row, rule)


def _lengths(row: dict[str, list[float]], rule: str) -> Floats:
    texts = [str(choice) for choice in row["choices"]]
    sizes = {
        "characters": [len(text) for text in texts],
        "bytes": [len(text.encode()) for text in texts],
        "tokens": row["tokens"],
    }
    return np.maximum(np.array(sizes.get(rule, [1] * len(texts)), np.float64), 1)


def probabilities(found: Floats) -> Floats:
    """The choices' shares of the probability that they have together."""
    weights = np.exp(found - found.max())
    shares: Floats = weights / weights.sum()
    return shares


def calibrated(totals: Floats, content_free: Sequence[Floats]) -> list[float]:
    """Probabilities of labels over those that they have where the text says nothing (Zhao et al. 2021, section 5).

    Their W is diagonal, the inverse of the mean probabilities of the content-free texts, and b is 0.
    """
    liking = np.mean([probabilities(one) for one in content_free], axis=0)
    weighted = probabilities(totals) / liking
    return [float(part) for part in weighted / weighted.sum()]


def decided(answers: pl.DataFrame, rule: str) -> pl.DataFrame:
    """The model's choice in each row of answers by a rule: columns chosen, confidence, gold_probability, right, brier.

    Of equal choices the first counts, as in lm-eval. Brier's score is over all choices (Brier 1950).
    """
    found = []
    for row in answers.select(
        "choices", "label", "log_probabilities", "tokens", "unconditional", "calibrated"
    ).to_dicts():
        by = scores(row, rule)
        parts, label = probabilities(by), row["label"]
        gold = np.eye(len(parts))[label]
        chosen = int(np.argmax(by))
        found.append(
            (chosen, float(parts[chosen]), float(parts[label]), chosen == label, float(((parts - gold) ** 2).sum()))
        )
    schema = {"chosen": pl.Int64, "confidence": pl.Float64, "gold_probability": pl.Float64, "right": pl.Boolean,
              "brier": pl.Float64}  # fmt: skip
    return answers.hstack(pl.DataFrame(found, schema=schema, orient="row"))


def _ids(context: NDArray[np.int64], room: int) -> NDArray[np.int64]:
    return context[-room:].astype(np.int64)


def _stretch(context: NDArray[np.int64], choice: NDArray[np.int64], window: int) -> Stretch:
    """One token of the prompt is left at least, to predict the choice from; the last of all is not read."""
    choice = choice[:window]
    kept = _ids(context, window + 1 - len(choice))
    return Stretch(np.concatenate([kept, choice]).astype(np.int64), len(kept))
