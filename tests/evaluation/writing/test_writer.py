"""A candidate that writes: what it is shown, where its answers end, the three tables, and bad input."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from arabic_llm_pipeline.corpus.records import DOCUMENTS, ITEMS
from arabic_llm_pipeline.evaluation import formats
from arabic_llm_pipeline.evaluation.candidate import Candidate
from arabic_llm_pipeline.evaluation.generation import Generated
from arabic_llm_pipeline.evaluation.results import SCORES, VALUES
from arabic_llm_pipeline.evaluation.writing import candidate as writing
from arabic_llm_pipeline.evaluation.writing.candidate import Writer
from arabic_llm_pipeline.evaluation.writing.items import COLUMNS, asked
from arabic_llm_pipeline.evaluation.writing.prompts import shown
from arabic_llm_pipeline.parameters.writing import WritingSettings
from arabic_llm_pipeline.tokens.chat import Renderer
from tests.evaluation.conftest import item, said, shards, taught

SETTINGS = WritingSettings(
    items=0,
    instructions=2,
    dialect_texts=None,
    answer_tokens=4,
    translation_tokens=4,
    text_tokens=4,
    resamples=100,
    batch_size=8,
)
GIVEN = {"dialect_score": 1.0}
ROWS = [
    item("q/1", "arcd", "النص: القاهرة عاصمة مصر.\nالسؤال: ما عاصمة مصر؟", "القاهرة", kind="question_answering",
         passage="القاهرة عاصمة مصر.", source="arcd"),
    item("q/2", "arcd", "النص: دمشق.\nالسؤال: من حكم؟", kind="question_answering", passage="دمشق.", source="arcd"),
    item("t/1", "من العربية إلى الإنجليزية", "ترجم: بيت", "house", kind="translation", source="tatoeba"),
    item("t/2", "من العربية إلى الإنجليزية", "ترجم: نهر", "river", kind="translation", source="tatoeba"),
    item("f/1", "talk", "ازيك عامل ايه؟", "تمام الحمد لله", kind="free_answers", source="talks", **GIVEN),
    item("s/1", "capital", "ما عاصمة قطر؟", "الدوحة", kind="short_answer"),
    item("q/3", "arcd", "السؤال: ما عاصمة تونس؟", "تونس", kind="question_answering", source="arcd", split="dev"),
]  # fmt: skip
TALKS = [taught("d/1", "ما عاصمة العراق؟", "بغداد", split="test"), taught("d/2", "ما عاصمة مصر؟", "القاهرة")]


@pytest.fixture
def writer(model: Any, tokenizer: Any) -> Writer:
    return Writer(Candidate("base", model, tokenizer, ("question_answer", "chat"), "none"), SETTINGS, 0, {}, ["t/1"])


def written(writer: Writer, folder: Path, rows: list[dict] = ROWS, talks: list[dict] = TALKS) -> Any:
    return writer.measure(shards(folder / "documents", DOCUMENTS, talks), shards(folder / "items", ITEMS, rows))


def test_what_is_asked_goes_by_kind(tmp_path: Path) -> None:
    documents, items = shards(tmp_path / "d", DOCUMENTS, TALKS), shards(tmp_path / "i", ITEMS, ROWS)
    found = asked(documents, items, SETTINGS, 0)
    assert found.select("measure", "set", "id").rows() == [
        ("free_answers", "t", "d/1"), ("free_answers", "talks", "f/1"),
        ("instruction_following", "instructions", "rule-00"), ("instruction_following", "instructions", "rule-01"),
        ("question_answering", "arcd", "q/1"), ("question_answering", "arcd", "q/2"),
        ("translation", "tatoeba", "t/1"), ("translation", "tatoeba", "t/2"),
    ]  # fmt: skip
    talk = found.row(0, named=True)
    assert (talk["prompt"], talk["answers"]) == (said("ما عاصمة العراق؟"), ["بغداد"])
    assert found.filter("gold")["id"].to_list() == ["f/1", "rule-00", "rule-01"]


def test_three_tables_of_one_shape(writer: Writer, tmp_path: Path) -> None:
    scores, values, answers = written(writer, tmp_path)
    assert (scores.schema, values.schema) == (SCORES, VALUES)
    assert set(values["id"]) == set(answers["id"])
    [whole] = scores.filter(metric="chrf++", by="all").to_dicts()
    assert (whole["items"], whole["seen"], whole["decoding"], whole["seed"]) == (2, 0.5, "greedy", 0)
    assert whole["harness"].startswith("sacrebleu")
    [unseen] = scores.filter(metric="chrf++", by="contamination").to_dicts()
    assert unseen["items"] == 1
    f1 = scores.filter(measure="question_answering", metric="f1_squad", by="all").row(0, named=True)
    assert (f1["items"], f1["prompts"] is not None, f1["view"]) == (1, True, "text")
    assert scores.filter(metric="no_answer", by="all")["items"].to_list() == [1]
    assert scores.filter(metric="f1_normalized")["view"].unique().to_list() == ["text_normalized"]
    assert scores.filter(measure="free_answers", set="t")["seen"].drop_nulls().is_empty(), "was not searched for"
    rules = scores.filter(by="rule")
    assert set(rules["group"]) == {"sentences", "words"}
    by_hand = values.filter(metric="stopped", measure="translation")["value"].sum() / 2
    assert scores.filter(metric="stopped", measure="translation", by="all")["value"].to_list() == [by_hand]
    again = written(writer, tmp_path / "again")
    assert again[0].equals(scores)


def test_the_format_is_chosen_on_development_items(
    writer: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in that knows the answer in one format alone, and none of the test answers."""

    def answers(self: Writer, measure: str, ids: list[str], prompts: Any, name: str) -> list[Generated]:
        return [Generated("تونس" if name == "chat" and id_ == "q/3" else "لا", True) for id_ in ids]

    monkeypatch.setattr(Writer, "_written", answers)
    _, _, found = written(writer, tmp_path)
    used = dict(found.select("measure", "format").unique().iter_rows())
    assert used["question_answering"] == "chat"
    assert used["translation"] == "question_answer", "the first, where there are no development items"


def test_nothing_to_ask_says_why(model: Any, tokenizer: Any, tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"held_out": 0})
    writer = Writer(Candidate("sft", model, tokenizer, ("chat",), "none"), settings, 0, {})
    scores, _, answers = written(writer, tmp_path, [], [])
    gone = scores.filter(pl.col("why").is_not_null())
    assert set(gone["measure"]) == {"question_answering", "translation", "free_answers"}
    assert gone["value"].null_count() == len(gone)
    assert set(answers["measure"]) == {"instruction_following"}


def test_a_set_without_references_says_which_column_it_lacks(writer: Writer, tmp_path: Path) -> None:
    rows = [item("t/1", "f", "ترجم: بيت", kind="translation", source="x")]
    scores, _, _ = written(writer, tmp_path, rows, [])
    [row] = scores.filter(metric="chrf++").to_dicts()
    assert row["value"] is None
    assert "`translation`" in row["why"]


def test_a_passage_is_cut_and_the_question_is_not(renderer: Renderer) -> None:
    passage = " ".join(f"كلمة{n}" for n in range(60))
    question = "السؤال: ما عاصمة مصر؟"
    inside, beside = f"النص: {passage}\n\n{question}", question
    rows = [
        {"id": "1", "family": "f", "prompt": said(inside), "passage": passage, "answers": []},
        {"id": "2", "family": "f", "prompt": said(beside), "passage": passage, "answers": []},
        {"id": "3", "family": "f", "prompt": said(question), "answers": []},
        {"id": "4", "family": "f", "prompt": said("كلمة " * 300), "answers": []},
    ]
    items = pl.DataFrame(rows, schema=COLUMNS)
    for name in ("chat", "question_answer"):
        found = shown(name, items, {}, renderer, 80)
        texts = [renderer._backend.decode(ids.tolist(), skip_special_tokens=False) for ids in found.ids]
        assert max(map(len, found.ids)) <= 80
        assert found.cut == [True, True, False, True]
        for text in texts[:3]:
            assert question in text
        assert "كلمة0" in texts[0]
        assert "كلمة0" in texts[1]
        assert "كلمة59" not in texts[0]
        assert len(found.ids[0]) > 60, "no more is cut than must be"
        assert shown(name, items, {}, renderer, 5000).cut == [False] * 4


def test_what_to_write_where_there_is_no_answer_is_said_if_the_set_has_such(writer: Writer, tmp_path: Path) -> None:
    items = pl.DataFrame([{"answers": ["x"]}, {"answers": []}], schema={"answers": COLUMNS["answers"]})
    assert writer._told("question_answering", items).endswith("فاكتب: لا جواب")
    assert writer._told("question_answering", items.head(1)) == ""
    assert writer._told("translation", items) == ""


def test_a_base_that_asks_itself_the_next_question_has_answered() -> None:
    assert writing._ended(Generated("الجواب هنا\nسؤال: وماذا بعد؟", False)) == Generated("الجواب هنا", True)
    assert writing._ended(Generated("في السؤال: كلام", False)) == Generated("في السؤال: كلام", False)


def test_a_model_that_never_stops_is_cut_and_counted(
    writer: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = Generated("نعم " * 40, False)
    monkeypatch.setattr(Writer, "_written", lambda self, m, ids, p, n: [endless] * len(ids))
    scores, _, _ = written(writer, tmp_path)
    assert set(scores.filter(metric="stopped", by="all")["value"]) == {0.0}
    assert scores.filter(metric="loop", by="all")["value"].to_list() == [1.0, 1.0]


def test_drawn_answers_are_those_of_the_seed(model: Any, tokenizer: Any, tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"temperature": 1.5})
    found = [
        written(Writer(Candidate("sft", model, tokenizer, ("chat",), "none"), settings, seed, {}), tmp_path / f"{n}")
        for n, seed in enumerate((1, 1, 2))
    ]
    texts = [answers["generated"].to_list() for _, _, answers in found]
    assert texts[0] == texts[1] != texts[2]
    assert found[0][0]["decoding"].drop_nulls().unique().to_list() == ["temperature 1.5, top_p 1"]


def test_the_digest_is_of_every_token() -> None:
    one, other = ([np.array([1, 2]), np.array(last)] for last in ([3], [4]))
    assert formats.digest(one) == formats.digest([ids.astype(np.uint32) for ids in one]) != formats.digest(other)
    assert formats.digest([np.array([1, 2])]) != formats.digest([np.array([1]), np.array([2])])
