"""Remembered words against the tokenizer itself."""

import json
import lzma
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from arabic_llm_pipeline.tokens import memo
from arabic_llm_pipeline.tokens.memo import Memo, splits_at_spaces, words

SPACES = " \n\t\r\u00a0\u2009\u3000\x1c\x85\u200b"
TEXT = st.text(alphabet=st.sampled_from(list("ابكلمةىأؤ ًِّْ٠9xأ؟،.!('s\u0640😀\u200c" + " " * 8 + SPACES)), max_size=60)
SIGNS = r" ?[^\s\p{L}\p{N}]+"
SPACE = r"\s*[\r\n]+|\s+(?!\S)|\s+"
LOWER, UPPER = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]", r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
PATTERNS = {  # as they were published with the models
    "Llama 3": rf"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}|{SIGNS}[\r\n]*|{SPACE}",
    "o200k": rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+(?i:'s|'t)?|\p{{N}}{{1,3}}|{SIGNS}[\r\n/]*|{SPACE}",
}


def other(vocabulary: Tokenizer, name: str) -> Tokenizer:
    """The same vocabulary behind another pattern."""
    made = Tokenizer.from_str(vocabulary.to_str())
    made.normalizer = None
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)  # GPT-2
    if name in PATTERNS:
        split = pre_tokenizers.Split(Regex(PATTERNS[name]), "isolated")
        made.pre_tokenizer = pre_tokenizers.Sequence(
            [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
        )
    return made


@pytest.fixture(scope="module", params=["trained here", "GPT-2", *PATTERNS, "Qwen2"])
def byte_level(request: pytest.FixtureRequest, bpe: Path) -> Tokenizer:
    if request.param == "Qwen2":
        return Tokenizer.from_file(str(request.getfixturevalue("qwen2") / "tokenizer.json"))
    own = Tokenizer.from_file(str(bpe / "tokenizer.json"))
    return own if request.param == "trained here" else other(own, request.param)


@settings(max_examples=150, deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=4))
def test_ids_are_the_tokenizers(byte_level: Tokenizer, texts: list[str]) -> None:
    assert splits_at_spaces(byte_level)
    wanted = [encoding.ids for encoding in byte_level.encode_batch(texts, add_special_tokens=False)]
    remembering = Memo(byte_level)
    for _ in range(2):
        assert [ids.tolist() for ids in remembering.ids(texts)] == wanted


@given(TEXT)
def test_words_are_the_text(text: str) -> None:
    found = words(text)
    assert " ".join(found) == text
    assert all(word and not word[0].isspace() for word in found[1:])
    assert not any(word[-1].isspace() for word in found[:-1])


def with_(tokenizer: Tokenizer, **parts: Any) -> Tokenizer:
    made = Tokenizer.from_str(tokenizer.to_str())
    for name, part in parts.items():
        setattr(made, name, part)
    return made


def test_tokenizers_that_look_over_spaces_are_left_alone(bpe: Path) -> None:
    own = Tokenizer.from_file(str(bpe / "tokenizer.json"))
    byte_level = pre_tokenizers.ByteLevel
    assert not splits_at_spaces(with_(own, pre_tokenizer=byte_level(add_prefix_space=True)))
    assert not splits_at_spaces(with_(own, pre_tokenizer=byte_level(add_prefix_space=False, use_regex=False)))
    assert not splits_at_spaces(with_(own, pre_tokenizer=pre_tokenizers.Metaspace()))
    assert not splits_at_spaces(with_(own, normalizer=normalizers.Replace("  ", " ")))
    greedy = pre_tokenizers.Split(Regex(r"\p{L}+ \p{L}+|."), "isolated")
    tail = byte_level(add_prefix_space=False, use_regex=False)
    assert not splits_at_spaces(with_(own, pre_tokenizer=pre_tokenizers.Sequence([greedy, tail])))
    eager = Tokenizer.from_str(own.to_str())
    eager.add_tokens([AddedToken("<pause>", lstrip=True)])
    assert not splits_at_spaces(eager)
    unigram = Tokenizer(models.Unigram([("a", 0.0)], unk_id=0))
    unigram.decoder = decoders.ByteLevel()
    assert not splits_at_spaces(unigram)


def test_memory_has_an_end(bpe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memo, "MOST", 50)
    tokenizer = Tokenizer.from_file(str(bpe / "tokenizer.json"))
    remembering = Memo(tokenizer)
    for n in range(40):
        text = " ".join(f"كلمة{n}{m}" for m in range(9))
        assert remembering.ids([text])[0].tolist() == tokenizer.encode(text, add_special_tokens=False).ids
        assert len(remembering._words) <= 50 + 9


def test_on_articles(shared_data: Path, qwen2: Path) -> None:
    tokenizer = Tokenizer.from_file(str(qwen2 / "tokenizer.json"))
    [path] = (shared_data / "wiki_ar").glob("*.jsonl.xz")
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        texts = [json.loads(next(lines))["text"] for _ in range(150)]
    wanted = [encoding.ids for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
    assert [ids.tolist() for ids in Memo(tokenizer).ids(texts)] == wanted
