"""Fertility against token strings, whose letters are bytes, and cases worked by hand."""

import unicodedata
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.corpus.records import DOCUMENTS, message
from arabic_llm_pipeline.corpus.shards import ShardSet, ShardWriter
from arabic_llm_pipeline.tokens.fertility import COUNTS, _counted, drawn, measure

MARKS = "ًٌٍَُِّْٰ"
TEXT = st.text(alphabet=st.sampled_from(list("ابتكلمنويىةأإؤئء" + MARKS + "؟، \n.x1😀")), max_size=50)


def slow(tokenizer: Any, text: str) -> dict[str, int]:
    """By bytes: in a byte-level vocabulary every letter of a token stands for one."""
    tokens = tokenizer.encode(text, add_special_tokens=False).tokens
    borders, at = {0}, 0
    for token in tokens:
        at += len(token)
        borders.add(at)
    data = text.encode()
    assert at == len(data)
    starts = [len(text[:i].encode()) for i in range(len(text) + 1)]
    whole = set(starts)
    words = text.split()
    torn = split = 0
    place = 0
    for word in words:
        place = text.index(word, place)
        inside = [i for i in range(place + 1, place + len(word)) if starts[i] in borders]
        parts = any(b in borders for b in range(starts[place] + 1, starts[place + len(word)]) if b not in whole)
        split += bool(inside) or parts
        torn += any(text[i] in MARKS for i in inside)
        place += len(word)
    edges = sorted(borders)
    part = sum(1 for a, b in pairwise(edges) if a not in whole or b not in whole)
    marked = sum(any(c in MARKS for c in word) for word in words)
    return {
        "texts": 1, "words": len(words), "whole_words": len(words) - split, "tokens": len(tokens),
        "characters": len(text), "bytes": len(data), "unknown": 0, "part_tokens": part,
        "marked_words": marked, "torn_words": torn,
    }  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(TEXT)
def test_equals_counting_by_bytes(bpe: Path, text: str) -> None:
    tokenizer = Tokenizer.from_file(str(bpe / "tokenizer.json"))
    text = unicodedata.normalize("NFC", text)
    found = _counted(tokenizer, pl.DataFrame({"text": [text]})).row(0, named=True)
    assert {name: found[name] for name in COUNTS} == slow(tokenizer, text)


def test_by_hand() -> None:
    """A vocabulary of three words: the third is unknown, and nothing is split."""
    tokenizer = Tokenizer(models.WordLevel({"كتب": 0, "ولد": 1, "؟": 2}, unk_token="؟"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    row = _counted(tokenizer, pl.DataFrame({"text": ["كتب ولد كِتاب"]})).row(0, named=True)
    assert (row["words"], row["whole_words"], row["tokens"], row["unknown"]) == (3, 3, 3, 1)
    assert (row["marked_words"], row["torn_words"], row["part_tokens"]) == (1, 0, 0)


@pytest.fixture
def documents(tmp_path: Path) -> ShardSet:
    vocalised = "كَتَبَ الوَلَدُ الدَّرْسَ"
    with ShardWriter(tmp_path / "documents", DOCUMENTS, 7) as writer:
        for n in range(30):
            text = vocalised if n % 10 == 0 else f"كتب الولد الدرس {n}"
            quality = {"diacritics_ratio": 0.8 if n % 10 == 0 else 0.0}
            row = {"id": f"a/{n}", "dialect": "EGY" if n % 3 == 0 else "MSA", "quality": quality}
            row["reason"] = "duplicate" if n == 29 else None
            writer.add(row | {"messages": [message("document", text)]})
    return ShardSet(tmp_path / "documents")


def test_the_sample_has_so_many_of_each(documents: ShardSet) -> None:
    found = drawn(documents, 4, 0)
    counts = dict(found.group_by("dialect").len().iter_rows())
    assert counts["MSA"] >= 4
    assert counts["EGY"] >= 4
    assert found["vocalised"].sum() == 3  # all there are
    assert len(found) <= 4 + 4 + 3
    assert found.equals(drawn(documents, 4, 0))
    assert not found.equals(drawn(documents, 4, 1))
    assert len(drawn(documents, 100, 0)) == 29  # what was dropped is not counted


def test_views_and_groups(documents: ShardSet, bpe: Path, tmp_path: Path) -> None:
    table = measure(documents, {"own": bpe}, 100, 0)
    rows = {(row["view"], row["group"]): row for row in table.iter_rows(named=True)}
    assert {group for _, group in rows} == {"all", "vocalised", "MSA", "EGY"}
    marked, bare = rows["text", "vocalised"], rows["without diacritics", "vocalised"]
    assert marked["marked_words"] == marked["words"] == bare["words"] == 9
    assert (bare["marked_words"], bare["torn_words"]) == (0, 0)
    assert marked["tokens"] > 2 * bare["tokens"]
    whole = rows["text", "all"]
    assert whole["tokens_per_word"] == pytest.approx(whole["tokens"] / whole["words"])
    assert whole["texts"] == sum(rows["text", group]["texts"] for group in ("MSA", "EGY")) == 29
    (tmp_path / "no").mkdir()
    with pytest.raises(UserError, match=r"fertility.tokenizers: no in .* is no fast tokenizer"):
        measure(documents, {"no": tmp_path / "no"}, 5, 0)
