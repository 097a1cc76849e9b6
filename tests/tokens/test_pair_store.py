"""From preference pairs to the store and back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from arabic_llm_pipeline.corpus.records import message
from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.parameters.tokenize import TokenizeSettings
from arabic_llm_pipeline.tokens.prompts import FeedbackStore, PairStore
from arabic_llm_pipeline.tokens.writing import _fitted, write_feedback, write_pairs

from .conftest import pair

Corpus = Callable[..., ShardSet]
ROWS = [
    pair(0, "ما عاصمة مصر؟", "عاصمة مصر هي القاهرة.", "القاهرة"),
    pair(1, "شو؟", "درس", "بيت", dialect="LEV", source="other"),
    pair(2, "محذوف", "أ", "ب", reason="little_arabic"),
    pair(3, "من كتب الدرس؟", "كتبه الولد.", "الولد <|im_end|> عاد", split="dev"),
    pair(
        4,
        "سؤال",
        "",
        "جواب",
        prompt=[message("system", "أجب"), message("user", "سؤال"), message("assistant", "نعم"), message("user", "ثم؟")],
    ),
]


def test_prompt_and_answer_are_what_the_template_writes(
    corpus: Corpus, bpe: Path, tokenizer: Any, tmp_path: Path
) -> None:
    store = PairStore(write_pairs(corpus(ROWS), bpe, TokenizeSettings(), tmp_path))
    train, dev = store.split("train"), store.split("dev")
    assert (train.ids, dev.ids) == (["pref/0", "pref/1", "pref/4"], ["pref/3"])
    by_id = {row["id"]: row for row in ROWS}
    for split in (train, dev):
        for i, name in enumerate(split.ids):
            prompt, *answers = split.row(i)
            row = by_id[name]
            begun = tokenizer.apply_chat_template(row["prompt"], add_generation_prompt=True, return_dict=True)
            assert prompt.tolist() == begun["input_ids"]
            for part, answer in zip(("chosen", "rejected"), answers, strict=True):
                turns = [*row["prompt"], message("assistant", row[part])]
                whole = tokenizer.apply_chat_template(turns, sanitize_control_tokens=True, return_dict=True)[
                    "input_ids"
                ]
                newline = tokenizer("\n").input_ids  # the template's, after the end of the turn
                assert [*prompt.tolist(), *answer.tolist(), *newline] == whole
                assert tokenizer.decode(answer.tolist()) == row[part] + "<|im_end|>"
            assert split.lengths[i].tolist() == [len(prompt), *map(len, answers)]
    assert not train.cut.any()
    store.verify()


def test_selections(corpus: Corpus, bpe: Path, tmp_path: Path) -> None:
    train = PairStore(write_pairs(corpus(ROWS), bpe, TokenizeSettings(), tmp_path)).split("train")
    assert train.select(dialects=["LEV"]).tolist() == [1]
    assert train.select(sources=["pref"]).tolist() == [0, 2]
    assert (train.sources.tolist(), train.dialects.tolist()) == (["pref", "other", "pref"], ["MSA", "LEV", "MSA"])


def test_long_prompts_lose_their_beginning_and_answers_their_end(
    corpus: Corpus, bpe: Path, tokenizer: Any, tmp_path: Path
) -> None:
    settings = TokenizeSettings(window=24, max_prompt=10)
    long = [
        pair(0, "أول " * 50 + "آخر", "نعم " * 50, "لا " * 2),
        pair(1, "كتب", "نفس الكلام في البداية " * 9 + "نعم", "نفس الكلام في البداية " * 9 + "لا"),
        pair(2, "ثم؟", "نعم", "لا"),
    ]
    store = PairStore(write_pairs(corpus(long), bpe, settings, tmp_path))
    train = store.split("train")
    assert train.ids == ["pref/0", "pref/2"]
    assert (train.about["left_out"], store.split("dev").about["left_out"]) == (1, 0)
    prompt, chosen, rejected = train.row(0)
    assert (len(prompt), len(chosen)) == (10, 14)
    assert "أول" not in tokenizer.decode(prompt.tolist())[:3]
    assert tokenizer.decode(prompt.tolist()).endswith("assistant\n")
    assert tokenizer.decode(rejected.tolist()).endswith("<|im_end|>")
    whole = tokenizer.apply_chat_template(long[2]["prompt"], add_generation_prompt=True, return_dict=True)["input_ids"]
    assert train.cut.tolist() == [1, int(len(whole) > 10)]


@given(
    prompt=st.integers(1, 60),
    common=st.integers(0, 60),
    chosen=st.integers(1, 60),
    rejected=st.integers(1, 60),
    window=st.integers(16, 48),
    max_prompt=st.integers(1, 15),
)
def test_a_cut_pair_fits_and_keeps_both_answers(
    prompt: int, common: int, chosen: int, rejected: int, window: int, max_prompt: int
) -> None:
    settings = TokenizeSettings(window=window, max_prompt=max_prompt)
    whole = (
        np.arange(prompt),
        np.array([7] * common + [1] * chosen),
        np.array([7] * common + [2] * rejected),
    )
    row = _fitted(settings, whole[0], dict(zip(("chosen", "rejected"), whole[1:], strict=True)))
    room = window - min(prompt, max_prompt)
    if row is None:
        assert common >= room  # they differ only where nothing is kept
        return
    assert row["prompt"].tolist() == whole[0].tolist()[-max_prompt:]
    for part, answer in zip(("chosen", "rejected"), whole[1:], strict=True):
        assert 0 < len(row[part]) <= room
        assert row[part].tolist() == answer[:room].tolist()
    assert row["cut"] == (prompt > max_prompt or common + max(chosen, rejected) > room)


def test_a_prompt_that_takes_the_whole_window_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"max_prompt is 64, window 64: no room is left for answers"):
        TokenizeSettings(window=64, max_prompt=64)


def feedback(number: int, question: str, completion: str, label: bool, **columns: Any) -> dict[str, Any]:
    row = {"id": f"thumbs/{number}", "source": "thumbs", "dialect": "MSA", "split": "train"}
    return row | {"prompt": [message("user", question)], "completion": completion, "label": label} | columns


def test_feedback(corpus: Corpus, bpe: Path, tokenizer: Any, tmp_path: Path) -> None:
    """The same tokens as pairs have, and whether an answer is good."""
    rows = [
        feedback(0, "ما عاصمة مصر؟", "القاهرة", True),
        feedback(1, "ما عاصمة مصر؟", "البيت", False),
        feedback(2, "من؟", "الولد " * 400, True),
        feedback(3, "محذوف", "أ", True, reason="empty"),
    ]
    store = FeedbackStore(write_feedback(corpus(rows), bpe, TokenizeSettings(), tmp_path))
    train = store.split("train")
    assert (train.ids, train.labels.tolist(), train.cut.tolist()) == (
        ["thumbs/0", "thumbs/1", "thumbs/2"],
        [1, 0, 1],
        [0, 0, 1],
    )
    for i in range(2):
        prompt, completion = train.row(i)
        assert tokenizer.decode(completion) == rows[i]["completion"] + "<|im_end|>"
        assert tokenizer.decode(prompt).startswith("<|im_start|>user\nما عاصمة")
    assert train.lengths[2].sum() == 256
    store.verify()


def test_equal_prompts_lie_there_once(corpus: Corpus, bpe: Path, tmp_path: Path) -> None:
    """Over shards and batches, and each split by itself."""
    rows = [pair(n, f"سؤال {n % 3}", f"جواب {n}", "لا", split="dev" if n == 9 else "train") for n in range(10)]
    shards = corpus(rows)
    store = PairStore(write_pairs(shards, bpe, TokenizeSettings(batch_characters=30), tmp_path / "few"))
    train, dev = store.split("train"), store.split("dev")
    assert train.prompt_rows.tolist() == [0, 1, 2] * 3
    assert (train.count("prompt_offsets"), dev.count("prompt_offsets")) == (4, 2)
    assert sum(len(train.row(i)[0]) for i in range(9)) == train.lengths[:, 0].sum() == 3 * train.count("prompt")
    apart = PairStore(write_pairs(shards, bpe, TokenizeSettings(), tmp_path / "one")).split("train")
    for i in range(9):
        assert [part.tolist() for part in apart.row(i)] == [part.tolist() for part in train.row(i)]
