"""Rows that are shown: which, and what is marked in them."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arabic_llm_pipeline.corpus.records import DOCUMENTS, REJECTS
from arabic_llm_pipeline.reporting.changes import change, chosen, kind, lost, put_in
from arabic_llm_pipeline.reporting.rows import changed_texts, dropped_rows, rejected_rows
from tests.reporting.made_corpus import document

TEXT = st.text(st.sampled_from("اللغةَ ـ<p>.\n ab"), max_size=60)


def frame(*rows: dict) -> pl.LazyFrame:
    return pl.DataFrame(rows, schema=DOCUMENTS).lazy()


def joined(pieces: list, *kinds: str) -> str:
    return "".join(piece.text for piece in pieces if piece.kind in kinds)


@given(TEXT, TEXT)
def test_a_change_marks_all_that_differs_and_loses_nothing(before: str, after: str) -> None:
    found = change("id", before, after, 10_000)
    assert before.endswith(joined(found.before, "same", "del"))
    assert after.endswith(joined(found.after, "same", "ins"))
    assert joined(found.before, "same") == joined(found.after, "same")
    if len(before) < 60:  # nothing is cut off at the beginning
        assert joined(found.before, "same", "del") == before


def test_a_change_marks_words_with_their_marks_and_signs_one_by_one() -> None:
    found = change("id", "قال: <b>مدرسةٌ</b> كبيـرة", "قال: مدرسةٌ كبيرة", 400)
    assert [piece.text for piece in found.before if piece.kind == "del"] == ["<b>", "</b>", "كبيـرة"]
    assert [piece.text for piece in found.after if piece.kind == "ins"] == ["كبيرة"]


def test_a_late_change_is_shown_from_shortly_before_it() -> None:
    start = "كلمة " * 200
    found = change("id", start + "<p>نهاية", start + "نهاية", 100)
    assert "<p>" in joined(found.before, "del")
    assert len(joined(found.before, "same", "del")) <= 120


def test_dropped_rows_are_of_every_reason_and_of_several_sources() -> None:
    rows = [document(f"{n}", f"نص {n}", "duplicate") for n in range(5)]
    rows += [document("a", "نص آخر", "duplicate", "web"), document("b", "س", "too_short"), document("c", "مقبول")]
    found = dropped_rows(frame(*rows), 2, 400)
    assert found.select("reason", "source", "excerpt").rows() == [
        ("duplicate", "web", "نص آخر"), ("duplicate", "wikipedia", "نص 0"), ("too_short", "wikipedia", "س"),
    ]  # fmt: skip
    assert dropped_rows(frame(*rows), 0, 400).is_empty()


def test_a_long_dropped_text_is_cut_and_marked() -> None:
    found = dropped_rows(frame(document("a", "س" * 900, "too_long")), 2, 100)["excerpt"][0]
    assert len(found) == 100
    assert found.endswith("…")


def test_rejected_rows_are_the_first_of_each_reason() -> None:
    rows = [
        {"source": "web", "file": "f", "place": n, "reason": reason, "excerpt": ""}
        for n, reason in enumerate(["b", "a", "b", "b"])
    ]
    found = rejected_rows(pl.DataFrame(rows, schema=REJECTS).lazy(), 2)
    assert found.select("reason", "place").rows() == [("a", 1), ("b", 0), ("b", 2)]


def test_both_sides_of_a_long_text_end_at_the_same_word() -> None:
    before, after = "<p>" + "كلمة جديدة " * 100, "كلمة جديدة " * 100
    found = change("id", before, after, 100)
    assert joined(found.before, "same") == joined(found.after, "same")
    assert joined(found.after, "ins") == ""
    assert 90 < len(joined(found.after, "same")) <= 110


@pytest.mark.parametrize(
    ("character", "expected"),
    [
        ("\N{ARABIC LETTER BEH INITIAL FORM}", "presentation forms"), ("\N{ARABIC TATWEEL}", "tatweel"),
        ("ب", "Arabic letters"), ("b", "Latin letters"), ("я", "letters of other scripts"), ("😀", "signs"),
        ("\N{ZERO WIDTH NON-JOINER}", "invisible characters"), ("\N{ARABIC FATHA}", "marks"), ("<", "signs"),
        ("٣", "digits"), ("\n", "spaces"), ("\x00", "control characters"), ("\uffff", "unassigned characters"),
    ],
)  # fmt: skip
def test_kinds_of_characters(character: str, expected: str) -> None:
    assert kind(character) == expected


def test_lost_counts_what_there_was_more_of() -> None:
    assert lost("<b>كبيـــرة</b>", "كبيرة") == {"signs": 5, "Latin letters": 2, "tatweel": 3}
    assert lost("نص", "نص آخر") == {}


def test_documents_are_chosen_to_show_many_kinds_of_change() -> None:
    rows = [("a", "<p>نص</p>", "نص"), ("b", "<p>نصوص</p>", "نصوص"), ("c", "نــص", "نص"), ("d", "<i>نــصx</i> ", "نص")]
    assert [row[0] for row in chosen(rows, 2)] == [
        "d",
        "c",
    ]  # d shows four kinds; nothing is new then, the shortest is next
    assert [row[0] for row in chosen(rows[:3], 2)] == ["a", "c"]
    assert chosen(rows, 0) == []


def test_changed_texts_are_kept_documents_with_the_most_kinds_of_change_first() -> None:
    before = frame(
        document("1", "لم يتغير"), document("2", "<p>فقرة</p>"), document("3", "كلـمة"), document("4", "<i>مرفوض</i>")
    )
    after = frame(
        document("1", "لم يتغير"), document("2", "فقرة"), document("3", "كلمة"), document("4", "مرفوض", "too_short")
    )
    assert [name for name, _, _ in changed_texts(before, after, 5)] == ["wikipedia/2", "wikipedia/3"]
    assert changed_texts(before, after, 1) == [("wikipedia/2", "<p>فقرة</p>", "فقرة")]


@given(TEXT, TEXT)
def test_what_was_put_in_is_marked_and_the_text_stays_whole(before: str, after: str) -> None:
    found = put_in(before, after)
    assert joined(found, "same", "ins") == after
    assert not [piece for piece in put_in(after, after) if piece.kind == "ins"]


def test_words_that_another_answer_has_not_are_marked() -> None:
    found = put_in("العاصمة هي دمشق.", "العاصمة هي عمان.")
    assert [piece.text for piece in found if piece.kind == "ins"] == ["عمان"]
