"""Differences of scores of whole sets: against sacrebleu, scikit-learn and a plain bootstrap."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sklearn.metrics import f1_score

from arabic_llm_pipeline.evaluation import whole_sets
from arabic_llm_pipeline.evaluation.choices import tables
from arabic_llm_pipeline.evaluation.paired import BOOTSTRAP, PAIRED
from arabic_llm_pipeline.parameters.choices import ChoicesSettings

REFERENCES = ["القاهرة عاصمة مصر الكبيرة", "ذهب الولد إلى المدرسة صباحا", "قرأت ليلى كتابا جميلا", "البحر أزرق وجميل"]
BASE = ["القاهرة", "ذهب الولد", "كتاب", "البحر أزرق"]
SFT = ["القاهرة عاصمة مصر", "ذهب الولد إلى المدرسة", "قرأت ليلى كتابا", "البحر أزرق وكبير"]


def written(texts: list[str], measure: str = "translation") -> pl.DataFrame:
    rows = [
        {"measure": measure, "set": "s", "id": str(n), "generated": text, "answers": [reference]}
        for n, (text, reference) in enumerate(zip(texts, REFERENCES, strict=True))
    ]
    unscored = {"measure": measure, "set": "s", "id": "none", "generated": "نص", "answers": []}
    return pl.DataFrame([*rows, unscored], schema_overrides={"answers": pl.List(pl.String)})


def test_translations_are_compared_as_sacrebleu_scores_them() -> None:
    found = whole_sets.written({"base": written(BASE), "sft": written(SFT)}, 500, 0)
    assert found.schema == PAIRED
    assert found.select("a", "b", "test", "items").unique().rows() == [("base", "sft", BOOTSTRAP, 4)]
    assert set(found["metric"]) == {"chrf++", "bleu_13a", "bleu_intl"}
    scorers = {"chrf++": CHRF(word_order=2), "bleu_13a": BLEU()}
    for metric, scorer in scorers.items():
        row = found.row(by_predicate=pl.col("metric") == metric, named=True)
        before, after = (scorer.corpus_score(texts, [REFERENCES]).score for texts in (BASE, SFT))
        assert row["difference"] == pytest.approx(after - before)
        assert row["low"] <= row["difference"] <= row["high"]
        assert row["p_holm"] == row["p"], "one test of that metric"


def test_free_answers_have_chrf_and_no_bleu_and_three_candidates_holm() -> None:
    frames = {"base": BASE, "sft": SFT, "sft_dpo": REFERENCES}
    found = whole_sets.written({name: written(texts, "free_answers") for name, texts in frames.items()}, 200, 0)
    assert found.select("metric", "a", "b").rows() == [
        ("chrf", "base", "sft"), ("chrf", "base", "sft_dpo"), ("chrf", "sft", "sft_dpo"),
    ]  # fmt: skip
    assert found["p_holm"].min() == pytest.approx(3 * found["p"].min())


def test_nothing_written_is_no_test() -> None:
    assert whole_sets.written({"base": pl.DataFrame(), "sft": written(SFT)}, 100, 0).schema == PAIRED


def classified(gold: list[int], chosen: list[int]) -> pl.DataFrame:
    rows: list[dict[str, Any]] = [
        {
            "id": str(n), "measure": "classification", "set": "c", "way": "labels", "shots": 0, "label": right,
            "choices": ["أ", "ب", "ج"], "log_probabilities": list(np.where(np.arange(3) == told, -1.0, -3.0)),
            "tokens": [1, 1, 1],
        }
        for n, (right, told) in enumerate(zip(gold, chosen, strict=True))
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=tables.ANSWERS)


def test_macro_f1_is_that_of_scikit_learn_and_its_difference_is_resampled_together() -> None:
    random = np.random.default_rng(0)
    gold = random.integers(0, 3, 40).tolist()
    before = np.where(random.random(40) < 0.5, gold, 0).tolist()
    after = np.where(random.random(40) < 0.9, gold, 1).tolist()
    settings = ChoicesSettings(rules=("sum",))
    frames = {"base": classified(gold, before), "sft": classified(gold, after)}
    [row] = whole_sets.classified(frames, settings, 300, 0).to_dicts()
    assert row["metric"] == "labels_macro_f1_0shot"
    was, now = (f1_score(gold, chosen, average="macro") for chosen in (before, after))
    assert row["difference"] == pytest.approx(now - was)
    drawn = np.random.default_rng(0).multinomial(40, np.full(40, 1 / 40), size=300)
    plain = []
    for counts in drawn:
        scores = [
            f1_score(
                np.repeat(gold, counts), np.repeat(one, counts), average="macro", labels=[0, 1, 2], zero_division=0
            )
            for one in (before, after)
        ]
        plain.append(scores[1] - scores[0])
    assert (row["low"], row["high"]) == pytest.approx(tuple(np.quantile(plain, [0.025, 0.975])))


def test_a_set_of_one_class_is_no_test() -> None:
    frames = {name: classified([1, 1, 1], [1, 0, 1]) for name in ("base", "sft")}
    assert whole_sets.classified(frames, ChoicesSettings(rules=("sum",)), 100, 0).is_empty()
