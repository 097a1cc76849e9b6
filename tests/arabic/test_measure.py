"""Counts against a slow count by `unicodedata`, and cases counted by hand."""

import re
import unicodedata

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from arabic_llm_pipeline.arabic import alphabet, measure

HARAKAT = "ًٌٍَُِّْٰ\u06e1\u0656\u0657\u065e\u08f0\u08f1\u08f2"  # and of printed Qurans: sukun, open tanwin
CASES = {
    "": (0, 0, 0.0, 0.0),
    "كتاب جديد، بـ3.5 دينار": (22, 5, 1.0, 0.0),
    "قال hello": (9, 2, 3 / 8, 0.0),
    "مُحَمَّدٌ": (9, 1, 1.0, 5 / 4),
    "غَفُورٞ سَمِيعَۢا": (17, 2, 1.0, 6 / 9),
    "... ـــ !": (9, 0, 0.0, 0.0),
    "12": (2, 1, 0.0, 0.0),
}


def test_cases_counted_by_hand() -> None:
    frame = pl.DataFrame({"text": [*CASES, None]}, schema={"text": pl.String})
    text = pl.col("text")
    done = frame.lazy().select(
        characters=measure.characters_expr(text),
        words=measure.words_expr(text),
        arabic=measure.arabic_ratio_expr(text),
        diacritics=measure.diacritics_ratio_expr(text),
    )
    rows = done.collect().rows()
    assert done.collect_schema().dtypes() == [pl.Int32, pl.Int32, pl.Float32, pl.Float32]
    assert rows[-1] == (None, None, None, None)
    for row, expected in zip(rows[:-1], CASES.values(), strict=True):
        assert row[:2] == expected[:2]
        assert max(abs(row[2] - expected[2]), abs(row[3] - expected[3])) < 1e-6


def slow(text: str) -> dict[str, int]:
    kinds = [unicodedata.category(char) for char in text]
    part = "".join("w" if kind[0] in "LM" or kind == "Nd" else " " for kind in kinds)
    words = [text[match.start() : match.end()] for match in re.finditer("w+", part)]
    solid = [
        word for word in words if any(unicodedata.category(c)[0] == "L" or c.isdecimal() for c in word.replace("ـ", ""))
    ]
    letters = [char for char, kind in zip(text, kinds, strict=True) if kind[0] == "L" and char != "ـ"]
    return {
        "characters": len(text),
        "words": len(solid),
        "letters": len(letters),
        "arabic_letters": sum(char in alphabet.ARABIC_LETTERS for char in letters),
        "harakat": sum(char in HARAKAT for char in text),
        "merged_words": sum(any(char in "أإآٱٲٳٵىی" for char in word) for word in words),
    }


@settings(max_examples=200, deadline=None)
@given(text=st.text(st.sampled_from("ابأىیـًّٰ 3٣a.،\n😀देé\u200d") | st.characters(exclude_categories=("Cs",))))
def test_counts_agree_with_a_slow_count(text: str) -> None:
    row = pl.DataFrame({"text": [text]}).select(measure.measures_expr(pl.col("text")))["text"][0]
    assert {name: row[name] for name in measure.COUNTS} == slow(text)
