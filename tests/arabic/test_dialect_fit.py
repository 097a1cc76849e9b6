"""Fitting a dialect model: against scikit-learn, scipy, a slow count, and texts that are easily told apart."""

from collections import Counter

import numpy as np
import polars as pl
import pytest
from scipy.optimize import minimize
from scipy.sparse import random as random_matrix
from scipy.special import log_softmax
from scipy.stats import entropy
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import LinearSVC

from arabic_llm_pipeline.arabic import classifier_fit, classifier_fit_kernel, dialect
from arabic_llm_pipeline.arabic.classifier_fit import Fitting, Texts
from tests.arabic.dialect_reference import block_features

MARKS = ["سوف الذي", "دلوقتي عايز", "الحين وش", "هلق شو", "برشا واش"]
FILLERS = ["بيت", "كتاب", "شجره", "مدينه", "بحر", "طريق", "سوق", "جبل"]


def made(count: int, seed: int) -> Texts:
    """Texts of words that all regions use, and one of the region's own."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(5, size=count)
    texts = [" ".join([*rng.choice(FILLERS, 6), rng.choice(MARKS[label].split())]) for label in labels]
    return Texts(pl.Series(texts), labels, np.ones(count))


def fitted(**changed: object) -> dialect.Model:
    return classifier_fit.fit(made(200, 0), made(50, 1), Fitting(bits=12, **changed), dialect.REGIONS, {"of": "a test"})


def test_what_is_easily_told_apart_is() -> None:
    texts = made(100, 2)
    shares, _ = dialect.scores(texts.keys, fitted())
    assert (shares.argmax(axis=1) == texts.labels).mean() > 0.98


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


def test_what_features_tell_is_counted_text_by_text() -> None:
    """The slow way: all texts, a feature at a time; the divergence by scipy, from a region's share of its own texts."""
    rng = np.random.default_rng(5)
    texts = Texts(made(40, 6).keys, rng.integers(4, size=40), rng.uniform(0.5, 2.0, 40))  # nothing of the fifth region
    found, starts, counts = classifier_fit.blocks(texts.keys, 8)
    buckets, _, begins = classifier_fit_kernel.merge(found, starts, np.ones(counts.size))
    seen = classifier_fit_kernel.class_counts(begins[::2], buckets, texts.labels, texts.counts, 256, 5)
    expected = np.zeros((256, 5))
    for row, key in enumerate(texts.keys):
        for bucket in (bucket for block in block_features(key, 8) for bucket in set(block)):
            expected[bucket, texts.labels[row]] += texts.counts[row]
    assert np.allclose(seen, expected)
    sizes = np.array([texts.counts[texts.labels == region].sum() for region in range(5)])
    shares = (expected[:, :4] + 0.5) / (sizes[:4] + 1)
    assert np.allclose(classifier_fit.divergence(seen, sizes), entropy(shares, np.ones_like(shares), axis=1))


def test_rarity_alone_is_that_of_scikit_learn() -> None:
    texts = made(60, 7)
    how = Fitting(bits=16, min_texts=1, divergence=0)
    _, worth, _ = classifier_fit.weighed(texts, how, 5)
    words = TfidfVectorizer(token_pattern=r"\S+", min_df=1).fit([*texts.keys, *[""] * 60])  # two blocks to a text
    bucket = {form: block_features(form, 16)[1][0] for form in words.vocabulary_}
    for form, place in words.vocabulary_.items():
        assert worth[bucket[form]] == pytest.approx(words.idf_[place] - 1)


def test_what_tells_more_counts_more() -> None:
    """Of two words in as many texts, one of a single region, the other of all."""
    keys = pl.Series([" ".join(["خاص"] * (row < 20) + ["عام"] * (row % 5 == 0)) for row in range(100)])
    texts = Texts(keys, np.repeat([0, 1, 2, 3, 4], 20), np.ones(100))
    one, every = (block_features(word, 16)[1][0] for word in ("خاص", "عام"))
    _, rarity, _ = classifier_fit.weighed(texts, Fitting(bits=16, divergence=0), 5)
    _, telling, _ = classifier_fit.weighed(texts, Fitting(bits=16, divergence=1), 5)
    assert rarity[one] == pytest.approx(rarity[every])
    assert telling[one] > 10 * telling[every]


def test_scores_are_calibrated_as_well_as_can_be() -> None:
    """Temperature and biases are at the peak of the likelihood of texts by what each counts, as scipy finds it."""
    rng = np.random.default_rng(4)
    texts, counts = made(400, 5), rng.uniform(0.1, 3.0, 400)
    labels = np.where(rng.random(400) < 0.3, rng.integers(5, size=400), texts.labels)  # the sums are too sure
    model, every = fitted(), np.arange(400)
    sums, _ = dialect.logits(texts.keys, model)

    def loss(place: np.ndarray) -> float:
        likelihood = log_softmax(sums * np.exp(place[0]) + place[1:], axis=1)[every, labels]
        return -np.average(likelihood, weights=counts)

    shares, _ = dialect.scores(texts.keys, classifier_fit._calibrated(model, Texts(texts.keys, labels, counts)))
    found = -np.average(np.log(shares[every, labels]), weights=counts)
    assert found == pytest.approx(minimize(loss, np.zeros(6)).fun, abs=2e-3)
