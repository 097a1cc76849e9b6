"""Baselines: against scikit-learn, and by hand."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from arabic_llm_pipeline.corpus.records import DOCUMENTS, ITEMS
from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.evaluation import baselines
from arabic_llm_pipeline.evaluation.held_out import HeldOut, drawn, held_out, held_out_prose, kept, of_part
from arabic_llm_pipeline.evaluation.ngrams import Index, ngrams
from arabic_llm_pipeline.parameters.evaluate import EvaluateSettings
from tests.evaluation.conftest import item, items, prose, shards, taught

LETTERS = st.text(alphabet="ابتث كلم😀", max_size=12)


@settings(max_examples=60, deadline=None)
@given(st.lists(LETTERS, min_size=1, max_size=8).filter(lambda texts: any(len(t) > 1 for t in texts)), LETTERS)
def test_similarities_are_scikit_learns(texts: list[str], query: str) -> None:
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(2, 3), lowercase=False)
    # scikit-learn makes one space of several before it cuts; ours is given text that has been cleaned
    vectorizer._white_spaces = type("Never", (), {"sub": staticmethod(lambda _, text: text)})()
    known = vectorizer.fit_transform(texts)
    expected = (known @ vectorizer.transform([query]).T).toarray()[:, 0]
    assert Index(texts).similarities(query) == pytest.approx(expected, abs=1e-12)


def test_runs_of_characters_are_told_apart() -> None:
    """The largest code point three times, and a pair that begins with the smallest."""
    texts = ["\U0010ffff" * 3, "\x00\U0010ffff\U0010ffff", "\U0010ffff\U0010ffff", "ab", "ba", "a", ""]
    found = [ngrams(text) for text in texts]
    assert [len(runs) for runs in found] == [3, 3, 1, 1, 1, 0, 0]
    assert found[0].min() > 0
    assert found[3][0] != found[4][0]


def test_the_nearest_is_the_first_of_equals_and_none_where_nothing_is_shared() -> None:
    index = Index(["ما عاصمة مصر", "ما جمع كتاب", "ما جمع كتاب"])
    assert index.nearest("وما جمع كتابة") == 1
    assert index.nearest("xyz") is None
    assert Index(["", "a"]).nearest("ab") is None


def test_the_nearest_prompt_gives_its_answer() -> None:
    asked = items(item("i/1", "f", "ماهي عاصمه مصر", "القاهرة"), item("i/2", "f", "hello", "x"))
    known = pl.DataFrame(
        {"id": ["a", "b"], "prompt": ["ما جمع كتاب؟", "ما هي عاصِمة مصرَ؟"], "answer": ["كتب", "القاهرة"]}
    )
    assert baselines.nearest(asked, known) == ["القاهرة", ""]
    assert baselines.nearest(asked, known.clear()) == ["", ""]


def test_the_most_frequent_answer_is_that_of_development_items() -> None:
    dev = items(
        item("d/1", "sentiment", "س", "سلبي", "الرأي سلبي."),
        item("d/2", "sentiment", "س", "إيجابي."),
        item("d/3", "sentiment", "س", "إيجابي"),
        item("d/4", "capital", "س", "ب"),
        item("d/5", "capital", "س", "أ"),
    )
    asked = items(item("i/1", "capital", "س", "x"), item("i/2", "sentiment", "س", "x"), item("i/3", "new", "س", "x"))
    empty = items()
    found = baselines.most_frequent(HeldOut(asked, dev, empty), ["نعم", "لا", "لا."])
    assert found == ["أ", "إيجابي", "لا"]
    assert baselines.most_frequent(HeldOut(asked, dev.clear(), empty), []) == ["", "", ""]


def test_training_prompts_are_what_comes_before_the_first_answer(tmp_path: Path) -> None:
    turns = [("system", "أجب."), ("user", "ما الاسم؟"), ("assistant", "سعاد"), ("user", "ومتى؟"), ("assistant", "غدا")]
    long = taught("t/2", "", "") | {"kind": "conversation", "messages": [{"role": r, "content": c} for r, c in turns]}
    rows = [
        taught("t/1", "سؤال", "جواب"),
        long,
        taught("t/3", "لا", "لا", split="test"),
        taught("t/4", "لا", "لا") | {"reason": "duplicate"},
        taught("t/5", "", "") | {"messages": long["messages"][:2]},
    ]
    found = baselines.training_prompts(shards(tmp_path, DOCUMENTS, rows), 0, 0)
    assert found.rows() == [("t/1", "سؤال", "جواب"), ("t/2", "أجب.\nما الاسم؟", "سعاد")]


def test_scores_by_family_and_the_items_that_are_right(corpus: dict[str, ShardSet]) -> None:
    asked = held_out(corpus["pairs"], corpus["items"], EvaluateSettings(), 0)
    scores = baselines.score(corpus["documents"], asked, 0, 0)
    assert list(scores) == ["most_frequent_answer", "nearest_training_prompt"]
    frequent, near = scores.values()
    assert frequent["right"] == ["test/c0"], "two of the four development items are Cairo; plural is not among them"
    assert near["right"] == ["test/c0", "test/c1", "test/p1"]
    assert {row["family"]: row["strict"] for row in near["accuracy"]} == {"all": 0.75, "capital": 2 / 3, "plural": 1.0}


def test_held_out_rows_are_kept_ones_of_their_split(corpus: dict[str, ShardSet]) -> None:
    asked = held_out(corpus["pairs"], corpus["items"], EvaluateSettings(), 0)
    assert held_out_prose(corpus["documents"], 0, 0)["id"].to_list() == ["p/1", "p/2", "p/3"]
    assert asked.pairs["id"].to_list() == ["d/1", "d/2", "d/3"]
    assert asked.items["id"].to_list() == ["test/c0", "test/c1", "test/c2", "test/p1"]
    assert asked.dev["id"].to_list() == ["dev/c0", "dev/c1", "dev/c2", "dev/c3"]
    assert asked.unanswerable == 1


def test_a_dialect_of_the_tagger_is_called_so(tmp_path: Path) -> None:
    texts = ["ذهبت سلمى إلى السوق.", "كتب المعلم درسا.", "انا رايح السوق.", "لا أحد يعرف."]
    tags = [("MSA", 1.0), ("MSA", 0.97), ("EGY", 1.0), (None, None)]
    rows = [
        prose(f"p/{n}", text, dialect, dialect_score=score)
        for n, (text, (dialect, score)) in enumerate(zip(texts, tags, strict=True))
    ]
    found = held_out_prose(shards(tmp_path / "documents", DOCUMENTS, rows), 0, 0)
    assert found["dialect"].to_list() == ["MSA", "MSA (tagged)", "EGY", None]


@pytest.mark.parametrize("limit", [0, 9])
def test_ids_that_a_source_gives_twice_are_told_apart(limit: int) -> None:
    rows = pl.LazyFrame({"id": ["b", "a", "b", "b"], "family": ["x"] * 4, "text": ["1", "2", "3", "4"]})
    found = drawn(rows, "family", limit, seed=0)
    assert found["id"].to_list() == ["a", "b", "b#2", "b#3"]
    assert found["text"].to_list() == ["2", "1", "3", "4"]


def test_fewer_are_drawn_from_each_group_by_the_seed(corpus: dict[str, ShardSet]) -> None:
    first = {}
    for seed in range(8):
        asked = held_out(corpus["pairs"], corpus["items"], EvaluateSettings(items=1, pairs=2), seed)
        assert asked.items["family"].to_list() == ["capital", "plural"]
        documents = held_out_prose(corpus["documents"], 1, seed)
        assert sorted(documents["dialect"]) == ["EGY (tagged)", "MSA (tagged)"]
        assert len(asked.pairs) == 2
        again = held_out(corpus["pairs"], corpus["items"], EvaluateSettings(items=1, pairs=2), seed)
        assert again.items.equals(asked.items)
        assert held_out_prose(corpus["documents"], 1, seed).equals(documents)
        first[seed] = asked.items["id"][0]
    assert len(set(first.values())) > 1


def test_a_large_index_finds_each_of_its_own_texts() -> None:
    random = np.random.default_rng(0)
    texts = ["".join(random.choice(list("ابتثجحخدذر "), 20)) for _ in range(500)]
    index = Index(texts)
    assert [index.nearest(text) for text in texts[::50]] == list(range(0, 500, 50))


def test_items_are_measured_by_their_kind(tmp_path: Path, corpus: dict[str, ShardSet]) -> None:
    kinds = {"multiple_choice": "choices", "classification": "choices", "question_answering": "writing",
             "translation": "writing", "short_answer": "exact_match", None: "exact_match"}  # fmt: skip
    rows = [item(f"k/{kind}", "f", "سؤال؟", "جواب", kind=kind) for kind in kinds]
    mixed = shards(tmp_path / "mixed", ITEMS, rows)
    for part in ("choices", "writing", "exact_match"):
        found = of_part(kept(mixed, "test"), part).collect()["id"].to_list()
        assert found == [f"k/{kind}" for kind, by in kinds.items() if by == part]
    asked = held_out(corpus["pairs"], mixed, EvaluateSettings(), 0)
    assert set(asked.items["id"]) == {"k/short_answer", "k/None"}
