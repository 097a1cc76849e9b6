"""What a score costs, by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arabic_llm_pipeline.evaluation.efficiency import (
    in_gigabytes,
    pareto,
    performance_efficiency,
    samples_per_second,
)

NUMBER = st.one_of(st.none(), st.floats(0, 10))


def test_the_equation_by_hand() -> None:
    """Weights 3, 2 and 5 of F1, ROUGE and exact match, as the paper has them for questions; 168 M parameters, 4 GB."""
    scores, weights = {"f1": 0.8, "rouge": 0.7, "em": 0.6}, {"f1": 3.0, "rouge": 2.0, "em": 5.0}
    found, why = performance_efficiency(scores, weights, 168e6, 4.0)
    assert found == pytest.approx((3 * 0.8 + 2 * 0.7 + 5 * 0.6) / 10 / (math.log(168) * math.log(4)))
    assert why == ""
    ten, _ = performance_efficiency(scores, weights, 168e6, 4.0, "10")
    assert ten == pytest.approx(found * math.log(10) ** 2)


@pytest.mark.parametrize(
    ("scores", "parameters", "gigabytes", "why"),
    [
        ({"a": 0.5}, 1e9, 1.0, "log V is not above 0: 1.00 GB"),
        ({"a": 0.5}, 1e9, 0.4, "log V is not above 0: 0.40 GB"),
        ({"a": 0.5}, 1e6, 4.0, "log P is not above 0: 1.00 million parameters"),
        ({"a": None}, 1e9, 4.0, "no score a"),
        ({}, 1e9, 4.0, "no score a"),
        ({"a": 0.5}, None, 4.0, "parameters or memory are not known"),
    ],
)
def test_where_it_is_not_defined(scores: dict, parameters: float | None, gigabytes: float, why: str) -> None:
    assert performance_efficiency(scores, {"a": 1.0}, parameters, gigabytes) == (None, why)


def test_megabytes_of_training_as_gigabytes() -> None:
    """4 GiB are 4294967296 bytes; 1 GB is between 953.6 and 953.7 MiB."""
    assert in_gigabytes(4096.0) == pytest.approx(4.294967296)
    assert in_gigabytes(953.6) < 1 < in_gigabytes(953.7)


@given(st.lists(st.tuples(NUMBER, NUMBER), max_size=8))
def test_the_front_is_what_nothing_beats(points: list[tuple[float | None, float | None]]) -> None:
    found = pareto(points)
    for on, (score, cost) in zip(found, points, strict=True):
        better = [
            1 for s, c in points
            if None not in (s, c, score, cost) and ((s > score and c <= cost) or (s >= score and c < cost))
        ]  # fmt: skip
        assert on == (score is not None and cost is not None and not better)
    if any(None not in point for point in points):
        assert any(found)


def test_efficiency_of_the_five_method_report() -> None:
    """Its own figures: 5 samples, 2 epochs, 1.76 s give 5.68; 3 samples in 0.01 s give 600."""
    assert samples_per_second(5, 2, 1.76) == pytest.approx(5.68, abs=0.005)
    assert samples_per_second(3, 2, 0.01) == pytest.approx(600)
    assert samples_per_second(3, 2, 0.0) is None
    assert samples_per_second(None, 2, 1.0) is None
