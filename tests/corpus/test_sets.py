"""The ready-made entries of conf/sets: a row of each, made up in the columns that its card names, becomes a record."""

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from tests.corpus.making import read, reasons, said

TURNS = [{"from": "human", "value": "س"}, {"from": "gpt", "value": "ج"}]
TRANSLATED = [[{"role": "مستخدم", "content": "س"}, {"role": "مساعد", "content": answer}] for answer in ("ج", "خ")]
TREE = {
    "message_tree_id": "t", "tree_state": "ready_for_export",
    "prompt": {
        "message_id": "m", "text": "س", "role": "prompter", "lang": "ar", "deleted": False, "review_result": True,
        "replies": [
            {"message_id": str(n), "text": text, "role": "assistant", "lang": "ar", "rank": n, "replies": []}
            for n, text in enumerate("جخ")
        ],
    },
}  # fmt: skip
MMLU = {f"Option {n}": text for n, text in enumerate(["أ", "ب", "", "", ""], start=1)}
ROWS: dict[str, dict[str, Any]] = {
    "bactrian_x": {"id": "alpaca-1", "instruction": "س", "input": "", "output": "ج"},
    "oasst1": TREE,
    "oasst2": TREE,
    "wikipedia_ar": {"id": "1", "url": "u", "title": "ع", "text": "ن"},
    "instar_500k": {"uuid": "u", "source": "x", "task": "t", "topic": "t", "system": "You",
                    "instruction": "س", "output": "ج"},
    "cidar": {"output": "ج", "instruction": "س", "index": 3},
    "openhermes_ar": {"user": "ج", "gpt": "س", "conversations": json.dumps(TURNS, ensure_ascii=False)},
    "arabicqa": {"question": "س", "answer": "ج"},
    "preference_rlhf_ar": {"id": "1", "instruction": "س", "chosen": "ج", "rejected": "خ"},
    "dpo_mix_ar": {"dataset": "x", "chosen": str(TRANSLATED[0]), "rejected": str(TRANSLATED[1]),
                   "chosen_rating": 5.0, "rejected_rating": 3.0},
    "arabicmmlu": {"ID": 7, "Subject": "تاريخ", "Question": "س", "Context": "", "Answer Key": "B", **MMLU},
    "arcd": {"id": "1", "title": "ع", "context": "فيه ج وغيره", "question": "س",
             "answers": {"text": ["ج"], "answer_start": [5]}},
    "xquad_ar": {"id": "1", "context": "فيه ج وغيره", "question": "س",
                 "answers": {"text": ["ج"], "answer_start": [5]}},
    "acva": {"id": "Algeria-1", "question": "عبارة", "answer": "خطأ"},
    "aya": {"inputs": "س", "targets": "ج", "language": "Moroccan Arabic", "language_code": "ary",
            "annotation_type": "original-annotations", "user_id": "u"},
    "alghafa": {"query": "س", "sol1": "أ", "sol2": "ب", "sol3": "ت", "sol4": "ث", "label": "2"},
}  # fmt: skip
ANSWERS = {"arabicmmlu": "ب", "alghafa": "ت", "arcd": "ج", "xquad_ar": "ج", "acva": "خطأ"}


def entry(project: Path, name: str) -> dict[str, Any]:
    [source] = yaml.safe_load((project / f"conf/sets/{name}/parameters.yml").read_text(encoding="utf-8"))[
        "sources"
    ].values()
    return source


def written(folder: Path, source: dict[str, Any], row: dict[str, Any]) -> Path:
    """A file of the entry's own format and name with that row in it."""
    path = folder / Path(source["path"]).name.replace("*", "x")
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist([row]), path)
    elif path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, list(row))
            table.writeheader()
            table.writerow(row)
    else:
        text = json.dumps([row] if source["format"] == "bactrian_x" else row, ensure_ascii=False)
        path.write_bytes(gzip.compress(text.encode()))
    return path


def test_every_entry_has_a_row_here(project: Path) -> None:
    assert {path.name for path in (project / "conf/sets").iterdir()} == set(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_its_rows_become_records(project: Path, tmp_path: Path, name: str) -> None:
    source = entry(project, name)
    fields = {key: value for key, value in source.items() if key != "path"}
    found = read(written(tmp_path, source, ROWS[name]), **fields)
    assert found["rejects"] == []
    if found["items"]:
        [item] = found["items"]
        assert item["answers"] == [ANSWERS[name]]
        assert item["label"] is None or item["choices"][item["label"]] == ANSWERS[name]
        assert (item["split"], item["task"]) == ("test", name)
    elif found["documents"]:
        assert said(found) == [["ن"] if name == "wikipedia_ar" else ["س", "ج"]]
    for pair in found["pairs"]:
        assert ([turn["content"] for turn in pair["prompt"]], pair["chosen"], pair["rejected"]) == (["س"], "ج", "خ")
    assert len(found["pairs"]) == (name in {"oasst1", "oasst2", "preference_rlhf_ar", "dpo_mix_ar"})
    if name == "dpo_mix_ar":
        assert found["pairs"][0]["margin"] == 2.0


def test_articles_as_questions(tmp_path: Path) -> None:
    """The paper's way, but that an answer ends with a sentence."""
    sentence = "هذه جملة من عشر كلمات تقريبا في مقالة طويلة عن النهر. "
    rows = [
        {"title": "النهر", "text": "النهر\n\n" + sentence * 40},
        {"title": "", "text": "نص"},
        {"title": "ع", "text": "كلمة " * 400},
        {"title": "ع", "text": "ع"},
    ]
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    columns = {"text": "text", "title": "title"}
    found = read(path, format="jsonl", columns=columns, articles="questions")
    (asked, answer), (_, long) = said(found)
    assert "النهر" in asked
    assert answer == (sentence * 40)[: len(answer)]
    assert answer.endswith("النهر.")
    assert len(sentence) > 1000 - len(answer) >= 0
    assert len(long) == 999
    assert long.endswith("كلمة")
    assert [row["kind"] for row in found["documents"]] == ["instruction"] * 2
    assert reasons(found) == [(2, "missing_title"), (4, "empty_text")]
    assert said(read(path, format="jsonl", columns=columns, articles="questions")) == said(found)
