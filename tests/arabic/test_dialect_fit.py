"""Fitting a dialect model: against scikit-learn, scipy, a slow count, and texts that are easily told apart."""

from collections import Counter

import numpy as np
import polars as pl
import pytest
from scipy.optimize import minimize
from scipy.sparse import random as random_matrix
from scipy.special import log_softmax
from sklearn.svm import LinearSVC

from arabic_llm_pipeline.arabic import classifier_fit, classifier_fit_kernel, dialect
from arabic_llm_pipeline.arabic.classifier_fit import Fitting
from tests.arabic.dialect_reference import block_features

MARKS = ["سوف الذي", "دلوقتي عايز", "الحين وش", "هلق شو", "برشا واش"]
FILLERS = ["بيت", "كتاب", "شجره", "مدينه", "بحر", "طريق", "سوق", "جبل"]


def made(count: int, seed: int) -> tuple[pl.Series, np.ndarray]:
    """Texts of words that all regions use, and one of the region's own."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(5, size=count)
    texts = [" ".join([*rng.choice(FILLERS, 6), rng.choice(MARKS[label].split())]) for label in labels]
    return pl.Series(texts), labels


def fitted(**changed: object) -> dialect.Model:
    keys, labels = made(200, 0)
    return classifier_fit.fit(
        keys, labels, np.ones(200), made(50, 1), Fitting(bits=12, **changed), dialect.REGIONS, {"of": "a test"}
    )


def test_what_is_easily_told_apart_is() -> None:
    keys, labels = made(100, 2)
    shares, _ = dialect.scores(keys, fitted())
    assert (shares.argmax(axis=1) == labels).mean() > 0.98


def test_the_same_texts_give_the_same_bytes() -> None:
    assert fitted().to_bytes() == fitted().to_bytes()
    assert fitted().to_bytes() != fitted(cost=5.0).to_bytes()


def test_features_are_those_of_the_reference() -> None:
    keys = pl.Series(["هلق شو صار هون", None, "", "abc 12", "جميييييل جدا\nجميل"])
    found, starts, counts = classifier_fit.blocks(keys, 18)
    for row, key in enumerate(keys):
        for block, expected in enumerate(block_features(key or "", 18)):
            begin, end = starts[2 * row + block], starts[2 * row + block + 1]
            assert sorted(found[begin:end]) == sorted(expected)
            assert counts[row, block] == len(expected)


def test_equal_features_are_counted() -> None:
    rng = np.random.default_rng(0)
    buckets, starts = rng.integers(0, 9, 60).astype(np.int32), np.array([0, 0, 10, 45, 60])
    scales = np.array([1.0, 0.5, 2.0, 1.0])
    found, values, begins = classifier_fit_kernel.merge(buckets, starts, scales)
    for block in range(4):
        expected = Counter(buckets[starts[block] : starts[block + 1]].tolist())
        got = dict(
            zip(found[begins[block] : begins[block + 1]].tolist(), values[begins[block] :].tolist(), strict=False)
        )
        assert got == pytest.approx({bucket: count * scales[block] for bucket, count in expected.items()})


def test_weights_are_those_of_another_solver() -> None:
    """scikit-learn's liblinear, run to its optimum, on random sparse rows with costs of their own."""
    rng = np.random.default_rng(3)
    rows = random_matrix(120, 40, 0.2, "csr", np.float32, rng)
    labels, costs = rng.integers(5, size=120), rng.uniform(0.2, 2.0, 120)
    alphas, weights, bias = np.zeros((120, 5)), np.zeros((40, 5), np.float32), np.zeros(5)
    for _ in range(1000):
        order = rng.permutation(120)
        classifier_fit_kernel.descend(
            order, rows.indptr.astype(np.int64), rows.indices, rows.data, labels, costs, alphas, weights, bias
        )
    peer = LinearSVC(C=1.0, tol=1e-8, max_iter=100_000).fit(rows, labels, sample_weight=costs)
    assert np.allclose(weights.T, peer.coef_, atol=2e-3)
    assert np.allclose(bias, peer.intercept_, atol=2e-3)


def test_scores_are_calibrated_as_well_as_can_be() -> None:
    """Temperature and biases are at the likelihood's peak, as scipy finds it."""
    rng = np.random.default_rng(4)
    keys, labels = made(400, 5)
    labels = np.where(rng.random(400) < 0.3, rng.integers(5, size=400), labels)  # the sums are too sure of themselves
    model = fitted()
    sums, _ = dialect.logits(keys, model)

    def loss(place: np.ndarray) -> float:
        return -log_softmax(sums * np.exp(place[0]) + place[1:], axis=1)[np.arange(400), labels].mean()

    shares, _ = dialect.scores(keys, classifier_fit._calibrated(model, keys, labels))
    assert -np.log(shares[np.arange(400), labels]).mean() == pytest.approx(minimize(loss, np.zeros(6)).fun, abs=2e-3)
