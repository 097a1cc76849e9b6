import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from arabic_llm_pipeline.parameters.sources import Sources
from tests.corpus.making import lines, read, reasons, said, settings


def test_documents(tmp_path):
    path = tmp_path / "x.jsonl"
    rows = [
        {"t": "نص", "n": 7, "d": "LAV", "s": "dev"},
        {"t": "نص", "d": "X"},
        {"t": "نص", "s": "x"},
        {"n": 1},
        {"t": 5},
        {"t": " "},
    ]
    path.write_bytes(lines(*rows, {"t": None}, 17, {"t": "آخر"}))
    columns = {"text": "t", "id": "n", "dialect": "d", "split": "s"}
    found = read(path, format="jsonl", columns=columns, dialects={"LAV": "LEV"}, split="train", dialect="MSA")
    first, last = found["documents"]
    assert (first["id"], first["dialect"], first["dialect_score"], first["split"]) == ("s/7", "LEV", 1.0, "dev")
    assert (last["id"], last["dialect"], last["split"], last["licence"]) == ("s/1", "MSA", "train", "CC0-1.0")
    assert last["messages"] == [{"role": "document", "content": "آخر"}]
    assert reasons(found) == [
        (2, "unknown_dialect"), (3, "unknown_split"), (4, "missing_column"), (5, "wrong_type"), (6, "empty_text"),
        (7, "empty_text"), (8, "wrong_type"),
    ]  # fmt: skip
    assert {row["file"] for row in found["rejects"]} == {"x.jsonl"}


def test_instructions_by_paths_template_and_constants(tmp_path):
    path = tmp_path / "x.json"
    rows = [
        {"q": {"text": "سؤال", "about": ["نص", "آخر"]}, "a": "جواب"},
        {"q": {"text": "سؤال", "about": None}, "a": "جواب"},
    ]
    path.write_text(json.dumps(rows), encoding="utf-8")
    columns = {"output": "a", "input": "q.about.1"}
    found = read(
        path,
        format="json",
        record="instruction",
        columns=columns,
        template="أجب: {q.text}؟",
        constants={"system": "أنت معلم."},
    )
    assert said(found)[0] == ["أنت معلم.", "أجب: سؤال؟\nآخر", "جواب"]
    assert [turn["role"] for turn in found["documents"][0]["messages"]] == ["system", "user", "assistant"]
    assert said(found)[1] == ["أنت معلم.", "أجب: سؤال؟", "جواب"]
    found = read(path, format="json", record="instruction", columns={"output": "a"}, template="{q.nothing}")
    assert reasons(found) == [(0, "missing_column"), (1, "missing_column")]


def test_pairs_of_two_sentences_and_a_label(tmp_path):
    path = tmp_path / "x.tsv"
    path.write_text("id\tsent1\tsent2\tlabel\n0\tأ\tب\t0\n1\tج\tد\t1\n2\tه\tو\t2\n3\tز\n4\tح\t\t1", encoding="utf-8")
    positions = {"id": 0, "first": 1, "second": 2, "label": 3}
    found = read(
        path,
        format="tsv",
        header=False,
        record="pair",
        columns=positions,
        chosen={"0": "second", "1": "first"},
        template="أيهما؟",
    )
    assert [(row["id"], row["chosen"], row["rejected"]) for row in found["pairs"]] == [
        ("s/0", "ب", "أ"),
        ("s/1", "ج", "د"),
    ]
    assert found["pairs"][0]["prompt"] == [{"role": "user", "content": "أيهما؟"}]
    assert reasons(found) == [(1, "unknown_label"), (4, "unknown_label"), (5, "missing_column"), (6, "empty_text")]


def test_pairs_as_they_are(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(
        lines(
            {"p": "س", "c": "أ", "r": "ب", "m": 0.5},
            {"p": "س", "c": "أ", "r": None},
            {"p": "س", "c": "أ", "r": "ب", "m": "x"},
        )
    )
    found = read(
        path, format="jsonl", record="pair", columns={"prompt": "p", "chosen": "c", "rejected": "r", "margin": "m"}
    )
    assert [row["margin"] for row in found["pairs"]] == [0.5]
    assert reasons(found) == [(2, "empty_text"), (3, "wrong_type")]


@pytest.mark.parametrize(
    ("first", "label", "right"),
    [
        ("A", "B", "2"),
        ("a", "B", "2"),
        ("1", "1", "1"),
        ("0", 1, "2"),
        ("0", "ثلاثة", "ثلاثة"),
        ("A", "D", None),
        ("1", 0, None),
    ],
)
def test_items_with_choices(tmp_path, first, label, right):
    path = tmp_path / "x.jsonl"
    path.write_bytes(lines({"q": "كم؟", "a": 1, "b": "2", "c": "ثلاثة", "d": None, "e": "", "y": label}))
    columns = {"prompt": "q", "choices": ["a", "b", "c", "d", "e"], "label": "y"}
    found = read(
        path, format="jsonl", record="item", columns=columns, first_label=first, task="t", family="f", split="test"
    )
    if right is None:
        assert reasons(found) == [(1, "unknown_label")]
    else:
        (row,) = found["items"]
        assert (row["choices"], row["answers"]) == (["1", "2", "ثلاثة"], [right])
        assert (row["choices"][row["label"]], row["task"], row["family"], row["split"]) == (right, "t", "f", "test")


def test_items_with_answers_from_parquet(tmp_path):
    path = tmp_path / "x.parquet"
    answers = [{"text": ["أ", "ب"], "start": [1, 2]}, {"text": [], "start": []}]
    pq.write_table(pa.table({"q": ["س", "س"], "answers": answers, "p": ["فقرة", None], "unused": [1, 2]}), path)
    columns = {"prompt": "q", "answers": "answers.text", "passage": "p"}
    found = read(path, format="parquet", record="item", columns=columns, task="qa", template="{p}\n{q}")
    assert found["items"][0]["answers"] == ["أ", "ب"]
    assert found["items"][0]["prompt"][0]["content"] == "فقرة\nس"
    assert reasons(found) == [(1, "empty_text")]


def test_text_lines_and_limit(tmp_path):
    path = tmp_path / "many.txt"
    path.write_text("\n".join(["سطر", "", "ثان", "ثالث"]), encoding="utf-8")
    assert said(read(path, format="text")) == [["سطر"], ["ثان"], ["ثالث"]]
    assert [row["id"] for row in read(path, format="text", limit=2, several=True)["documents"]] == [
        "s/many/0",
        "s/many/1",
    ]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"format": "jsonl"}, "needs text"),
        ({"format": "jsonl", "columns": {"txt": "t"}}, "no field 'txt'"),
        (
            {"format": "tsv", "record": "pair", "columns": {"prompt": "p", "first": "a"}, "chosen": {"0": "first"}},
            "label, second",
        ),
        ({"format": "csv", "record": "item", "columns": {"prompt": "p", "task": "t"}}, "needs answers"),
        ({"format": "bactrian_x", "columns": {"text": "t"}}, "leave `columns` and `shape` out"),
        ({"format": "text", "record": "pair"}, "not a pair"),
        ({"format": "jsonl", "colums": {}}, "Extra inputs"),
        ({"format": "xlsx"}, "jsonl"),
        ({"format": "text", "licence": ""}, "licence"),
    ],
)
def test_impossible_sources_are_refused(fields, said):
    with pytest.raises(ValidationError, match=said):
        settings(**fields)


def test_sources_add_change_and_remove():
    source = {"format": "text", "path": "x", "licence": "CC0"}
    found = Sources.model_validate({"b": source, "a": source | {"path": ["x", "y/*"]}, "gone": None})
    assert {name: one.paths for name, one in found.chosen().items()} == {"a": ["x", "y/*"], "b": ["x"]}
    with pytest.raises(ValidationError, match="letters, digits"):
        Sources.model_validate({"a/b": source})
