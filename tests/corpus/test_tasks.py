"""Question answering, multiple choice, classification, translation and feedback, by the column map alone."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from arabic_llm_pipeline.corpus.cleaning import Cleaning
from arabic_llm_pipeline.parameters.quality import QualitySettings
from arabic_llm_pipeline.parameters.text import FilterSettings, TextSettings
from tests.corpus.making import document, lines, read, reasons, said, settings, shards

CONTEXT = "تقع المدينة على نهر كبير وفيها جسر قديم."


def written(folder: Path, *rows: Any) -> Path:
    path = folder / "x.jsonl"
    path.write_bytes(lines(*rows))
    return path


def squad(*questions: dict[str, Any]) -> dict[str, Any]:
    return {"data": [{"title": "المدينة", "paragraphs": [{"context": CONTEXT, "qas": list(questions)}]}]}


def at(text: str) -> dict[str, Any]:
    return {"text": text, "answer_start": CONTEXT.find(text)}


QUESTIONS = squad(
    {"id": "1", "question": "أين تقع؟", "answers": [at("على نهر كبير"), at("نهر كبير"), at("نهر كبير")]},
    {"id": "2", "question": "من بناها؟", "answers": [], "is_impossible": True},
    {"id": "3", "question": "من حكمها؟", "answers": [at("نهر")], "is_impossible": True},  # plausible, and wrong
    {"id": "4", "question": "ماذا فيها؟", "answers": [{"text": "برج", "answer_start": 3}], "is_impossible": False},
    {"id": "5", "question": "ما هي؟", "answers": [{"text": " ", "answer_start": 3}]},
    {"id": "6", "question": " ", "answers": [at("نهر")]},
)
SQUAD = {"format": "json", "each": "data.paragraphs.qas", "shape": "squad"}


def test_questions_as_items_keep_those_without_an_answer(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps(QUESTIONS), encoding="utf-8")
    found = read(tmp_path / "x.json", **SQUAD, use="evaluation", task="qa", columns={"family": "title"})
    assert [(row["id"], row["answers"]) for row in found["items"]] == [
        ("s/1", ["على نهر كبير", "نهر كبير"]), ("s/2", []), ("s/3", []),
    ]  # fmt: skip
    first = found["items"][0]
    assert (first["passage"], first["task"], first["family"]) == (CONTEXT, "qa", "المدينة")
    [asked] = first["prompt"]
    assert asked["role"] == "user"
    assert CONTEXT in asked["content"]
    assert asked["content"].endswith("أين تقع؟")
    assert [reason for _, reason in reasons(found)] == ["answer_not_in_context", "empty_text", "empty_text"]


def test_questions_to_train_on(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps(QUESTIONS), encoding="utf-8")
    found = read(tmp_path / "x.json", **SQUAD, use="training", template="{question}\n{context}")
    assert said(found) == [[f"أين تقع؟\n{CONTEXT}", "على نهر كبير"]]
    assert [reason for _, reason in reasons(found)][:2] == ["unanswerable"] * 2
    found = read(tmp_path / "x.json", **SQUAD, use="training", no_answer="ليس في النص.")
    assert [turns[1] for turns in said(found)] == ["على نهر كبير", "ليس في النص.", "ليس في النص."]
    assert {row["kind"] for row in found["documents"]} == {"instruction"}


def test_questions_as_the_hub_has_them(tmp_path: Path) -> None:
    """Answers as lists side by side, no context, an answer that is a plain text."""
    path = written(tmp_path, {"id": "1", "context": CONTEXT, "question": "س",
                              "answers": {"text": ["جسر"], "answer_start": [29]}})  # fmt: skip
    assert read(path, format="jsonl", shape="squad", use="evaluation", task="qa")["items"][0]["answers"] == ["جسر"]
    path = written(tmp_path, {"q": "س", "a": "ج"}, {"q": "س", "a": None}, {"q": "س", "a": 5}, {"q": "س"})
    columns = {"question": "q", "answers": "a"}
    found = read(path, format="jsonl", record="question_answering", columns=columns, use="training")
    assert said(found) == [["س", "ج"]]
    assert [reason for _, reason in reasons(found)] == ["empty_text", "wrong_type", "missing_column"]


@pytest.mark.parametrize(
    ("choices", "label", "first", "right"),
    [
        (["ماء", "نار", "هواء"], "B", "A", "نار"),
        (["ماء", "نار", "هواء"], 2, "0", "هواء"),
        (["ماء", "نار", "هواء"], 2.0, "1", "نار"),
        (["ماء", "نار", "هواء"], "نار", "0", "نار"),
        (["ماء", "نار", "هواء"], "ج", "أ", "هواء"),
        (["ماء", "نار", "هواء"], "ا", "أ", "ماء"),
        ({"A": "ماء", "B": "نار"}, "B", "A", "نار"),
        (["ماء", "نار", "", None], "B", "A", "نار"),
        (["ماء", "", "نار"], "C", "A", "empty_text"),  # else C would be the second of two
        (["ماء", "نار"], "C", "A", "unknown_label"),
        (["ماء", "نار"], None, "A", "unknown_label"),
    ],
)
def test_choices(tmp_path: Path, choices: Any, label: Any, first: str, right: str) -> None:
    path = written(tmp_path, {"question": "ما هذا؟", "choices": choices, "answer": label})
    fields = {"format": "jsonl", "shape": "multiple_choice", "first_label": first}
    found = read(path, **fields, use="evaluation", task="t")
    if found["rejects"]:
        assert reasons(found) == [(1, right)]
        return
    [row] = found["items"]
    assert (row["answers"], row["choices"][row["label"]]) == ([right], right)
    assert row["prompt"][0]["content"] == "\n- ".join(["ما هذا؟", *row["choices"]])
    assert said(read(path, **fields, use="training")) == [[row["prompt"][0]["content"], right]]


def test_classes(tmp_path: Path) -> None:
    path = written(tmp_path, *({"t": "نص", "y": label} for label in [1, "-1", -1.0, True, 0, None]))
    fields = {"format": "jsonl", "record": "classification", "columns": {"text": "t", "label": "y"}}
    fields |= {"labels": {1: "إيجابي", -1: "سلبي", "true": "إيجابي"}}
    found = read(path, **fields, use="evaluation", task="sentiment")
    assert [row["answers"] for row in found["items"]] == [["إيجابي"], ["سلبي"], ["سلبي"], ["إيجابي"]]
    assert [row["label"] for row in found["items"]] == [0, 1, 1, 0]
    assert all(row["choices"] == ["إيجابي", "سلبي"] for row in found["items"])
    assert "إيجابي، سلبي" in found["items"][0]["prompt"][0]["content"]
    assert reasons(found) == [(5, "unknown_label"), (6, "unknown_label")]
    found = read(path, **fields, use="training", template="ما شعور كاتب: {text}")
    assert said(found)[1] == ["ما شعور كاتب: نص", "سلبي"]


def test_translations_in_both_directions_are_kept_though_half_of_them_is_latin(tmp_path: Path) -> None:
    path = tmp_path / "x.tsv"
    path.write_text("الوالد ينتظر هنا.\tFather waits here, as every day.\nنص\t\n", encoding="utf-8")
    fields = {"format": "tsv", "header": False, "record": "translation", "columns": {"text": 0, "translation": 1}}
    fields |= {"between": ["العربية", "الإنجليزية"]}
    found = read(path, **fields, use="training", direction="both", split="train")
    forward, back = said(found)
    assert forward == [
        "ترجم من العربية إلى الإنجليزية:\nالوالد ينتظر هنا.",
        "Father waits here, as every day.",
    ]
    assert back == [
        "ترجم من الإنجليزية إلى العربية:\nFather waits here, as every day.",
        "الوالد ينتظر هنا.",
    ]
    assert len({row["id"] for row in found["documents"]}) == 2
    assert reasons(found) == [(2, "empty_text")]
    rows = [*found["documents"], document("other", "Father waits here, as every day.")]
    frame = shards(tmp_path / "shards", "documents", *rows).scan()
    clean = Cleaning("documents", TextSettings(), FilterSettings(), quality=QualitySettings(rules="basic"))
    assert clean(frame, 0).collect()["reason"].to_list() == [None, None, "little_arabic"]
    found = read(path, **fields, use="evaluation", task="translation", direction="backward")
    assert [row["answers"] for row in found["items"]] == [["الوالد ينتظر هنا."]]


def test_ids_of_two_directions_differ(tmp_path: Path) -> None:
    path = written(tmp_path, {"i": "7", "a": "نص", "e": "text"})
    fields = {"format": "jsonl", "record": "translation", "between": ["أ", "ب"], "direction": "both"}
    fields |= {"split": "train"}
    found = read(path, **fields, use="training", columns={"id": "i", "text": "a", "translation": "e"})
    assert [row["id"] for row in found["documents"]] == ["s/7", "s/7-back"]


GOOD = [True, 1, "1", "true", "Yes", "👍", "👍🏽", "thumbs_up", "+1", 1.0]
BAD = [False, 0, "0", "false", "no", "👎", "thumbs_down", -1]


def test_feedback_labels_as_people_write_them(tmp_path: Path) -> None:
    rows = [{"prompt": "س", "completion": "ج", "label": label} for label in [*GOOD, *BAD, "maybe", None, [1]]]
    found = read(written(tmp_path, *rows), format="jsonl", shape="feedback")
    assert [row["label"] for row in found["feedback"]] == [True] * len(GOOD) + [False] * len(BAD)
    assert found["feedback"][0]["prompt"] == [{"role": "user", "content": "س"}]
    assert [reason for _, reason in reasons(found)] == ["unknown_label", "unknown_label", "wrong_type"]


def test_feedback_by_ratings_and_by_words(tmp_path: Path) -> None:
    rows = [{"prompt": "س", "completion": "ج", "label": label} for label in [5, "4", 3, 2.5, "1", "x", "nan"]]
    path = written(tmp_path, *rows)
    found = read(path, format="jsonl", shape="feedback", good_from=4, bad_to=2.5)
    assert [row["label"] for row in found["feedback"]] == [True, True, False, False]
    assert reasons(found) == [(3, "neutral_rating"), (6, "unknown_label"), (7, "unknown_label")]
    assert len(read(path, format="jsonl", shape="feedback", good_from=4)["feedback"]) == 5
    found = read(path, format="jsonl", shape="feedback", labels={5: "good", 3: "bad"})
    assert [row["label"] for row in found["feedback"]] == [True, False]


def test_feedback_is_cleaned_and_only_what_is_good_has_to_be_a_good_answer(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "ما هي عاصمة البلد الذي يقع في الشمال؟"}]
    common = {"source": "s", "prompt": turns, "licence": "CC0"}
    repeats = turns[0]["content"]
    rows = [
        {"id": "1", "completion": "مدينة كبيـــرة على البحر.", "label": True},
        {"id": "2", "completion": repeats, "label": True},
        {"id": "3", "completion": repeats, "label": False},
        {"id": "4", "completion": "\u200f", "label": False},
        {"id": "5", "completion": "I do not know which one it could be, and nobody else does.", "label": True},
    ]
    frame = shards(tmp_path, "feedback", *(row | common for row in rows)).scan()
    clean = Cleaning("feedback", TextSettings(), FilterSettings(), quality=QualitySettings(rules="basic"))
    found = clean(frame, 0).collect()
    assert found["reason"].to_list() == [None, "repeats_question", None, "empty", "little_arabic"]
    assert found["completion"][0] == "مدينة كبيرة على البحر."
    assert found.filter(pl.col("reason").is_null())["dialect"].null_count() == 0


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"record": "question_answering", "columns": {"question": "q", "answers": "a"}}, "say use: training"),
        ({"shape": "squad", "use": "evaluation"}, "needs task"),
        ({"record": "classification", "columns": {"text": "t", "label": "l"}, "use": "training"}, "needs `labels`"),
        ({"record": "translation", "columns": {"text": "t", "translation": "u"}, "use": "training"}, "needs `between`"),
        (
            {
                "record": "translation",
                "columns": {"text": "t", "translation": "u"},
                "use": "training",
                "between": ["ا", "ب"],
                "direction": "both",
            },
            "needs a `split`",
        ),
        (
            {
                "record": "translation",
                "columns": {"text": "t", "translation": "u"},
                "use": "training",
                "template": "إلى {to}: {text}",
            },
            "needs `between`",
        ),
        ({"columns": {"text": "t"}, "use": "training"}, "`use` is of records of question_answering"),
        ({"columns": {"text": "t"}, "direction": "both"}, "`direction` is of records of translation, not of document"),
        ({"columns": {"text": "t"}, "pairs": True}, "`pairs` is of format oasst, not of jsonl"),
        ({"columns": {"text": "t"}, "seed": 1}, "say how many"),
        ({"columns": {"text": "t"}, "delimiter": ";"}, "is of csv and tsv"),
        ({"shape": "feedback", "labels": {"1": "great"}}, "'great'"),
        ({"shape": "feedback", "labels": {"1": "good"}, "good_from": 3}, "leave one out"),
        ({"shape": "feedback", "good_from": 3, "bad_to": 3}, "below `good_from`"),
        ({"columns": {"text": "t"}, "licence": "N/A"}, "say so: unknown"),
    ],
)
def test_what_does_not_fit_together_is_refused(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        settings(format="jsonl", **fields)


def test_cells_between_other_signs(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text('1;قال "نعم\n-1;لا', encoding="utf-8")
    fields = {"record": "classification", "columns": {"label": 0, "text": 1}, "labels": {1: "نعم", -1: "لا"}}
    found = read(path, format="tsv", header=False, delimiter=";", **fields, use="training", template="{text}")
    assert said(found) == [['قال "نعم', "نعم"], ["لا", "لا"]]


def test_an_item_tells_what_it_is_what_it_asks_and_where_it_belongs(tmp_path: Path) -> None:
    row = {"id": "Islamic Studies-7", "question": "ما الصحيح؟", "A": "هذا", "B": "ذاك", "answer": "B"}
    (tmp_path / "x.jsonl").write_text(json.dumps(row), encoding="utf-8")
    columns = {"id": "id", "choices": ["A", "B"], "label": "answer"}
    by = {"format": "jsonl", "first_label": "A", "task": "exams", "family_pattern": "^(.*)-[0-9]+$"}
    whole = read(tmp_path / "x.jsonl", **by, record="multiple_choice", use="evaluation",
                 columns={**columns, "question": "question"})  # fmt: skip
    written = read(tmp_path / "x.jsonl", **by, record="item", template="{question} {A} {B}", columns=columns)
    for found, question in ((whole, "ما الصحيح؟"), (written, None)):
        [item] = found["items"]
        assert (item["kind"], item["question"], item["family"]) == ("multiple_choice", question, "Islamic Studies")
    short = read(tmp_path / "x.jsonl", **by, record="item", columns={"prompt": "question", "answers": "B"})["items"]
    assert [(item["kind"], item["family"]) for item in short] == [("short_answer", "exams")]
    said = {"columns": {"prompt": "question", "answers": "B"}, "constants": {"kind": "classification"}}
    assert read(tmp_path / "x.jsonl", **by, record="item", **said)["items"][0]["kind"] == "classification"
    said["constants"] = {"kind": "essay"}
    assert reasons(read(tmp_path / "x.jsonl", **by, record="item", **said)) == [(1, "unknown_kind")]


@pytest.mark.parametrize(("pattern", "why"), [("^(.*", "no regular expression"), ("^.*", "has no group")])
def test_a_family_pattern_that_names_none_is_refused(tmp_path: Path, pattern: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read(tmp_path / "x", format="jsonl", record="item", task="t", family_pattern=pattern,
             columns={"prompt": "q", "answers": "a"})  # fmt: skip
