"""Intervals and tests against scipy and hand-worked cases."""

from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from arabic_llm_pipeline.evaluation.statistics import (
    bootstrap,
    holm,
    mcnemar,
    percentiles,
    resampled_ratios,
    sign_p,
    stratified_mean,
    wilson,
)


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_scipys(case: tuple[int, int]) -> None:
    expected = stats.binomtest(*case).proportion_ci(method="wilson")
    assert wilson(*case) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_by_hand() -> None:
    """Newcombe 1998, table I: 81 of 263 is 0.2553 to 0.3662; no trials, no interval."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 10)[0] == 0
    assert wilson(10, 10)[1] == 1
    assert wilson(0, 0) is None


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60))
def test_mcnemar_is_a_binomial_test_of_the_discordant(pairs: list[tuple[bool, bool]]) -> None:
    a, b = [x for x, _ in pairs], [y for _, y in pairs]
    gained, lost = sum(y and not x for x, y in pairs), sum(x and not y for x, y in pairs)
    expected = stats.binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
    assert mcnemar(a, b) == pytest.approx(expected)
    assert mcnemar(a, b) == mcnemar(b, a)


def test_mcnemar_by_hand() -> None:
    """Nine gained, one lost: 2 (1 + 10) / 1024; items on which both agree do not count."""
    a = [False] * 9 + [True] + [True] * 50
    b = [True] * 9 + [False] + [True] * 50
    assert mcnemar(a, b) == pytest.approx(2 * (comb(10, 0) + comb(10, 1)) / 2**10)
    assert mcnemar([True] * 5000 + [False] * 5000, [False] * 5000 + [True] * 5000) == 1.0


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_is_its_definition(ps: list[float]) -> None:
    """The adjusted p of the k-th smallest is the largest of (m - j + 1) p_j over j up to k, 1 at most."""
    order = np.argsort(ps, kind="stable")
    steps = [min(1.0, (len(ps) - j) * ps[i]) for j, i in enumerate(order)]
    expected = {i: max(steps[: k + 1]) for k, i in enumerate(order)}
    assert holm(ps) == pytest.approx([expected[i] for i in range(len(ps))])


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


def test_resampled_ratios_are_those_of_drawn_units() -> None:
    """Mean and spread agree with the delta method for a ratio of means; every value is possible for the data."""
    random = np.random.default_rng(5)
    size = random.integers(50, 500, 80).astype(float)
    loss = size * random.normal(1.2, 0.2, 80)
    ratios = resampled_ratios(loss, size, 4000, 1)
    ratio = loss.sum() / size.sum()
    spread = np.sqrt(np.sum((loss - ratio * size) ** 2)) / size.sum()
    assert len(ratios) == 4000
    assert ratios.mean() == pytest.approx(ratio, abs=0.1 * spread)
    assert ratios.std() == pytest.approx(spread, rel=0.06)


def test_bootstrap_agrees_with_scipy() -> None:
    data = np.random.default_rng(2).exponential(2.0, 60)
    low, high = bootstrap(data.tolist(), [1.0] * 60, 9999, 3)
    reference = stats.bootstrap((data,), np.mean, method="percentile", n_resamples=9999, rng=4).confidence_interval
    width = reference.high - reference.low
    assert (low, high) == pytest.approx((reference.low, reference.high), abs=0.05 * width)


def test_bootstrap_covers_the_truth_about_as_often_as_it_says() -> None:
    random, covered = np.random.default_rng(0), 0
    for trial in range(300):
        low, high = bootstrap(random.normal(3.0, 1.0, 50).tolist(), [1.0] * 50, 400, trial)
        covered += low <= 3.0 <= high
    assert 0.90 <= covered / 300 <= 0.98


def test_one_unit_tells_nothing_of_spread() -> None:
    assert bootstrap([1.0], [2.0], 100, 0) is None
    assert bootstrap([], [], 100, 0) is None


def test_bootstrap_of_units_that_have_nothing_to_divide_by() -> None:
    """Some resamples draw none of the two that have: they have no ratio, and the interval is of the others."""
    low, high = bootstrap([1.0, 4.0, 0.0, 0.0, 0.0], [2.0, 4.0, 0.0, 0.0, 0.0], 500, 0)
    assert (low, high) == (0.5, 1.0)
    assert bootstrap([1.0, 0.0], [2.0, 0.0], 100, 0) is None


@settings(max_examples=20)
@given(st.integers(2, 3000), st.integers(0, 5))
def test_the_same_seed_draws_the_same_units(units: int, seed: int) -> None:
    """So that resamples of two candidates are paired: equal losses, scaled, give equal ratios, scaled."""
    values = np.arange(units, dtype=float) + 1
    once, twice = (resampled_ratios(values * k, np.ones(units), 120, seed) for k in (1, 2))
    assert np.array_equal(2 * once, twice)


def test_chunks_do_not_change_what_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    import arabic_llm_pipeline.evaluation.statistics as module

    values = np.random.default_rng(1).random(40)
    whole = resampled_ratios(values, np.ones(40), 100, 7)
    monkeypatch.setattr(module, "CHUNK", 120)
    assert np.array_equal(whole, resampled_ratios(values, np.ones(40), 100, 7))


def test_sign_p_by_hand() -> None:
    assert sign_p(np.full(999, 0.5)) == pytest.approx(2 / 1000)
    assert sign_p(np.array([1.0] * 97 + [-1.0] * 2)) == pytest.approx(2 * 3 / 100)
    assert sign_p(np.zeros(10)) == 1.0


def test_percentiles_are_the_middle() -> None:
    assert percentiles(np.arange(1001, dtype=float)) == pytest.approx((25.0, 975.0))


def test_the_mean_of_small_strata_lies_in_its_interval_as_often_as_it_says() -> None:
    """Simulated: 20 strata of 2 or 3 units each, 400 times; and the width is that of the true spread."""
    random, sizes = np.random.default_rng(0), [2, 3] * 10
    spread = np.sqrt(sum(1 / size for size in sizes)) / len(sizes)
    found = [
        stratified_mean([random.normal(place, 1, size) for place, size in enumerate(sizes)], 400, seed)
        for seed in range(400)
    ]
    middle = np.mean(range(len(sizes)))
    covered = np.mean([low <= middle <= high for low, high in found])
    assert 0.92 <= covered <= 0.98
    widths = np.mean([high - low for low, high in found])
    assert widths == pytest.approx(2 * 1.96 * spread, rel=0.06)


def test_strata_without_a_spread_have_an_interval_of_no_width() -> None:
    low, high = stratified_mean([np.full(3, 1.0), np.full(2, 0.5)], 100, 0)
    assert (low, high) == pytest.approx((0.75, 0.75))
