"""Test items that stand in training records: against plain sets of runs, and on a corpus made by hand."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arabic_llm_pipeline.corpus.contamination import every_overlap_expr
from arabic_llm_pipeline.corpus.records import DOCUMENTS, FEEDBACK, ITEMS, PAIRS
from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.evaluation.results import VALUES, score_rows
from arabic_llm_pipeline.evaluation.seen import SEEN, find, questions, taught
from arabic_llm_pipeline.parameters.duplicates import DuplicatesSettings, OverlapSettings
from tests.corpus.test_overlap import PROMPTS, TEXTS, runs
from tests.evaluation.conftest import item, pair, prose, shards

LONG = "من هو الشاعر الذي كتب هذه القصيدة في وصف البحر عند الغروب"
OTHER = "كم كتابا وضع المعلم على الرف العالي في مكتبة المدرسة أمس"


@settings(max_examples=60)
@given(st.lists(TEXTS | st.none(), max_size=6), PROMPTS, st.integers(1, 3), st.sampled_from([0.01, 0.5, 0.7, 1.0]))
def test_every_prompt_is_found_as_by_plain_sets(
    texts: list[str | None], prompts: list[str], words: int, share: float
) -> None:
    frame = pl.DataFrame({"text": texts}, schema={"text": pl.String})
    found = frame.select(every_overlap_expr(pl.col("text"), tuple(prompts), words, share)).to_series().to_list()
    for text, rows in zip(texts, found, strict=True):
        own = {prompt: runs(prompt, words) for prompt in prompts}
        shares = {one: len(of & runs(text or "", words)) / len(of) for one, of in own.items() if of}
        expected = {one: part for one, part in shares.items() if part >= share}
        assert {row["prompt"]: row["share"] for row in rows} == pytest.approx(expected)


def corpus(folder: Path) -> tuple[dict[str, ShardSet], ShardSet]:
    """One article has two questions, one of them for the most part; it was dropped. A pair asks a short one."""
    whole = f"قال الناس قديما {LONG} وما زالوا. {' '.join(OTHER.split()[:10])}"
    documents = [
        prose("p/leak", whole, split="train", reason="in_evaluation"),
        prose("p/again", f"ثم {LONG}", split="train"),
        prose("p/gone", LONG, split="train", reason="too_short"),
        prose("p/test", LONG, split="test"),
    ]
    pairs = [pair("d/1", "ما جمع كتاب؟", "كتب", "كتابات", split="train")]
    asked = [
        item("i/long", "f", f"اختر.\n{LONG}؟\n- أ\n- ب", "أ") | {"question": f"{LONG}؟", "kind": "multiple_choice"},
        item("i/other", "f", OTHER, "خمسة"),
        item("i/short", "f", "ما جَمْع كِتاب", "كتب"),
        item("i/new", "f", "ما جمع قلم", "أقلام"),
    ]
    made = {"documents": (DOCUMENTS, documents), "pairs": (PAIRS, pairs), "feedback": (FEEDBACK, [])}
    return {name: shards(folder / name, *of) for name, of in made.items()}, shards(folder / "items", ITEMS, asked)


def found_in(folder: Path, how: DuplicatesSettings) -> pl.DataFrame:
    training, items = corpus(folder)
    return find(training, questions(items), how, 1)


def test_items_are_found_where_they_stand_and_whether_it_was_taught(tmp_path: Path) -> None:
    found = found_in(tmp_path, DuplicatesSettings())
    assert found.select("id", "record", "taught").rows() == [
        ("i/long", "p/leak", False), ("i/long", "p/again", True), ("i/other", "p/leak", False),
        ("i/short", "d/1", True),
    ]  # fmt: skip
    assert found["share"].to_list() == pytest.approx([1, 1, 3 / 4, 1])
    assert taught(found) == ["i/long", "i/short"]
    whole = DuplicatesSettings(overlap=OverlapSettings(share=None))
    assert found_in(tmp_path / "again", whole)["id"].to_list() == ["i/long", "i/long", "i/short"]


def test_nothing_is_found_where_nothing_is_asked(tmp_path: Path) -> None:
    training, _ = corpus(tmp_path)
    none = shards(tmp_path / "none", ITEMS, [])
    assert find(training, questions(none), DuplicatesSettings(), 1).equals(SEEN.to_frame())


def test_a_score_on_the_unseen_stands_beside_the_score_on_all() -> None:
    values = pl.DataFrame(
        [("mc", "s", "acc", str(n), None, None, float(n < 2), 1.0) for n in range(4)], schema=VALUES, orient="row"
    )
    found = score_rows(values, 100, 0, shares=["acc"], seen={"0", "9"})
    assert [(row["by"], row["value"], row["items"], row["seen"]) for row in found] == [
        ("all", 0.5, 4, 0.25), ("contamination", 1 / 3, 3, 0.0),
    ]  # fmt: skip
    [all_, none] = score_rows(values, 100, 0, shares=["acc"], seen={"0", "1", "2", "3"})
    assert (all_["seen"], none["why"]) == (1.0, "every item stands in what was trained on")
    assert [row["seen"] for row in score_rows(values, 100, 0, shares=["acc"], seen=())] == [0.0]
