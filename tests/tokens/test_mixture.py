"""How often rows are drawn: the published formula by hand, and the evenness of the draws."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arabic_llm_pipeline.parameters.training import Mixture
from arabic_llm_pipeline.tokens.mixture import draw, row_weights


def test_temperature_by_hand() -> None:
    """900 and 100 rows at temperature 2: their shares are as 30 to 10."""
    sources = np.array(["big"] * 900 + ["small"] * 100)
    weights = row_weights(sources, np.full(1000, "MSA"), Mixture(temperature=2.0))
    assert weights[sources == "big"].sum() / weights.sum() == pytest.approx(0.75)
    assert weights.mean() == pytest.approx(1)


def test_weights_by_hand() -> None:
    sources, dialects = np.array(["a", "a", "b", "b"]), np.array(["MSA", "EGY", "MSA", "EGY"])
    weights = row_weights(sources, dialects, Mixture(sources={"a": 2.0}, dialects={"EGY": 0.5}))
    assert (weights / weights[2]).tolist() == pytest.approx([2, 1, 1, 0.5])


@given(st.lists(st.sampled_from([0.0, 0.3, 1.0, 2.5]), min_size=1, max_size=30), st.integers(1, 6), st.integers(0, 3))
def test_rows_take_turns(given_weights: list[float], passes: int, seed: int) -> None:
    weights = np.array(given_weights)
    if not weights.any():
        weights[0] = 1
    weights /= weights.mean()
    times = Counter(int(row) for number in range(passes) for row in draw(weights, seed, number))
    for value in np.unique(weights):
        rows = np.flatnonzero(weights == value)
        counts = [times[int(row)] for row in rows]
        assert max(counts) - min(counts) <= 1
        assert sum(counts) == pytest.approx(len(rows) * value * passes, abs=0.51)
