"""From documents to the store and back."""

import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.parameters.tokenize import TokenizeSettings
from arabic_llm_pipeline.tokens import column_writer, columns
from arabic_llm_pipeline.tokens.prompts import PairStore
from arabic_llm_pipeline.tokens.store import TokenStore
from arabic_llm_pipeline.tokens.tokenizer import digests, load_tokenizer, render
from arabic_llm_pipeline.tokens.writing import write_documents
from tests.tokenizers import train_bpe

from .conftest import document, sentences, talk

SETTINGS = TokenizeSettings(window=16, max_prompt=8)
Corpus = Callable[..., ShardSet]
ROWS = [
    document(0, "ذهب الولد إلى المدرسة"),
    talk(1, "إزيك؟", "كويس"),
    document(2, "نص محذوف", reason="too_short"),
    talk(3, "شو عم تعمل؟", "عم أكتب درسا", split="dev", dialect="LEV", kind="conversation"),
    document(4, "بلا قسمة", split=None),
    document(5, "عاد إلى البيت " * 30, source="wiki_arz", dialect="EGY"),
    talk(6, "من كتب؟", "الولد"),
]


def stored(corpus: Corpus, bpe: Path, folder: Path, rows: Sequence[Any] = ROWS, **changes: Any) -> TokenStore:
    shards = corpus(rows, f"corpus of {folder.name}")
    return TokenStore(write_documents(shards, bpe, SETTINGS.model_copy(update=changes), folder))


def test_every_kept_document_is_in_its_split(corpus: Corpus, bpe: Path, tokenizer: Any, tmp_path: Path) -> None:
    store = stored(corpus, bpe, tmp_path / "w")
    assert store.splits == ["dev", "test", "train"]
    train, dev = store.split("train"), store.split("dev")
    assert train.ids == ["wiki/0", "chat/1", "wiki/5", "chat/6"]
    assert (dev.ids, len(store.split("test")), store.split("test").ids) == (["chat/3"], 0, [])
    by_id = {row["id"]: row for row in ROWS}
    for split in (train, dev):
        for i, name in enumerate(split.ids):
            wanted, found = render(tokenizer, by_id[name]["messages"]), split.document(i)
            assert found[0].tolist() == wanted[0].tolist()
            assert found[1].tolist() == wanted[1].tolist()
            assert split.loss_tokens[i] == wanted[1].sum()


def test_tags_lengths_and_sizes(corpus: Corpus, bpe: Path, tmp_path: Path) -> None:
    train = stored(corpus, bpe, tmp_path / "w").split("train")
    assert train.kinds.tolist() == ["prose", "instruction", "prose", "instruction"]
    assert train.sources.tolist() == ["wiki", "chat", "wiki_arz", "chat"]
    assert train.dialects.tolist() == ["MSA", "EGY", "EGY", "EGY"]
    assert train.text_words.tolist() == [4, 2, 90, 3]
    texts = ["ذهب الولد إلى المدرسة", "إزيك؟" + "كويس", "عاد إلى البيت " * 30, "من كتب؟" + "الولد"]
    assert train.text_bytes.tolist() == [len(text.encode()) for text in texts]
    assert train.lengths.sum() == train.count("tokens") == train.offsets[-1]
    assert train.names("dialect") == ["MSA", "EGY", "LEV"]  # of the whole store


def test_selections(corpus: Corpus, bpe: Path, tmp_path: Path) -> None:
    train = stored(corpus, bpe, tmp_path / "w").split("train")
    assert train.select().tolist() == [0, 1, 2, 3]
    assert train.select(kinds=["prose"]).tolist() == [0, 2]
    assert train.select(kinds=["prose", "instruction"], dialects=["EGY"]).tolist() == [1, 2, 3]
    assert train.select(sources=["wiki"], dialects=["EGY"]).tolist() == []
    assert train.select(dialects=["LEV"]).tolist() == []  # only dev has it
    assert train.select(kinds=["conversation", "instruction"]).tolist() == [1, 3]  # a kind that nothing here has
    with pytest.raises(UserError, match=r"No source is called 'wikki'.*There are: wiki, chat, wiki_arz"):
        train.select(sources=["wikki"])


def test_windows_cross_documents(corpus: Corpus, bpe: Path, tmp_path: Path) -> None:
    train = stored(corpus, bpe, tmp_path / "w").split("train")
    tokens = np.concatenate([train.document(i)[0] for i in range(4)])
    masks = np.concatenate([train.document(i)[1] for i in range(4)])
    for start in (0, 3, len(tokens) - 16):
        assert train.window(start, 16)[0].tolist() == tokens[start : start + 16].tolist()
        assert train.window(start, 16)[1].tolist() == masks[start : start + 16].tolist()
    assert train.piece(2, 16, 16)[0].tolist() == train.document(2)[0][16:32].tolist()


def test_the_reader_does_not_care_which_form_it_reads(corpus: Corpus, bpe: Path, tmp_path: Path) -> None:
    mapped = stored(corpus, bpe, tmp_path / "a", memory_map=("train", "test"))
    plain = stored(corpus, bpe, tmp_path / "b", memory_map=())
    names = {path.name for path in mapped.directory.iterdir()} - {path.name for path in plain.directory.iterdir()}
    assert names == {f"{split}.{column}.bin" for split in ("train", "test") for column in ("tokens", "loss_mask")}
    for split in ("train", "dev", "test"):
        one, two = mapped.split(split), plain.split(split)
        assert one.path.read_bytes() == two.path.read_bytes()
        for i in range(len(two)):
            for left, right in zip(one.document(i), two.document(i), strict=True):
                assert left.tolist() == right.tolist()
                assert left.dtype == right.dtype
    mapped.verify()
    plain.verify()


def test_the_bytes_do_not_depend_on_threads_or_batches(corpus: Corpus, bpe: Path, tmp_path: Path) -> None:
    rows = [document(i, text, split=("train", "dev", "test")[i % 3]) for i, text in enumerate(sentences(60))]
    rows += [talk(i, text, text[::-1]) for i, text in enumerate(sentences(60))]
    one = stored(corpus, bpe, tmp_path / "a", rows, threads=1, batch_characters=1_000_000)
    for name, threads, size in (("b", 1, 1), ("c", 3, 40)):
        other = stored(corpus, bpe, tmp_path / name, rows, threads=threads, batch_characters=size)
        for path in one.directory.iterdir():
            assert (other.directory / path.name).read_bytes() == path.read_bytes(), path.name


def test_what_a_killed_run_left_is_replaced(corpus: Corpus, bpe: Path, tmp_path: Path) -> None:
    left = tmp_path / "w" / "documents"
    left.mkdir(parents=True)
    (left / "train.h5").write_bytes(b"half")
    (left / "old.h5").write_bytes(b"")
    assert stored(corpus, bpe, tmp_path / "w").splits == ["dev", "test", "train"]


def test_a_corpus_without_rows_is_a_store_without_rows(corpus: Corpus, bpe: Path, tmp_path: Path) -> None:
    store = stored(corpus, bpe, tmp_path / "w", [])
    train = store.split("train")
    assert (len(train), train.lengths.tolist(), train.ids, train.select().tolist()) == (0, [], [], [])
    store.verify()


def test_small_vocabularies_take_two_bytes(corpus: Corpus, bpe: Path, tmp_path: Path) -> None:
    train = stored(corpus, bpe, tmp_path / "w").split("train")
    assert train.window(0, 4)[0].dtype == np.dtype("<u2")
    assert train.window(0, 4)[1].dtype == np.dtype("u1")
    assert train.about["window"] == SETTINGS.window


def test_large_vocabularies_take_four_bytes(corpus: Corpus, qwen2: Path, tmp_path: Path) -> None:
    train = stored(corpus, qwen2, tmp_path / "w").split("train")
    tokens, mask = train.document(1)
    assert tokens.dtype == np.dtype("<u4")
    assert load_tokenizer(qwen2).decode(tokens[mask == 1].tolist()) == "كويس<|im_end|>"


def test_a_store_of_another_tokenizer_is_refused(corpus: Corpus, bpe: Path, tmp_path: Path) -> None:
    store = stored(corpus, bpe, tmp_path / "w")
    store.check_made_from(digests(bpe))
    other = train_bpe(sentences(100), 500, tmp_path / "other")
    with pytest.raises(UserError, match=r"was made with another tokenizer .*kedro run --pipelines=tokenize"):
        store.check_made_from(digests(other))
    (other / "tokenizer.json").write_bytes((bpe / "tokenizer.json").read_bytes())
    (other / "chat_template.jinja").write_text("{{ messages }}")
    with pytest.raises(UserError, match="was made with another template"):
        store.check_made_from(digests(other))


def test_documents_are_not_pairs(corpus: Corpus, bpe: Path, tmp_path: Path) -> None:
    store = stored(corpus, bpe, tmp_path / "w")
    with pytest.raises(UserError, match="it holds documents, not pairs"):
        PairStore(store.directory).split("train")
    with pytest.raises(UserError, match="there is no such file"):
        store.split("validation")


def test_memory_does_not_grow_with_the_corpus(
    corpus: Corpus, bpe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(column_writer, "FLUSH", 1_000)
    monkeypatch.setattr(columns, "BLOCK", 10_000)
    text = " ".join(sentences(50))

    def peak(name: str, count: int) -> float:
        shards = corpus([document(i, text) for i in range(count)], f"corpus {name}")
        tracemalloc.start()
        write_documents(shards, bpe, TokenizeSettings(batch_characters=5_000, threads=1), tmp_path / name)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak("first", 10)  # what libraries keep once
    small, large = peak("small", 30), peak("large", 600)
    with TokenStore(tmp_path / "large" / "documents").split("train") as train:
        assert train.count("tokens") > 400_000  # 2 MB in memory, with their masks
    assert large < small + 700_000


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(
        st.text(st.characters(codec="utf-8", exclude_categories=["Cn"]), min_size=1, max_size=60), max_size=8
    )
)
def test_any_text_comes_back(corpus: Corpus, bpe: Path, tokenizer: Any, tmp_path: Path, texts: list[str]) -> None:
    import unicodedata

    rows = [document(i, text) for i, text in enumerate(texts)]
    train = stored(corpus, bpe, tmp_path / str(len(list(tmp_path.iterdir()))), rows).split("train")
    found = [tokenizer.decode(train.document(i)[0][:-1].tolist()) for i in range(len(train))]
    assert found == [unicodedata.normalize("NFC", text) for text in texts]


def test_tokenising_imports_no_torch(corpus: Corpus, bpe: Path, tmp_path: Path) -> None:
    corpus(ROWS)
    code = (
        "import sys; from pathlib import Path\n"
        "from arabic_llm_pipeline.corpus.shards import ShardSet\n"
        "from arabic_llm_pipeline.parameters.tokenize import TokenizeSettings\n"
        "from arabic_llm_pipeline.tokens.writing import write_documents\n"
        "here, tokenizer = map(Path, sys.argv[1:])\n"
        "write_documents(ShardSet(here / 'corpus'), tokenizer, TokenizeSettings(), here)\n"
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), str(bpe)], check=True, env={"PYTHONPATH": ":".join(sys.path)}
    )
