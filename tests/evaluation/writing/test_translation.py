"""chrF++ and BLEU are sacrebleu's own; intervals are of resampled sentences, paired by the seed."""

import numpy as np
import pytest
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from arabic_llm_pipeline.evaluation.writing import translation

HYPOTHESES = ["ذهب الولد إلى المدرسة.", "السماء صافية اليوم", "", "أين الكتاب؟", "نعم، هذا بيتي الجديد"]
REFERENCES = [
    ["ذهب الطفل إلى المدرسة."],
    ["السماء زرقاء اليوم", "الجو صافٍ اليوم"],
    ["نعم"],
    ["أين الكتاب ؟"],
    ["نعم، هذا بيتي الجديد"],
]


def rows(hypotheses: list[str], seed: int = 0) -> dict[str, dict]:
    found = translation.corpus_rows(hypotheses, REFERENCES, (*translation.OF_TRANSLATION, translation.CHRF), 200, seed)
    return {row["metric"]: row for row in found}


def test_corpus_scores_are_those_of_sacrebleu_with_their_signatures() -> None:
    streams = [[answers[place] if place < len(answers) else None for answers in REFERENCES] for place in range(2)]
    scorers = {"chrf++": CHRF(word_order=2), "chrf": CHRF(), "bleu_13a": BLEU(), "bleu_intl": BLEU(tokenize="intl")}
    found = rows(HYPOTHESES)
    for metric, scorer in scorers.items():
        assert found[metric]["value"] == pytest.approx(scorer.corpus_score(HYPOTHESES, streams).score)
        assert found[metric]["harness"].startswith("sacrebleu ")
        assert found[metric]["low"] <= found[metric]["value"] <= found[metric]["high"]
    assert "tok:13a" in found["bleu_13a"]["harness"]
    assert "nw:2" in found["chrf++"]["harness"]


def test_chrf_by_hand() -> None:
    """One-letter texts: of the orders only the first has n-grams, so F is of single characters and words."""
    [equal], [other] = (translation.sentences([text], [["ب"]], "chrf++") for text in ("ب", "ت"))
    assert equal["chrf++_sentence"] == (100.0, 1.0)
    assert other["chrf++_sentence"] == (0.0, 1.0)


def test_intl_parts_the_arabic_question_mark_and_13a_does_not() -> None:
    """The hypothesis has the mark on its word, the reference has not: by intl these are the same words."""
    hypotheses, references = ["من أنت يا صديقي؟"] * 2, [["من أنت يا صديقي ؟"]] * 2
    rows = translation.corpus_rows(hypotheses, references, ("bleu_13a", "bleu_intl"), 100, 0)
    found = {row["metric"]: row["value"] for row in rows}
    assert found["bleu_intl"] == pytest.approx(100)
    assert found["bleu_13a"] < 80


def test_the_interval_is_a_bootstrap_of_sentences() -> None:
    """Sentences drawn by the same seed, each sample scored by sacrebleu as a corpus of its own."""
    hypotheses, references = HYPOTHESES[:2] + HYPOTHESES[3:], [REFERENCES[0], REFERENCES[1][:1], *REFERENCES[3:]]
    [row] = translation.corpus_rows(hypotheses, references, ["chrf++"], 100, 7)
    counts = np.random.default_rng(7).multinomial(4, np.full(4, 1 / 4), size=100)
    scores = []
    for drawn in counts:
        places = np.repeat(np.arange(4), drawn)
        wanted = [[references[place][0] for place in places]]
        scores.append(CHRF(word_order=2).corpus_score([hypotheses[place] for place in places], wanted).score)
    assert (row["low"], row["high"]) == pytest.approx(tuple(np.quantile(scores, [0.025, 0.975])))


def test_differences_are_paired() -> None:
    same = translation.compared(HYPOTHESES, HYPOTHESES, REFERENCES, "chrf++", 100, 0)
    assert (same["difference"], same["low"], same["high"], same["p"]) == (0, 0, 0, 1)
    better = [answers[0] for answers in REFERENCES]
    found = translation.compared(HYPOTHESES, better, REFERENCES, "chrf++", 1000, 0)
    assert 0 < found["low"] <= found["difference"] <= found["high"]
    assert found["p"] < 0.05


def test_the_script_of_the_answer() -> None:
    found = translation.score(["Cairo is big.", "القاهرة كبيرة", "x"], [["القاهرة كبيرة"], ["القاهرة كبيرة"], []])
    assert [scores.get("same_script") for scores in found] == [(0.0, 1.0), (1.0, 1.0), None]
    assert found[2] == {}
