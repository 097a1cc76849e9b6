"""The preview as a browser gets it: whole, self-contained, escaped, and no longer than it may be."""

import base64
import hashlib
import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arabic_llm_pipeline.corpus.limits import Deciding
from arabic_llm_pipeline.corpus.preview import ROWS
from arabic_llm_pipeline.parameters.duplicates import DuplicatesSettings
from arabic_llm_pipeline.parameters.quality import QualitySettings
from arabic_llm_pipeline.parameters.text import FilterSettings
from arabic_llm_pipeline.reporting import preview
from arabic_llm_pipeline.reporting.changes import CUT, Piece, marked
from tests.reporting.test_page import HOSTILE, seen

DECIDING = Deciding(FilterSettings(), QualitySettings(), DuplicatesSettings())


def row(before: str, after: str, reason: str | None = None, **fields) -> dict:
    shown = {
        "table": "documents",
        "source": "web",
        "id": "web/1",
        "dialect": "MSA",
        "split": "train",
        "rank": 0,
        "of": 7,
    }
    messages = {"before": [{"role": "document", "content": before}], "after": [{"role": "document", "content": after}]}
    return shown | messages | {"reason": reason} | fields


def page(*rows: dict, characters: int = 600) -> str:
    return preview.render(pl.DataFrame(list(rows), schema=ROWS), DECIDING, characters)


WORDS = st.lists(st.sampled_from(["نص", "نـــص", "كتاب", " ", "\n", "<b>", "،", "\u200f", "word"]), max_size=30).map(
    "".join
)


@given(WORDS, WORDS)
def test_the_pieces_are_both_texts(before: str, after: str) -> None:
    pieces = marked(before, after, 10_000)
    assert "".join(piece.text for piece in pieces if piece.kind != "ins") == before
    assert "".join(piece.text for piece in pieces if piece.kind != "del") == after


def test_an_excerpt_ends_with_an_ellipsis() -> None:
    pieces = marked("كلمة " * 100, "كلمة " * 100, 50)
    assert pieces[-1] == Piece("same", CUT)
    assert len("".join(piece.text for piece in pieces)) < 60
    assert marked("كلمة واحدة", "كلمة واحدة", 50) == [Piece("same", "كلمة واحدة")]


def test_what_cannot_be_seen_is_named() -> None:
    found = page(row("قال\u200f لي\u0000\n\n\nثم", "قال لي\n\nثم"))
    assert "قال<del>[U+200F]</del> لي<del>[U+0000]" in found
    assert "\u0000" not in found


def test_the_value_stands_beside_its_threshold() -> None:
    found = page(row("قصير", "قصير", "too_short", value=1.0))
    assert "1 / 3" in found
    assert "filters.min_words" in found
    found = page(row("نص", "نص", "near_evaluation", value=0.875, stays_source="exam", stays_id="exam/3", stays=[]))
    assert "0.875 / 0.8" in found
    assert "exam/3" in found


def test_hostile_texts_are_shown_and_do_nothing() -> None:
    bad = dict.fromkeys(("table", "source", "id", "dialect", "split", "stays_source", "stays_id"), HOSTILE)
    messages = [{"role": HOSTILE, "content": HOSTILE}]
    text = page(row("", "", HOSTILE) | bad | {"before": messages, "after": messages, "stays": messages})
    found = seen(text)
    assert found.tags.count("script") == 1
    assert found.misnested == []
    assert found.open == []
    assert sum("<script>alert('1')</script>" in data for data, _ in found.texts) >= 8
    assert "\n49" not in text


def test_nothing_is_fetched_and_only_the_pages_own_script_runs() -> None:
    text = page(row("<p>نص</p>", "نص"), row("", "", "empty"))
    found = seen(text)
    assert all(href.startswith("#") for _, _, href in found.links)
    assert not {"link", "iframe", "img", "object"} & set(found.tags)
    assert not re.search(r"url\(|@import|https?://", text)
    script = re.search(r"<script>(.*)</script>", text, re.DOTALL)
    assert script
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in text


def test_arabic_runs_from_right_to_left_and_the_filters_are_there() -> None:
    text = page(
        row("نص عربي", "نص عربي"), row("only English", "only English", "little_arabic", source="books", value=0.0)
    )
    assert '<html lang="ar" dir="rtl">' in text
    assert '<p class="text" dir="rtl" lang="ar">نص عربي</p>' in text
    assert '<p class="text" dir="ltr">only English</p>' in text
    assert re.findall(r'<option value="(\w+)"', text) == ["documents", "books", "web", "MSA"]
    assert re.findall(r'<button type="button" data-reason="(\w*)"', text) == ["", "kept", "little_arabic"]


@pytest.mark.parametrize(("most", "left"), [(10**6, [0, 1, 2, 3]), (250, [0, 2]), (320, [0, 1, 2]), (5, [])])
def test_the_page_keeps_the_first_of_each_group_within_its_size(most: int, left: list[int]) -> None:
    assert preview.fitting(["ص" * 50] * 4, [0, 1, 0, 2], most) == left


def test_what_is_left_out_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "BYTES", 3000)
    text = page(*(row(f"نص {n}", f"نص {n}", rank=n) for n in range(30)))
    shown = text.count("<article")
    assert 0 < shown < 30
    assert f"{30 - shown} more records were drawn and left out" in text


def test_an_empty_corpus_has_a_page() -> None:
    assert "<article" not in page()
