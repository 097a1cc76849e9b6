"""Rates of telling toxicity, against scikit-learn and by hand."""

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from arabic_llm_pipeline.evaluation.statistics import wilson
from arabic_llm_pipeline.evaluation.toxicity import measure, rates, with_shares


def test_rates_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    toxic, said = rng.random(300) < 0.3, rng.random(300) < 0.4
    found = rates(toxic, said)
    for name, score in (("precision", precision_score), ("recall", recall_score), ("f1", f1_score)):
        assert found[name] == pytest.approx(score(toxic, said))
    assert found["false_alarms"] == pytest.approx(said[~toxic].mean())
    assert found["recall_interval"] == wilson(int((toxic & said).sum()), int(toxic.sum()))


def test_what_nothing_was_there_for_is_none() -> None:
    calm = rates(np.zeros(4, bool), np.zeros(4, bool))
    assert (calm["precision"], calm["recall"], calm["false_alarms"]) == (None, None, 0.0)


def test_a_row_for_each_source_and_each_way() -> None:
    frame = pl.DataFrame({
        "source": ["b", "a", "a"], "toxicity": ["toxic", "toxic", "normal"], "score": [0.9, 0.2, 0.1],
        "lexicon": [0.0, 0.5, 0.0],
    })  # fmt: skip
    found = {(row["source"], row["by"]): row["recall"] for row in measure(frame)}
    assert found == {("a", "model"): 0.0, ("a", "lexicon"): 1.0, ("a", "both"): 1.0,
                     ("b", "model"): 1.0, ("b", "lexicon"): 0.0, ("b", "both"): 1.0}  # fmt: skip


def test_shares_have_intervals() -> None:
    found = with_shares(pl.DataFrame({"toxic": [3, 0], "seen": [40, 0]}), "seen")
    assert found["toxic_share"].to_list() == [0.075, None]
    assert found.select("toxic_low", "toxic_high").row(0) == pytest.approx(wilson(3, 40), abs=1e-6)
    assert found.select("toxic_low", "toxic_high").row(1) == (None, None)
