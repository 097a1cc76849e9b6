"""The noises that items are asked with, and the items with noise in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from arabic_llm_pipeline.arabic.noise import Noise, Noised, noised
from arabic_llm_pipeline.parameters.robustness import RobustnessSettings

NOISE, KIND, WORST, MEAN = "noise", "kind", "worst", "mean_of_perturbations"  # what rows of scores are by
CLEAN = (NOISE, "0")
ROLE = "user"  # whose messages get noise: a system's do not come from people


@dataclass(frozen=True)
class Condition:
    """One noise; perturbations of one share differ in their number alone."""

    by: str
    group: str
    share: float
    kinds: Sequence[str]
    perturbation: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """Columns `by` and `group` of its scores."""
        return self.by, self.group


def conditions(settings: RobustnessSettings) -> list[Condition]:
    """All noises, none first. Perturbations after the first are by `WORST`, as are their scores together."""
    mixed = tuple(settings.mixture)
    found = [Condition(NOISE, f"{share:g}", share, mixed) for share in (0.0, *settings.levels)]
    found += [Condition(KIND, kind, settings.kinds_level, (kind,)) for kind in settings.kinds]
    share, first = settings.worst_level, 1 if settings.worst_level in settings.levels else 0
    if settings.worst_of > 1:
        numbers = range(first, settings.worst_of)
        found += [Condition(WORST, f"{share:g}", share, mixed, number) for number in numbers]
    return found


def perturbed(items: pl.DataFrame, condition: Condition, settings: RobustnessSettings, seed: int) -> pl.DataFrame:
    """The items with noise in what their users say; columns words, alterable and altered count it.

    Choices and passage stay as they are, wherever they stand in a prompt: a right answer is still among them.
    """
    how = Noise(tuple(condition.kinds), tuple(settings.regions), settings.latin)
    rows = items.select("id", "prompt", "choices", "passage").rows()
    places = [(row, turn) for row, (_, prompt, *_) in enumerate(rows) for turn in range(len(prompt))]
    said = [(row, turn) for row, turn in places if rows[row][1][turn]["role"] == ROLE]
    found = noised(
        [rows[row][1][turn]["content"] for row, turn in said],
        [f"{rows[row][0]}/{turn}/{condition.perturbation}" for row, turn in said],
        condition.share,
        seed,
        how,
        [[*(rows[row][2] or ()), *filter(None, [rows[row][3]])] for row, _ in said],
    )
    prompts = [[dict(message) for message in prompt] for _, prompt, *_ in rows]
    counts = [[0, 0, 0] for _ in rows]
    for (row, turn), one in zip(said, found, strict=True):
        prompts[row][turn]["content"] = one.text
        counts[row] = [old + new for old, new in zip(counts[row], _counts(one), strict=True)]
    return items.with_columns(
        pl.Series("prompt", prompts, items.schema["prompt"]), *_columns(("words", "alterable", "altered"), counts)
    )


def _counts(one: Noised) -> tuple[int, int, int]:
    return one.words, one.alterable, len(one.changes)


def _columns(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[pl.Series]:
    return [pl.Series(name, [row[place] for row in rows], pl.Int64) for place, name in enumerate(names)]
