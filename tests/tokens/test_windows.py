"""Windows back to text: what is shown is what lies there."""

import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.parameters.tokenize import TokenizeSettings
from arabic_llm_pipeline.reporting.token_windows import render, show
from arabic_llm_pipeline.tokens.windows import Shown, shown
from arabic_llm_pipeline.tokens.writing import write_documents, write_feedback, write_pairs
from tests.tokenizers import train_bpe

from .conftest import document, pair, sentences, talk

Corpus = Callable[..., ShardSet]
MARKED = "ذَهَبَ الوَلَدُ إلى المَدْرَسَةِ"
ROWS = [
    document(0, MARKED),
    talk(1, "إزيك؟ <b>&", "كويس"),
    document(2, "عاد إلى البيت " * 30, source="wiki_arz", dialect="EGY"),
]


def learned(part: Any) -> str:
    return "".join(one.text for one in part.stretches if one.learned)


@pytest.mark.parametrize("mapped", [(), ("train",)])
def test_documents_with_their_borders(corpus: Corpus, bpe: Path, tmp_path: Path, mapped: tuple[str, ...]) -> None:
    settings = TokenizeSettings(window=160, max_prompt=8, memory_map=mapped)
    found = shown(write_documents(corpus(ROWS), bpe, settings, tmp_path / "w"), bpe, "train", 1, 0)
    assert (found.form, found.rows, found.window, found.mapped) == ("documents", 3, 160, bool(mapped))
    first, second, third = found.windows  # one of each source and dialect
    assert [part.id for part in first.parts] == ["wiki/0", "chat/1", "wiki/2"]
    prose, chat, _ = first.parts
    assert prose.tags == ("prose", "wiki", "MSA")
    assert learned(prose) == f"{MARKED}<|endoftext|>"
    assert learned(chat) == "كويس<|im_end|>"
    assert "".join(one.text for one in chat.stretches).startswith("<|im_start|>user\nإزيك؟ <b>&<|im_end|>\n")
    assert [part.goes_on for part in first.parts] == [False, False, True]
    assert sum(part.tokens for part in first.parts) == 160
    assert third.parts[0].tokens == third.parts[0].learned > 90  # the last one: nothing follows
    assert second.parts[0].id == "chat/1"


def test_pairs_and_feedback(corpus: Corpus, bpe: Path, tmp_path: Path) -> None:
    pairs = write_pairs(corpus([pair(0, "ما عاصمة مصر؟", "القاهرة", "دمشق")]), bpe, TokenizeSettings(), tmp_path)
    [window] = shown(pairs, bpe, "train", 2, 0).windows
    assert [part.name for part in window.parts] == ["prompt", "chosen", "rejected"]
    assert [learned(part) for part in window.parts] == ["", "القاهرة<|im_end|>", "دمشق<|im_end|>"]
    row = {**pair(0, "من؟ " * 90, "", ""), "completion": "هو", "label": False}
    rows = corpus([{key: value for key, value in row.items() if key not in {"chosen", "rejected"}}], "thumbs")
    [judged] = shown(write_feedback(rows, bpe, TokenizeSettings(), tmp_path), bpe, "train", 2, 0).windows
    assert judged.notes == ("cut to the window", "bad")


def test_the_page(corpus: Corpus, bpe: Path, tmp_path: Path) -> None:
    """Right to left where it is Arabic, grey where it is not learned, escaped, and with nothing from elsewhere."""
    store = write_documents(corpus(ROWS), bpe, TokenizeSettings(window=160, max_prompt=8), tmp_path / "w")
    page = show(store, bpe, each=1)
    html = str(page)
    assert "&lt;b&gt;&amp;" in html
    assert "<b>&" not in html
    assert not re.search(r"(src|href)=", html)
    texts = re.findall(r'<p class="text"([^>]*)>(.*?)</p>', html, re.DOTALL)
    assert all('dir="rtl"' in how for how, _ in texts)
    chat = next(text for _, text in texts if "كويس" in text)
    assert '<span class="masked">إزيك' in re.sub(r"user\n", "", chat).replace("\n", "")
    assert "<span>كويس</span>" in chat
    assert '<bdi dir="ltr" class="control">&lt;|im_end|&gt;</bdi>' in chat  # learned
    assert html.count('class="part document"') >= 5
    assert unescape(page._repr_html_().split('srcdoc="')[1].split('" style')[0]) == html
    empty = Shown("documents", "test", 0, 0, 64, False, "x", ())
    assert "<section>" not in render([empty])


def test_what_cannot_be_shown(corpus: Corpus, bpe: Path, tmp_path: Path) -> None:
    store = write_documents(corpus(ROWS), bpe, TokenizeSettings(), tmp_path / "w")
    with pytest.raises(UserError, match=r"has no split 'validation'. There are: dev, test, train"):
        show(store, bpe, "validation")
    with pytest.raises(UserError, match="was made with another tokenizer"):
        show(store, train_bpe(sentences(50), 300, tmp_path / "other"))
