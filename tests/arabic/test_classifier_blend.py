"""Blending tables of weights: against scikit-learn's naive Bayes and logistic regression, and what a word list adds."""

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB

from arabic_llm_pipeline.arabic import classifier_fit, dialect
from arabic_llm_pipeline.arabic.classifier_blend import naive_bayes, regression
from arabic_llm_pipeline.arabic.classifier_fit import Fitting, Texts
from tests.arabic.dialect_reference import block_features
from tests.arabic.test_dialect_fit import MARKS, made

LISTED = Texts(
    pl.Series([word for words in MARKS for word in words.split()] + ["زرنوق", "فنجور"]),
    np.array([*np.repeat(np.arange(5), 2), 1, 4]),
    np.ones(12),
)


def fitted(marks: Texts | None = LISTED, bayes: float = 0.01) -> dialect.Model:
    how = Fitting(bits=14, bayes=bayes)
    return classifier_fit.fit(made(200, 0), made(100, 1), how, dialect.REGIONS, {}, marks)


def test_naive_bayes_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    rows, labels, counts = rng.poisson(0.7, (50, 12)), rng.integers(3, size=50), rng.uniform(0.5, 2, 50)
    sums = np.stack([(rows * counts[:, None])[labels == k].sum(axis=0) for k in range(3)], axis=1)
    peer = MultinomialNB(alpha=0.3).fit(rows, labels, sample_weight=counts).feature_log_prob_.T
    assert np.allclose(naive_bayes(sums, 0.3), peer - peer.mean(axis=1, keepdims=True))


def test_a_feature_that_no_text_has_says_nothing() -> None:
    assert naive_bayes(np.array([[0.0, 0.0], [3.0, 1.0]]), 0.1)[0].tolist() == [0.0, 0.0]


def test_the_regression_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    sums, labels = rng.normal(3.0, [0.1, 5.0, 1.0, 20.0], (300, 4)), rng.integers(3, size=300)
    sums[:, 0] += 0.05 * labels
    counts = rng.uniform(0.2, 4.0, 300)
    coefficients, bias = regression(sums, labels, counts, 3)
    spread, middle = sums.std(axis=0), sums.mean(axis=0)
    parts = counts * counts.sum() / (counts**2).sum()
    peer = LogisticRegression(C=1.0, tol=1e-10, max_iter=5000).fit((sums - middle) / spread, labels, parts)
    found = sums @ coefficients + bias
    expected = (sums - middle) / spread @ peer.coef_.T + peer.intercept_
    centred = [value - value.mean(axis=1, keepdims=True) for value in (found, expected)]
    assert np.allclose(*centred, atol=1e-3)


def test_sums_are_those_of_texts_one_by_one() -> None:
    texts = made(30, 3)
    how = Fitting(bits=10, min_texts=1)
    features, _, _ = classifier_fit.weighed(texts, how, 5)
    expected = np.zeros((1 << 10, 5))
    for row, label in enumerate(texts.labels):
        for place in range(features.starts[row], features.starts[row + 1]):
            expected[features.buckets[place], label] += features.values[place] * texts.counts[row]
    assert np.allclose(classifier_fit._sums(features, texts, how, 5), expected)


def test_listed_words_have_their_buckets() -> None:
    table = classifier_fit._marked(LISTED, 14, 5)
    expected = {(block_features(word, 14)[1][0], label) for word, label in zip(LISTED.keys, LISTED.labels, strict=True)}
    assert {(int(bucket), int(label)) for bucket, label in np.argwhere(table)} == expected
    assert set(np.unique(table)) == {0.0, 1.0}


@pytest.mark.parametrize("bayes", [0.0, 0.01])
def test_a_word_of_the_list_is_told_that_no_text_had(bayes: float) -> None:
    keys = pl.Series(["بيت كتاب شجره زرنوق", "بحر طريق سوق فنجور"])
    without, _ = dialect.scores(keys, fitted(marks=None, bayes=bayes))
    told, _ = dialect.scores(keys, fitted(bayes=bayes))
    assert told.argmax(axis=1).tolist() == [1, 4]
    assert all(told[row, label] > without[row, label] + 0.1 for row, label in ((0, 1), (1, 4)))


def test_the_same_texts_give_the_same_bytes_and_are_told_apart() -> None:
    model, texts = fitted(), made(100, 2)
    assert model.to_bytes() == fitted().to_bytes()
    shares, _ = dialect.scores(texts.keys, model)
    assert (shares.argmax(axis=1) == texts.labels).mean() > 0.98
