"""The usual shapes of fine-tuning data by one word, and rows in nested lists."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from tests.corpus.making import lines, read, reasons, said, settings

SPEAKERS = {"user": "Human", "assistant": "Assistant"}


def human(text: str) -> dict[str, str]:
    return {"from": "human", "value": text}


def gpt(text: str) -> dict[str, str]:
    return {"from": "gpt", "value": text}


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def test_alpaca(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    rows = [
        {"instruction": "اجمع", "input": "٢ و٣", "output": "٥"},
        {"instruction": "قل", "output": "قلت", "system": "أنت معلم."},
    ]
    path.write_text(json.dumps([*rows, {"instruction": "قل"}]), encoding="utf-8")
    found = read(path, format="json", shape="alpaca")
    assert said(found) == [["اجمع\n٢ و٣", "٥"], ["أنت معلم.", "قل", "قلت"]]
    assert reasons(found) == [(2, "missing_column")]


def test_sharegpt_with_another_name_for_its_column(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    rows = [
        {"talk": [human("س"), gpt("ج"), human("س٢"), gpt("ج٢"), human("لا جواب")], "system": "معلم"},
        {"talk": [{"from": "system", "value": "هو"}, human("س"), gpt("ج")], "system": "معلم"},
        {"talk": [gpt("ج"), human("س"), gpt("ج")]},
        {"talk": [human("س")]},
        {"talk": [human("س"), {"from": "tool", "value": "ج"}]},
        {"talk": [human("س"), gpt(" ")]},
        {"talk": "نص"},
        {},
    ]
    path.write_bytes(lines(*rows))
    found = read(path, format="jsonl", shape="sharegpt", columns={"messages": "talk"})
    assert said(found) == [["معلم", "س", "ج", "س٢", "ج٢"], ["هو", "س", "ج"]]
    assert [row["kind"] for row in found["documents"]] == ["conversation", "instruction"]
    assert reasons(found) == [
        (3, "wrong_role"), (4, "no_answer"), (5, "wrong_role"), (6, "empty_text"), (7, "missing_column"),
        (8, "missing_column"),
    ]  # fmt: skip


def test_messages_from_parquet(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"messages": [[user("س"), assistant("ج")]], "source": ["x"]}), path)
    assert said(read(path, format="parquet", shape="messages")) == [["س", "ج"]]


def test_prompt_and_completion_as_texts_and_as_turns(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    rows = [
        {"prompt": "س", "completion": "ج"},
        {"prompt": [{"role": "system", "content": "معلم"}, user("س")], "completion": [assistant("ج")]},
        {"prompt": "س", "completion": [user("ليس جوابا")]},
    ]
    path.write_bytes(lines(*rows))
    found = read(path, format="jsonl", shape="prompt_completion")
    assert said(found) == [["س", "ج"], ["معلم", "س", "ج"]]
    assert reasons(found) == [(3, "no_answer")]


def test_preferences_with_their_prompt_or_within_the_answers(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    talk = [user("س"), assistant("ج"), user("س٢")]
    rows = [
        {"prompt": "س", "chosen": "أ", "rejected": "ب"},
        {"chosen": [*talk, assistant("أ")], "rejected": [*talk, assistant("ب")]},
        {"prompt": talk, "chosen": [assistant("أ")], "rejected": [assistant("ب")]},
        {"chosen": [user("س"), assistant("أ")], "rejected": [user("غيره"), assistant("ب")]},
        {"chosen": "أ", "rejected": "ب"},
    ]
    path.write_bytes(lines(*rows))
    found = read(path, format="jsonl", shape="preference")
    assert [(row["chosen"], row["rejected"]) for row in found["pairs"]] == [("أ", "ب")] * 3
    assert [[turn["content"] for turn in row["prompt"]] for row in found["pairs"]] == [["س"], *[["س", "ج", "س٢"]] * 2]
    assert reasons(found) == [(4, "unequal_prompts"), (5, "missing_column")]


@pytest.mark.parametrize("written", [json.dumps, repr])
def test_turns_written_as_a_text_with_translated_roles(tmp_path: Path, written: object) -> None:
    """As some translated sets have them; what Python prints is read, and never executed."""
    path = tmp_path / "x.jsonl"
    both = [[{"role": "مستخدم", "content": "س"}, {"role": "مساعد", "content": answer}] for answer in "أب"]
    row = {"chosen": written(both[0]), "rejected": written(both[1]), "up": 4.5, "down": 3}  # type: ignore[operator]
    path.write_bytes(lines(row, {"prompt": "س", "chosen": "[{x}]", "rejected": "[{__import__('os').abort()}]"}))
    found = read(path, format="jsonl", shape="preference", columns={"margin": ["up", "down"]})
    assert found["pairs"][0]["prompt"] == [user("س")]
    assert (found["pairs"][0]["chosen"], found["pairs"][0]["margin"]) == ("أ", 1.5)
    assert found["pairs"][1]["chosen"] == "[{x}]"  # an answer that only looks like one


def test_turns_in_one_text_with_their_speakers(shared_data: Path) -> None:
    """HH-RLHF: the last answer is the one that was compared, all before it is the prompt of both."""
    path = shared_data / "hh_rlhf_harmless_en/test.jsonl.gz"
    found = read(path, format="jsonl", shape="preference")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    assert len(found["pairs"]) + len(found["rejects"]) == len(rows) == 2312
    assert len(found["pairs"]) == 2303
    known = {" ".join(f"{row['chosen']} {row['rejected']}".split()) for row in rows}
    for row in found["pairs"]:
        before = " ".join(f"{SPEAKERS[turn['role']]}: {turn['content']}" for turn in row["prompt"])
        both = " ".join(f"{before} Assistant: {row[name]}" for name in ("chosen", "rejected"))
        assert " ".join(both.split()) in known
    assert {row["reason"] for row in found["rejects"]} <= {"unequal_prompts", "empty_text", "no_answer"}


def test_a_shape_says_its_record_and_takes_no_other() -> None:
    assert settings(format="jsonl", shape="preference").record == "pair"
    with pytest.raises(ValidationError, match="shape alpaca makes a instruction: leave `record` out"):
        settings(format="jsonl", shape="alpaca", record="pair")
    with pytest.raises(ValidationError, match="has columns of its own: leave `columns` and `shape` out"):
        settings(format="oasst", shape="messages")
    with pytest.raises(ValidationError, match="format csv has none"):
        settings(format="csv", shape="alpaca", each="data")


NESTED = {
    "data": [{"title": "ع", "paragraphs": [{"context": "ف", "qas": [{"question": "س", "answers": [{"text": "أ"}]}]}]}]
}


@pytest.mark.parametrize("whole", [True, False])
def test_rows_in_lists_within_lists(tmp_path: Path, whole: bool) -> None:
    path, each = tmp_path / "x.json", "data.paragraphs.qas"
    path.write_text(json.dumps(NESTED if whole else NESTED["data"]), encoding="utf-8")
    columns = {"prompt": "question", "answers": "answers.text", "passage": "context", "family": "title"}
    each = each if whole else each.removeprefix("data.")
    found = read(
        path, format="json", record="item", each=each, columns=columns, task="qa", template="{context}\n{question}"
    )
    [row] = found["items"]
    assert (row["prompt"][0]["content"], row["answers"], row["family"]) == ("ف\nس", ["أ"], "ع")
    assert reasons(read(path, format="json", record="item", each="nothing", columns=columns, task="qa")) == (
        [] if whole else [(0, "wrong_type")]
    )


def test_squad_as_it_comes(shared_data: Path) -> None:
    """ARCD: 693 questions in nested lists, by the column map alone."""
    columns = {"id": "id", "prompt": "question", "answers": "answers.text", "passage": "context"}
    path = shared_data / "arcd/arcd-train.json.gz"
    found = read(path, format="json", record="item", each="data.paragraphs.qas", columns=columns, task="arcd")
    assert len(found["items"]) == 693
    assert all(row["answers"][0] in row["passage"] for row in found["items"][:50])
