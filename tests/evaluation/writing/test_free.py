"""ROUGE of Arabic, repetition, spelling, dialect: by hand, against slow references, and on made text."""

from collections import Counter

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from arabic_llm_pipeline.evaluation.writing import free, repetition, spelling
from arabic_llm_pipeline.evaluation.writing.items import COLUMNS
from arabic_llm_pipeline.parameters.writing import SpellingSettings
from tests.evaluation.conftest import said

WORDS = st.lists(st.sampled_from(["كتب", "الولد", "درسا", "ثم", "نام", "x"]), max_size=12)


def asked(*rows: tuple[str, str, list[str], str, bool]) -> pl.DataFrame:
    """Rows of prompt, what was generated, references, dialect, whether the dialect is given."""
    made = [
        {"id": str(place), "prompt": said(prompt), "answers": answers, "dialect": dialect, "gold": gold}
        for place, (prompt, _, answers, dialect, gold) in enumerate(rows)
    ]
    return pl.DataFrame(made, schema=COLUMNS).with_columns(pl.Series("generated", [row[1] for row in rows], pl.String))


def slow_rouge(found: list[str], wanted: list[str]) -> dict[str, float]:
    """Lin 2004: n-grams in common, and the longest common subsequence by its recursion."""

    def f(common: int, a: int, b: int) -> float:
        return 2 * common / (a + b) if common else 0.0

    scores = {}
    for n in (1, 2):
        a, b = (Counter(zip(*(words[i:] for i in range(n)), strict=False)) for words in (found, wanted))
        scores[f"rouge{n}"] = f((a & b).total(), a.total(), b.total())
    table = [[0] * (len(wanted) + 1) for _ in range(len(found) + 1)]
    for i, x in enumerate(found):
        for j, y in enumerate(wanted):
            table[i + 1][j + 1] = table[i][j] + 1 if x == y else max(table[i][j + 1], table[i + 1][j])
    return scores | {"rougeL": f(table[-1][-1], len(found), len(wanted))}


@given(WORDS, WORDS)
def test_rouge_is_that_of_the_paper(found: list[str], wanted: list[str]) -> None:
    mine = free.rouge(free.scorer_of(str.split), " ".join(found), [" ".join(wanted)])
    assert mine == pytest.approx(slow_rouge(found, wanted))


def test_rouge_by_hand_where_the_tokenizer_of_rouge_score_gives_nothing() -> None:
    """Four of five words are the reference's, three of them in its order; two pairs of words stand in both."""
    generated, reference = "كتب الولد الدرس، ثم نام", "كتبَ الولدُ درسَه ثم نام."
    assert RougeScorer(["rouge1"]).score(reference, generated)["rouge1"].fmeasure == 0
    [scores] = free.score(asked(("سؤال", generated, [reference], "MSA", True)), {})
    assert scores["rouge1"][0] == scores["rougeL"][0] == pytest.approx(0.8)
    assert scores["rouge2"][0] == pytest.approx(0.5)
    assert scores["length_ratio"] == (5, 5)


def test_a_spelling_variant_counts_in_one_view_only() -> None:
    [scores] = free.score(asked(("س", "ذهب الى المدرسه", ["ذهب إلى المدرسة"], "MSA", True)), {})
    assert (scores["rouge1"][0], scores["rouge1_normalized"][0]) == (pytest.approx(1 / 3), 1)
    [best] = free.score(asked(("س", "نعم", ["لا", "نعم"], "MSA", True)), {})
    assert best["rouge1"][0] == 1


def test_empty_answers_and_answers_without_reference() -> None:
    empty, alone = free.score(asked(("س", "", ["نعم هذا"], "EGY", True), ("س", "نعم", [], "MSA", False)), {})
    assert (empty["empty"], empty["rougeL"], empty["length_ratio"]) == ((1, 1), (0, 1), (0, 2))
    assert (empty["tagged_unknown"], empty["same_dialect"]) == ((1, 1), (0, 1))
    assert not {"rouge1", "chrf_sentence", "length_ratio", "same_dialect"} & set(alone)


@pytest.mark.parametrize(
    ("text", "loops"),
    [
        ("لا لا لا لا لا لا", True),
        ("قال نعم نعم نعم", False),  # emphasis
        ("في البيت في البيت في البيت", True),
        ("في البيت في البيت", False),
        ("ذهب ثم عاد من هنا من هنا من هنا من", True),  # cut in its fourth round
        ("كتب الولد الدرس ثم نام في بيته الجديد", False),
        ("التعليم: التعليم: التعليم: التعليم: التعليم: التعليم: التع", True),  # cut within a word
        ("التعليم التعليم التعليم التعليم التعليم ثم", False),
        ("", False),
    ],
)
def test_loops(text: str, loops: bool) -> None:
    assert repetition.loops(text.split()) is loops


def test_repetition_by_hand() -> None:
    scores = repetition.score(["ا", "ب", "ا", "ب", "ا", "ب"])
    assert scores["distinct_1"] == (2, 6)
    assert scores["distinct_2"] == (2, 5)
    assert scores["repeated_4"] == (1, 3)  # the first and the third run of four are equal
    assert repetition.score(["ا"])["distinct_2"] == (0, 0)


def test_the_spelling_of_the_first_reference_stands_beside_that_of_the_answer() -> None:
    row = ("س", "على الى", ["علي إلى على", "على"], "MSA", True)
    [scores] = free.score(asked(row), {"علي": "على", "الي": "إلى"})
    assert (scores["misspelt"], scores["misspelt_reference"]) == ((1, 2), (1, 3))


TRAINING = pl.Series(
    ["ذهب أحمد إلى المدرسة على الطريق"] * 12
    + ["جلس على الكرسي في هذه المدينة وسأل"] * 10
    + ["علي فتى"]  # one in twenty-three
    + ["قرا الى"] * 2  # two of fourteen: not dominant enough for one spelling
)


def listed(**settings: float) -> dict[str, str]:
    return spelling.spellings(spelling.list_of(TRAINING, SpellingSettings(**settings)))


def test_the_list_has_words_that_nearly_everybody_spells_alike() -> None:
    words = listed(dominance=0.9)
    assert words["علي"] == "على"
    assert words["المدرسه"] == "المدرسة"
    assert words["احمد"] == "أحمد"
    assert "الي" not in words
    assert "فتي" not in words, "too rare"
    assert listed(dominance=0.8)["الي"] == "إلى"
    assert "علي" not in listed(dominance=0.99)


def test_mistakes_are_told_by_their_kind() -> None:
    words = listed(dominance=0.8)
    scores = spelling.score(["ذهب", "احمد", "الى", "المدرسه", "علي", "الطريق", "أمس"], words)
    assert scores["misspelt"] == (4, 6)  # the last word is not in the list
    assert scores["misspelt_hamza"] == (2, 6)
    assert scores["misspelt_alef_maksura"] == (1, 6)
    assert scores["misspelt_ta_marbuta"] == (1, 6)
    assert spelling.mistakes("الي", "إلى") == {"hamza", "alef_maksura"}
    assert spelling.mistakes("مسوول", "مسؤول") == {"hamza"}
    assert spelling.score([], words)["misspelt"] == (0, 0)


def test_does_the_model_write_the_preposition_on() -> None:
    words = listed()
    right, wrong = (spelling.score(["جلس", word, "الكرسي"], words)["misspelt"][0] for word in ("على", "علي"))
    assert (right, wrong) == (0, 1)


def test_an_answer_in_the_dialect_of_its_question() -> None:
    egyptian = "انا مش عارف انت عايز ايه دلوقتي يا عم"
    standard = "لا أعلم ما الذي تريده الآن يا سيدي الكريم"
    stays, leaves, tagged = free.score(
        asked(
            ("انت عايز ايه؟", egyptian, [egyptian], "EGY", True),
            ("انت عايز ايه؟", standard, [egyptian], "EGY", True),
            ("انت عايز ايه؟", standard, [egyptian], "EGY", False),
        ),
        {},
    )
    assert (stays["same_dialect"], stays["tagged_EGY"], stays["tagger_right"]) == ((1, 1), (1, 1), (1, 1))
    assert (leaves["same_dialect"], leaves["tagged_MSA"]) == ((0, 1), (1, 1))
    assert "same_dialect" not in tagged, "a dialect that was tagged is no truth"
