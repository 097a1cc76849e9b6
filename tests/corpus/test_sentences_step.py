"""The corpus by sentences: what is in it, in which order, and the same bytes on many processes."""

import polars as pl
import pytest

from arabic_llm_pipeline.corpus import workers
from arabic_llm_pipeline.corpus.records import SENTENCES, message
from arabic_llm_pipeline.corpus.sentences import Sentences, make
from arabic_llm_pipeline.corpus.shards import ShardSet, ShardWriter
from arabic_llm_pipeline.parameters.dialect import DialectSettings
from arabic_llm_pipeline.parameters.root import check
from arabic_llm_pipeline.parameters.sentences import SentencesSettings
from tests.corpus.making import document, instruction, shards
from tests.test_configuration import shipped

TEXT = "ولد سنة 1250 هـ. 😀 ثم سافر د. علي!\nعنوان"


def cut(tmp_path, *rows, **settings):
    step = Sentences(SentencesSettings(enabled=True, **settings), DialectSettings())
    found = step(shards(tmp_path, "documents", *rows).scan(), 0).collect()
    assert found.schema == SENTENCES
    return found


def test_each_sentence_says_where_it_stands(tmp_path):
    found = cut(
        tmp_path, document("1", TEXT, split="train"), document("2", "..."), document("3", "كلمة.", split="test")
    )
    assert found["text"].to_list() == ["ولد سنة 1250 هـ. 😀", "ثم سافر د. علي!", "عنوان", "كلمة."]
    assert found["id"].to_list() == ["s/1", "s/1", "s/1", "s/3"]
    assert found["split"].to_list() == ["train", "train", "train", "test"]
    assert found["ordinal"].to_list() == [0, 1, 2, 0]
    texts = {"s/1": TEXT, "s/3": "كلمة."}
    assert all(texts[row["id"]][row["start"] : row["end"]] == row["text"] for row in found.to_dicts())
    assert found["dialect"].null_count() == found["dialect_score"].null_count() == 4


def test_only_what_is_kept_and_of_the_kinds(tmp_path):
    rows = [document("1", "نص."), document("2", "نص.", reason="duplicate"), instruction("3", "سؤال؟ نعم؟", "جواب.")]
    assert cut(tmp_path / "a", *rows)["id"].to_list() == ["s/1"]
    found = cut(tmp_path / "b", *rows, kinds=["instruction", "conversation"])
    assert found.select("id", "message", "ordinal", "text").rows() == [
        ("s/3", 0, 0, "سؤال؟"), ("s/3", 0, 1, "نعم؟"), ("s/3", 1, 0, "جواب."),
    ]  # fmt: skip


def test_the_system_says_no_sentence(tmp_path):
    row = document("1", "") | {"kind": "conversation"}
    row["messages"] = [message("system", "أنت مساعد."), message("user", "أهلا."), message("assistant", "أهلا وسهلا.")]
    found = cut(tmp_path, row, kinds=["conversation"])
    assert found.select("message", "text").rows() == [(1, "أهلا."), (2, "أهلا وسهلا.")]


def test_a_dialect_for_each_sentence(tmp_path):
    text = "أعلنت الوزارة نتائج الانتخابات أمس. إزيك يا باشا، عامل إيه النهارده؟"
    found = cut(tmp_path, document("1", text, dialect="EGY"), dialect=True)
    assert found["dialect"].to_list() == ["MSA", "EGY"]
    assert all(0 < score <= 1 for score in found["dialect_score"])


def test_switches_reach_the_rules(tmp_path):
    text = "نام؛ لأنه تعب، ثم\nقام"
    assert cut(tmp_path / "a", document("1", text), semicolon=False)["text"].to_list() == ["نام؛ لأنه تعب، ثم", "قام"]
    found = cut(tmp_path / "b", document("1", text), comma=True, wrapped_lines=True)
    assert found["text"].to_list() == ["نام؛", "لأنه تعب،", "ثم\nقام"]
    found = cut(tmp_path / "c", document("1", "كلمة " * 9), max_characters=20)
    assert found["text"].str.len_chars().max() <= 20


def test_the_same_bytes_on_two_processes(tmp_path, monkeypatch):
    with ShardWriter(tmp_path / "documents", shards(tmp_path / "x", "documents").scan().collect_schema(), 7) as writer:
        for n in range(40):
            writer.add(document(str(n), f"جملة {n}. " * (n % 5) + "آخر الكلام"))
    documents, step = ShardSet(tmp_path / "documents"), Sentences(SentencesSettings(enabled=True), DialectSettings())
    one = ShardSet(make(documents, step, tmp_path / "one", 1, 7))
    monkeypatch.setattr(workers, "SMALL", 0)
    two = ShardSet(make(documents, step, tmp_path / "two", 2, 7))
    assert [path.read_bytes() for path in one.paths] == [path.read_bytes() for path in two.paths]
    assert len(one.paths) == 6
    assert one.rows() == sum(n % 5 + 1 for n in range(40))


def test_turned_off_it_has_columns_and_no_rows(tmp_path):
    documents = shards(tmp_path / "documents", "documents", document("1", TEXT))
    made = ShardSet(make(documents, Sentences(SentencesSettings(), DialectSettings()), tmp_path / "off", 1, 7))
    assert made.scan().collect().equals(pl.DataFrame(schema=SENTENCES))


def test_a_limit_that_cuts_words_is_refused(project):
    with pytest.raises(Exception, match=r"sentences: .*max_characters=5 cuts words: give 20 at least, or 0"):
        check(shipped(project, sentences={"max_characters": 5}))
