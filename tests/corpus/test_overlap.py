"""Training texts that have most of an evaluation prompt, against sets of runs made in the plain way."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arabic_llm_pipeline.corpus import duplicates
from arabic_llm_pipeline.corpus.contamination import holds_expr, overlap_expr
from arabic_llm_pipeline.parameters.duplicates import DuplicatesSettings, OverlapSettings, SplitsSettings
from tests.corpus.making import document, item, shards

TEXTS = st.lists(st.sampled_from(["من", "عن", "على", "\n"]), max_size=12).map(" ".join)
PROMPTS = st.lists(st.lists(st.sampled_from(["من", "عن", "على"]), min_size=2, max_size=6).map(" ".join), min_size=1,
                   max_size=5, unique=True)  # fmt: skip


def runs(text: str, words: int) -> set[tuple[str, ...]]:
    found = text.split()
    return {tuple(found[n : n + words]) for n in range(len(found) - words + 1)}


@settings(max_examples=60)
@given(st.lists(TEXTS | st.none(), max_size=6), PROMPTS, st.integers(1, 3), st.sampled_from([0.01, 0.5, 0.7, 1.0]))
def test_the_largest_share_is_that_of_plain_sets(
    texts: list[str | None], prompts: list[str], words: int, share: float
) -> None:
    how = OverlapSettings(words=words, share=share)
    frame = pl.DataFrame({"text": texts}, schema={"text": pl.String})
    found = frame.select(overlap_expr(pl.col("text"), tuple(prompts), how)).to_series().to_list()
    for text, one in zip(texts, found, strict=True):
        asked = {prompt: own for prompt in prompts if (own := runs(prompt, words))}
        shares = {prompt: len(own & runs(text or "", words)) / len(own) for prompt, own in asked.items()}
        most = max(shares.values(), default=0.0)
        if text is None or most < share:
            assert one is None
        else:
            assert one["share"] == pytest.approx(most)
            assert shares[one["prompt"]] == pytest.approx(most)


def test_it_can_be_off() -> None:
    frame = pl.DataFrame({"text": ["نص من كلمات"]})
    off = overlap_expr(pl.col("text"), ("نص من كلمات",), OverlapSettings(share=None))
    assert frame.select(off).to_series().to_list() == [None]


@settings(max_examples=60)
@given(st.lists(TEXTS | st.none(), max_size=6), PROMPTS, st.integers(1, 3))
def test_what_holds_a_whole_prompt_is_found_as_by_a_plain_search(
    texts: list[str | None], prompts: list[str], least: int
) -> None:
    asked = tuple(prompt for prompt in prompts if len(prompt.split()) >= least)
    frame = pl.DataFrame({"text": texts}, schema={"text": pl.String})
    found = frame.select(found=pl.col("text").str.head(0) + holds_expr(pl.col("text"), asked, least))
    for text, one in zip(texts, found["found"].to_list(), strict=True):
        padded = f" {text or ''} ".replace("\n", " ")
        held = [prompt for prompt in asked if f" {prompt} " in padded]
        assert (one in held) if held else (one is None)


def test_a_prompt_of_several_lines_is_one(tmp_path: Path) -> None:
    asked = "اقرأ الجملة الآتية ثم اختر لها\nالعنوان الذي يناسبها من بين هذه"
    items = shards(tmp_path / "items", "items", item("1", asked, "ع", split="test"))
    taught = document("1", f"قال: {asked}، فقرأت", split="train")
    tables = {table: shards(tmp_path / table, table) for table in ("pairs", "feedback")}
    tables = {"documents": shards(tmp_path / "documents", "documents", taught), "items": items} | tables
    found = duplicates.find(tables, DuplicatesSettings(), SplitsSettings(), 1, tmp_path)
    assert found["reason"].to_list() == ["in_evaluation"]
