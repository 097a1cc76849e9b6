"""Figures of dialect tags, against scikit-learn and by hand."""

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import f1_score

from arabic_llm_pipeline.evaluation.dialects import calibration_error, macro_f1, measure


def test_macro_f1_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    labels, tags = rng.choice(["MSA", "EGY", "LEV"], 200), rng.choice(["MSA", "EGY", "GLF", "unknown"], 200)
    expected = f1_score(labels, tags, labels=["MSA", "EGY", "LEV"], average="macro")
    assert macro_f1(pl.Series(labels), pl.Series(tags)) == pytest.approx(expected)


def test_calibration_error_by_hand() -> None:
    """Four of five at 0.9 right, one of two at 0.3: apart by 0.1 and 0.2."""
    right, scores = np.array([1, 1, 1, 1, 0, 1, 0.0]), np.array([0.9] * 5 + [0.3] * 2)
    assert calibration_error(right, scores) == pytest.approx((5 * 0.1 + 2 * 0.2) / 7)


def test_a_row_for_each_source() -> None:
    frame = pl.DataFrame({
        "source": ["b", "a", "b"], "dialect": ["EGY", "MSA", "EGY"], "tag": ["EGY", "MSA", "unknown"],
        "score": [0.9, 0.8, 0.0],
    })  # fmt: skip
    first, second = measure(frame)
    assert (first["source"], first["macro_f1"], first["right"]) == ("a", 1.0, 1.0)
    assert second["macro_f1"] == pytest.approx(2 / 3)
    assert second["confusion"] == [
        {"dialect": "EGY", "tag": "EGY", "texts": 1}, {"dialect": "EGY", "tag": "unknown", "texts": 1},
    ]  # fmt: skip
    assert (second["unknown"], second["calibration_error"]) == (0.5, pytest.approx(0.1))
