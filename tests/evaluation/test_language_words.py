"""Words of running text that are to be guessed: which they are, and what is put in their place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arabic_llm_pipeline.evaluation.language.words import WORD, Pools, generator, masked_words, next_words, place_rows

TEXT = "ذهبت سلمى إلى السوق، ثم عادت بالخبز. وقالت: «أنا متعبة جدًا اليوم وأريد النوم»!\nرقم 12 وabc هنا آخر."


def test_words_keep_clitics_and_marks_and_lose_punctuation() -> None:
    assert WORD.findall("قال: «وَبِكِتابِهِم»، نعم... مي‌خواهم!") == ["قال", "وَبِكِتابِهِم", "نعم", "مي‌خواهم"]


def test_a_next_word_is_arabic_and_comes_after_one_space_and_three_words() -> None:
    places = next_words([TEXT, "كلمتان فقط هنا"], ["a", "b"], 100, 0)
    assert [place.word for place in places] == [
        "السوق", "ثم", "عادت", "بالخبز", "وقالت", "متعبة", "جدًا", "اليوم", "وأريد", "النوم", "وabc", "هنا", "آخر",
    ]  # fmt: skip
    assert all(TEXT[place.start - 1] == " " for place in places)


def test_words_after_two_spaces_are_not_asked() -> None:
    assert [place.word for place in next_words(["أ ب ت ث  ج ح"], ["a"], 9, 0)] == ["ث", "ح"]


def test_a_word_left_out_stands_in_a_sentence_that_is_neither_short_nor_long() -> None:
    short, long, right = "نعم يا أخي.", " ".join(["كلمة"] * 41) + ".", "كتب الطالب الدرس في الدفتر."
    places = masked_words([f"{short} {long} {right}"], ["a"], 100, 0)
    assert [place.word for place in places] == ["كتب", "الطالب", "الدرس", "في", "الدفتر"]
    assert {place.text.strip() for place in places} == {right}
    assert places[1].filled("المعلم").strip() == "كتب المعلم الدرس في الدفتر."


def test_places_are_told_by_where_they_stand_in_the_document() -> None:
    text = "نعم. كتب الطالب الدرس في الدفتر."
    for start, word in place_rows(masked_words([text], ["a"], 9, 0)).select("start", "word").rows():
        assert text[start : start + len(word)] == word


@given(st.integers(1, 8), st.integers(0, 5))
def test_what_is_drawn_hangs_on_the_document_and_the_seed_alone(count: int, seed: int) -> None:
    other = "هذه وثيقة أخرى عن شيء آخر تماما"
    alone = next_words([TEXT], ["a"], count, seed)
    beside = [place for place in next_words([other, TEXT], ["b", "a"], count, seed) if place.document == 1]
    assert [place[2:4] for place in alone] == [place[2:4] for place in beside]
    assert len(alone) == count
    assert alone == sorted(set(alone))


def test_another_seed_draws_others() -> None:
    assert len({tuple(next_words([TEXT], ["a"], 3, seed)) for seed in range(9)}) > 1


def test_distractors_have_the_length_the_frequency_and_the_dialect_of_the_word() -> None:
    texts = ["كتب قلم باب باب باب قمر نهر شمس abc", "بيت حجر", "ولد"]
    pools = Pools(texts, ["MSA", "MSA", "EGY"])
    once = {"كتب", "قلم", "قمر", "نهر", "شمس", "بيت", "حجر"}
    drawn = [pools.distractors("كتب", "MSA", 3, generator("x", seed)) for seed in range(40)]
    assert {word for words in drawn for word in words or []} == once - {"كتب"}
    assert all(words and len(set(words)) == 3 for words in drawn)


@pytest.mark.parametrize(("word", "dialect", "count"), [("باب", "MSA", 1), ("ولد", "EGY", 1), ("كتب", "MSA", 3)])
def test_too_few_others_are_none(word: str, dialect: str, count: int) -> None:
    pools = Pools(["كتب قلم قمر باب باب", "ولد"], ["MSA", "EGY"])
    assert pools.distractors(word, dialect, count, generator("x", 0)) is None
