"""Buckwalter's transliteration, against the table of camel-tools where it is installed, and words written by hand."""

import pytest

from arabic_llm_pipeline.arabic.buckwalter import TABLE, to_arabic


@pytest.mark.parametrize(
    ("ascii_", "arabic"),
    [("mHmd bn AtSl", "محمد بن اتصل"), (">nA &l}k |n <lY", "أنا ؤلئك آن إلى"), ("hunAka $yo'N", "هُناكَ شيْءٌ"),
     ("mdrsp <UNK> AlrHmn", "مدرسة   الرحمن"), ("r~a", "\u0631\u0651\u064e"), ("h`*A {lbyt", "هٰذا ٱلبيت")],
)  # fmt: skip
def test_words(ascii_: str, arabic: str) -> None:
    assert to_arabic(ascii_) == arabic


def test_no_two_letters_are_one() -> None:
    assert len({*TABLE.values()}) == len(TABLE)


def test_the_table_is_that_of_camel_tools() -> None:
    charmap = pytest.importorskip("camel_tools.utils.charmap")
    theirs = charmap.CharMapper.builtin_mapper("bw2ar")
    assert {chr(code): letter for code, letter in TABLE.items()} == {chr(c): theirs(chr(c)) for c in TABLE}
