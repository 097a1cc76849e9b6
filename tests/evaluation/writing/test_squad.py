"""Exact match and F1 against slow references of the three scripts' published rules, and by hand."""

import importlib.util
import re
import string
import unicodedata
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arabic_llm_pipeline.evaluation.writing.squad import abstained, mlqa_tokens, score, squad_tokens

LETTERS = st.text(alphabet="االلبسكتَةهأإى aatnhe.,،؟!-«»\n0٣", max_size=40)


def squad_reference(text: str) -> str:
    """By the description of SQuAD's script: lower case; no ASCII punctuation; no articles; single blanks."""
    kept = "".join(letter for letter in text.lower() if letter not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", kept).split())


def mlqa_reference(text: str) -> str:
    """By the description of MLQA's script for Arabic."""
    kept = [c for c in text.lower() if not unicodedata.category(c).startswith("P") and c not in string.punctuation]
    return " ".join(re.sub("ال", " ", "".join(kept)).split())


def slow_f1(found: list[str], wanted: list[str]) -> float:
    common = sum((Counter(found) & Counter(wanted)).values())
    if not common:
        return 0.0
    precision, recall = common / len(found), common / len(wanted)
    return 2 * precision * recall / (precision + recall)


@given(LETTERS)
def test_words_are_those_of_the_scripts(text: str) -> None:
    assert " ".join(squad_tokens(text)) == squad_reference(text)
    assert " ".join(mlqa_tokens(text)) == mlqa_reference(text)


@given(LETTERS, st.lists(LETTERS, min_size=1, max_size=3))
def test_scores_are_the_best_over_the_answers(generated: str, accepted: list[str]) -> None:
    [found] = score([generated], [accepted], ["لا جواب"])
    for way, normal in (("squad", squad_reference), ("mlqa", mlqa_reference)):
        exact = max(normal(generated) == normal(answer) for answer in accepted)
        best = max(slow_f1(normal(generated).split(), normal(answer).split()) for answer in accepted)
        assert found[f"exact_{way}"] == (float(exact), 1.0)
        assert found[f"f1_{way}"][0] == pytest.approx(best)


def test_three_ways_by_hand() -> None:
    """The article, a hamza and a full stop tell the ways apart."""
    [found] = score(["المدينة الكبيرة، إسطنبول."], [["مدينة كبيرة اسطنبول"]], ["لا جواب"])
    assert found["exact_squad"] == found["f1_squad"] == (0.0, 1.0)  # no word is equal: the Arabic comma stays on it
    assert found["exact_mlqa"] == (0.0, 1.0)
    assert found["f1_mlqa"][0] == pytest.approx(2 / 3)  # the city and large; Istanbul has another alef
    assert found["f1_normalized"][0] == pytest.approx(1 / 3)  # Istanbul alone: the article is a part of the others
    [found] = score(["القاهرة"], [["القاهره"]], ["لا جواب"])
    assert [found[f"exact_{way}"][0] for way in ("squad", "mlqa", "normalized")] == [0, 0, 1]
    [found] = score(["The cat"], [["a cat"]], [""])
    assert found["exact_squad"] == (1.0, 1.0)
    assert mlqa_tokens("سؤال المال") == ["سؤ", "م"]  # what the pattern does: everywhere, not of articles alone


def test_mlqa_agrees_with_lm_eval_where_the_article_begins_a_word() -> None:
    """lm-eval's copy of the script takes the article from the beginning of words alone."""
    found = importlib.util.find_spec("lm_eval")
    if found is None or found.origin is None:
        pytest.skip("lm-eval is not installed")
    spec = importlib.util.spec_from_file_location("mlqa", Path(found.origin).parent / "tasks/mlqa/utils.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    texts = ["المدينة الكبيرة، إسطنبول.", "مدينة «كبيرة»", "The Nile", "نهر النيل؟", "", "في ١٩٤٥"]
    for text in texts:
        for answer in texts:
            [scores] = score([text], [[answer]], ["-"])
            assert scores["exact_mlqa"][0] == script.exact_match_score(text, answer, "ar")
            assert scores["f1_mlqa"][0] == pytest.approx(script.f1_score(text, answer, "ar"))
    assert script.normalize_answer("سؤال", "ar") != " ".join(mlqa_tokens("سؤال"))


def test_questions_without_an_answer_stand_apart_as_in_squad_2() -> None:
    generated = ["القاهرة", "لا جواب.", "", "بغداد", "لاَ جَوَاب"]
    accepted = [["القاهرة"], ["دمشق"], [], [], []]
    found = score(generated, accepted, ["لا جواب"])
    assert [scores.get("no_answer") for scores in found] == [None, None, (1.0, 1.0), (0.0, 1.0), (1.0, 1.0)]
    assert [scores["exact_squad_v2"][0] for scores in found] == [1, 0, 1, 0, 1]
    assert [scores.get("abstained", (None,))[0] for scores in found] == [0, 1, None, None, None]
    assert "f1_squad" not in found[2]
    assert "exact_squad_v2" not in score(["x"], [["x"]], ["-"])[0]  # a set whose questions all have an answer


def test_an_empty_answer_is_wrong_and_no_error() -> None:
    [found] = score([""], [["شيء"]], ["لا جواب"])
    assert {value for value, _ in found.values()} == {0.0}
    assert abstained(["", " \n", "نعم"], ["لا جواب"]) == [True, True, False]
