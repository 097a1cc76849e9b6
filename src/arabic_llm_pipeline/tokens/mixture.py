"""How often each row of a store is drawn: by weights of sources and dialects, evenly, and by the seed alone."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.training import Mixture
from arabic_llm_pipeline.tokens.columns import Array
from arabic_llm_pipeline.tokens.prompts import PairSplit
from arabic_llm_pipeline.tokens.store import Ints, TokenSplit

Weights = NDArray[np.float64]


class Draws:
    """Which of the chosen rows come in each pass."""

    def __init__(self, split: TokenSplit | PairSplit, chosen: Ints, mixture: Mixture, seed: int):
        """Weigh the rows.

        Raises:
            UserError: the mixture names a source that is not there, or leaves nothing.
        """
        split.select(sources=tuple(mixture.sources))
        self._sources, self._dialects, self._seed = split.sources[chosen], split.dialects[chosen], seed
        self.differ = bool(len(chosen)) and not mixture.even
        self._weights = np.ones(len(chosen))
        if self.differ:
            self._weights = row_weights(self._sources, self._dialects, mixture)

    def drawn(self, number: int) -> Ints:
        """Places among the chosen of what comes in a pass."""
        return draw(self._weights, self._seed, number) if self.differ else np.arange(len(self._weights))

    def about(self) -> dict[str, Any]:
        """Shares of the sources and dialects in what comes, and the rows that they come from."""
        tags = {"sources": self._sources, "dialects": self._dialects}
        return {tag: _shares(values, self._weights) for tag, values in tags.items()}


def _shares(values: Array, weights: Array) -> dict[str, dict[str, float]]:
    names, group, rows = np.unique(values, return_inverse=True, return_counts=True)
    share = np.bincount(group, weights) / max(weights.sum(), 1)
    table = zip(names.tolist(), rows.tolist(), share.tolist(), strict=True)
    return {name: {"rows": there, "share": round(of, 4)} for name, there, of in table}


def row_weights(sources: Array, dialects: Array, mixture: Mixture) -> Weights:
    """The weight of each row; their mean is 1, so a weight is how often the row comes in a pass, on average.

    A source of n rows is drawn in proportion to n^(1/temperature) (Arivazhagan et al. 2019, arXiv 1907.05019, section
    5); that is multiplied by the weights of the source and of the row's dialect. What is not named weighs 1.

    Args:
        sources: of each row, by name.
        dialects: of each row, by name.
        mixture: temperature and weights; at temperature 1 sources have the shares that they have.

    Raises:
        UserError: no row has any weight.
    """
    names, group, sizes = np.unique(sources, return_inverse=True, return_counts=True)
    of_source = _weights_of(names, mixture.sources) * sizes ** (1 / mixture.temperature - 1)
    kinds, kind = np.unique(dialects, return_inverse=True)
    weights = of_source[group] * _weights_of(kinds, mixture.dialects)[kind]
    if not weights.sum() > 0:
        raise UserError(
            f"The mixture leaves nothing to train on: its weights are {mixture.sources} and {mixture.dialects}, and "
            f"all rows are of {', '.join(names)} and {', '.join(kinds)}. Give one of these a weight above 0."
        )
    return weights / weights.mean()


def _weights_of(names: Array, given: Mapping[Any, float]) -> Weights:
    return np.array([given.get(str(name), 1.0) for name in names])


def draw(weights: Weights, seed: int, number: int) -> Ints:
    """The rows of a pass, by index, as many as there are weights but for rounding; some may come several times.

    Rows of one weight take turns: a pass goes on in their shuffled order where the one before stopped, so that over
    all passes none comes more than once more often than another.

    Args:
        weights: of the rows, by `row_weights`.
        seed: of the order in which rows of one weight take turns.
        number: of the pass, from 0.
    """
    values, group = np.unique(weights, return_inverse=True)
    parts = [
        turns(np.flatnonzero(group == place), float(value), [seed, place], number)
        for place, value in enumerate(values)
        if value > 0
    ]
    return np.sort(np.concatenate(parts))


def turns(rows: Ints, weight: float, seed: list[int], number: int) -> Ints:
    """Those of endless shuffled rounds of the rows whose turn comes in a pass.

    Args:
        rows: at least one.
        weight: how often a row comes in a pass, on average.
        seed: of the rounds.
        number: of the pass, from 0.
    """
    begin, end = (round(len(rows) * weight * passes) for passes in (number, number + 1))
    rounds = range(begin // len(rows), -(-end // len(rows)))
    order = [np.random.default_rng([*seed, turn]).permutation(rows) for turn in rounds]
    skip = begin - rounds.start * len(rows)
    return np.concatenate([rows[:0], *order])[skip : skip + end - begin]
