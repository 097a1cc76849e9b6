"""Tables of code points on Arrow columns: nulls, offsets, slices, growth; constants shared with the kernels."""

import importlib
import unicodedata

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arabic_llm_pipeline.arabic import alphabet, charmap, measure, script, sentences, words
from arabic_llm_pipeline.arabic.columns import from_array, from_series
from tests.arabic import reference

RULES = {"أ": "ا", "x": "", "ﷺ": "صلى الله عليه وسلم", "a": "😀😀", "😀": "b"}
TABLE = charmap.build(RULES)
TEXTS = st.lists(st.none() | st.text(st.sampled_from([*RULES, *"اب c\n😀é"])), max_size=12)


def by_hand(text: str) -> str:
    return "".join(RULES.get(char, char) for char in text)


@settings(max_examples=100, deadline=None)
@given(texts=TEXTS, start=st.integers(0, 5), length=st.integers(0, 12))
def test_slices_with_nulls_are_rewritten_as_their_rows_are(texts: list[str | None], start: int, length: int) -> None:
    array = pa.array(texts, pa.large_string()).slice(start, length)
    done = TABLE.apply_array(array)
    done.validate(full=True)
    expected = [None if text is None else by_hand(text) for text in texts[start : start + length]]
    assert done.to_pylist() == expected
    assert all(TABLE.apply(text) == by_hand(text) for text in texts if text is not None)


def test_bytes_under_a_null_are_not_read() -> None:
    offsets = np.array([0, 2, 4], np.int64)
    data = np.frombuffer(b"\xff\xffab", np.uint8)
    validity = pa.py_buffer(bytes([0b10]))
    array = pa.LargeStringArray.from_buffers(2, pa.py_buffer(offsets), pa.py_buffer(data), validity, 1)
    assert TABLE.apply_array(array).to_pylist() == [None, "😀😀b"]


def test_output_grows_beyond_its_first_room() -> None:
    text = "ﷺ" * 50_000
    assert TABLE.apply(text) == by_hand(text)


@given(texts=TEXTS)
@settings(max_examples=30, deadline=None)
def test_columns_go_to_bytes_and_back(texts: list[str | None]) -> None:
    series = pl.Series("name", texts, dtype=pl.String)
    assert from_series(series).to_series("name").equals(series, check_names=True)
    assert from_array(pa.array(texts, pa.large_string())).to_array().to_pylist() == texts


def test_chained_rules_do_one_after_another() -> None:
    assert charmap.chain({"a": "bc"}, {"b": "", "c": "dd"}, {"d": "e", "a": "z"}) == {
        "a": "ee",
        "b": "",
        "c": "ee",
        "d": "e",
    }


def test_flags_tell_which_characters_a_row_had_or_got() -> None:
    table = charmap.build({"a": "bc"}, flags={1: "b", 4: "x"})
    _, flags = table.apply_column(from_series(pl.Series(["a", "x", "bx", "q", None])))
    assert flags.tolist() == [1, 4, 5, 0, 0]


HINTS = ["&", "[[", "](", "www", "[http", "://"]
PARTS = [*HINTS, "[", "]", "(", "w", "W", "WW", "\u200b", "ب", "HTTP", ":", "/", "\u0301", " ", "\n"]


@settings(max_examples=200, deadline=None)
@given(texts=st.lists(st.none() | st.lists(st.sampled_from(PARTS), max_size=8).map("".join), max_size=4))
def test_hints_are_reported_of_a_text_and_of_what_becomes_of_it(texts: list[str | None]) -> None:
    table = charmap.build({"\u200b": "", "(": "&"}, blanks=[32], lines="\n", hints=HINTS, flags={1: "\u0301"})
    column, flags = table.apply_column(from_series(pl.Series(texts, dtype=pl.String)))
    has = [any(hint in (text or "").lower() for hint in HINTS) for text in texts]
    assert [bool(flag & charmap.HINTED) for flag in flags] == has
    after = [any(hint in (text or "").lower() for hint in HINTS) for text in column.to_array().to_pylist()]
    assert all(flag & charmap.STILL_HINTED for flag, found in zip(flags, after, strict=True) if found)
    assert [bool(flag & 1) for flag in flags] == ["\u0301" in (text or "") for text in texts]


@settings(max_examples=200, deadline=None)
@given(text=st.lists(st.sampled_from("بَُِّْٰٓٔ\u0301\u0323\u0316\u0300a \n\U0001e944\u200d"), max_size=12).map("".join))
def test_marks_are_put_in_canonical_order(text: str) -> None:
    drop = {"\u200d": ""}
    assert charmap.build(drop, sort_marks=True).apply(text) == reference.sort_marks(text.replace("\u200d", ""))
    assert charmap.build(drop).apply(text) == text.replace("\u200d", "")


@pytest.mark.parametrize(
    ("module", "kernel"),
    [
        (charmap, "rewrite_kernel"),
        (measure, "measure_kernel"),
        (sentences, "sentences_kernel"),
        (words, "words_kernel"),
        (script, "script_kernel"),
    ],
)
def test_constants_are_those_of_the_kernel(module: object, kernel: str) -> None:
    theirs = vars(importlib.import_module(f"arabic_llm_pipeline.arabic.{kernel}"))
    common = {name for name, value in vars(module).items() if name.isupper() and isinstance(value, int)} & set(theirs)
    assert len(common) >= 6
    assert {name: getattr(module, name) for name in common} == {name: theirs[name] for name in common}


def test_sets_of_the_alphabet() -> None:
    assert {*"أإآٱٲٳٵ"} == {*alphabet.ALEF_VARIANTS}
    assert alphabet.HARAKAT == "ًٌٍَُِّْٰ"
    assert {*"ابتثجحخدذرزسشصضطظعغفقكلمنهويءآأؤإئىة"} <= {*alphabet.ARABIC_LETTERS}
    assert all(unicodedata.category(mark) in ("Mn", "Lm") for mark in alphabet.ARABIC_MARKS)
    places = alphabet.categories()
    every = [alphabet.CATEGORIES[place] for place in places]
    assert all(unicodedata.category(chr(code)) == name for code, name in enumerate(every))
    combining = alphabet.combining_classes()
    assert all(unicodedata.combining(chr(code)) == combining[code] for code in range(0x20000))


def test_texts_without_sensitive_characters_are_composed() -> None:
    """What `compositions` leaves out cannot make a text differ from its NFC, marks in order."""
    seconds, never = alphabet.compositions()
    for code in range(0x110000):
        char = chr(code)
        if not 0xD800 <= code <= 0xDFFF and not unicodedata.is_normalized("NFC", char):
            assert char in never
    assert {"\u0653", "\u0654", "\u0655", "\u0301", "\u1161"} <= seconds
    assert not set("ابتةًّ") & (seconds | never)
