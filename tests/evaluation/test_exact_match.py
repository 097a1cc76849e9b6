"""What counts as right, and as the preferred form."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arabic_llm_pipeline.evaluation.exact_match import FINAL, bare, has_form, judged, rows
from tests.evaluation.conftest import item, items


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("القاهرة", "القاهرة"),
        ("  القاهرة .\nسؤال: ما", "القاهرة"),
        ("\n\n القاهرة؟!…\n", "القاهرة"),
        ("3.5", "3.5"),
        ("«نعم».", "«نعم»"),
        ("50%", "50%"),
        ("", ""),
        (" \n ", ""),
        ("...", ""),
        ("القاهرة\u2028سؤال", "القاهرة"),
    ],
)
def test_the_first_line_without_final_punctuation(text: str, line: str) -> None:
    assert bare(text) == line


@given(st.text(), st.text(alphabet=FINAL + " "))
def test_final_punctuation_does_not_matter(text: str, end: str) -> None:
    once = bare(text)
    assert bare(once) == once
    if once:
        assert bare(once + end) == once


CAPITAL = ["القاهرة", "العاصمة هي القاهرة."]


@pytest.mark.parametrize(
    ("generated", "strict", "normalized", "form"),
    [
        ("القاهرة", True, True, False),
        ("القاهرة.", True, True, False),
        ("العاصمة هي القاهرة", True, True, True),
        ("العاصمة هي القاهرة.\nسؤال", True, True, True),
        ("العاصمه هى القاهره", False, True, False),
        ("الْقَاهِرَة", False, True, False),
        ("«القاهرة»", False, True, False),
        ("العاصمة هي دمشق.", False, False, True),
        ("العاصمة هي", False, False, False),
        ("العاصمة هي .", False, False, False),
        ("دمشق", False, False, False),
        ("القاهرة الكبرى", False, False, False),
        ("", False, False, False),
        ("؟!", False, False, False),
    ],
)
def test_judgement(generated: str, strict: bool, normalized: bool, form: bool) -> None:
    row = judged(items(item("i/1", "capital", "ما عاصمة مصر؟", *CAPITAL)), [generated], [True]).row(0, named=True)
    assert (row["strict"], row["normalized"], row["preferred_form"]) == (strict, normalized, form)
    assert (row["item_id"], row["prompt"], row["answers"]) == ("i/1", "ما عاصمة مصر؟", CAPITAL)


def test_the_form_is_the_sentence_around_the_terse_answer_or_the_sentence_itself() -> None:
    assert has_form("بلى، هو كذلك.", ["نعم", "بلى، هو كذلك"]) is True
    assert has_form("بلى", ["نعم", "بلى، هو كذلك"]) is False
    assert has_form("نعم", ["نعم"]) is None
    assert has_form("هي دمشق عاصمة", ["حلب", "هي حلب عاصمة"]) is True
    assert has_form("هي  عاصمة", ["حلب", "هي حلب عاصمة"]) is False, "something must stand in the place of the answer"
    assert has_form("هي عاصمة", ["حلب", "هي حلب عاصمة"]) is False, "beginning and end do not share a space"
    assert has_form("شيء", ["كتب", "كتب"]) is False, "a sentence that is the terse answer has no form of its own"


def test_an_empty_answer_equals_nothing_not_even_an_empty_one() -> None:
    found = judged(items(item("i/1", "f", "س", "...")), [""], [True])
    assert not found["strict"][0]
    assert not found["normalized"][0]


def test_rows_by_hand() -> None:
    asked = items(
        item("i/1", "capital", "س", *CAPITAL),
        item("i/2", "capital", "س", *CAPITAL),
        item("i/3", "capital", "س", *CAPITAL),
        item("i/4", "capital", "س", *CAPITAL),
        item("i/5", "plural", "س", "كتب"),
    )
    answers = judged(asked, ["القاهرة", "العاصمة هي القاهرة", "العاصمة هي دمشق", "القاهره", "كتب"], [True] * 5)
    whole, capital, plural = rows(answers, 7)
    assert (whole["family"], whole["items"], whole["strict"], whole["normalized"]) == ("all", 5, 3 / 5, 4 / 5)
    assert whole["unanswerable"] == 7
    assert (capital["strict"], capital["normalized"], capital["split"]) == (2 / 4, 3 / 4, "test")
    assert capital["interval"] == pytest.approx((0.1500, 0.8500), abs=1e-4)
    assert (capital["preferred_form"], capital["preferred_form_of_right"]) == (2 / 4, 1 / 2)
    assert whole["preferred_form"] == 2 / 4, "an item with one form only does not count"
    assert (plural["preferred_form"], plural["preferred_form_interval"], plural["preferred_form_of_right"]) == (
        None,
    ) * 3
    assert plural["strict"] == 1.0


def test_without_items_there_is_no_score() -> None:
    (row,) = rows(judged(items(), [], []))
    assert row["strict"] is None
    assert row["why"] == "no held-out item with an accepted answer"


def test_a_conversation_is_shown_whole() -> None:
    turns = [("system", "أجب."), ("user", "ما الاسم؟"), ("assistant", "سعاد"), ("user", "ومتى؟")]
    prompt = [{"role": role, "content": content} for role, content in turns]
    row = item("i/1", "f", "س", "غدا") | {"prompt": prompt}
    assert judged(items(row), ["غدا"], [False])["prompt"][0] == "أجب.\nما الاسم؟\nسعاد\nومتى؟"


def test_columns_of_answers() -> None:
    frame = judged(items(item("i/1", "f", "س", "غدا")), ["غدا"], [False])
    assert frame.schema == pl.Schema(
        {
            "item_id": pl.String, "family": pl.String, "dialect": pl.String, "prompt": pl.String,
            "answers": pl.List(pl.String), "generated": pl.String, "strict": pl.Boolean, "normalized": pl.Boolean,
            "preferred_form": pl.Boolean, "stopped": pl.Boolean,
        }
    )  # fmt: skip
