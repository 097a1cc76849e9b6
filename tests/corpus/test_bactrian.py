import gzip
import json

import pytest

from tests.corpus.making import lines, read, reasons, said

RECORDS = [
    {"instruction": "ما جمع كتاب؟", "input": "", "output": "كتب", "id": "alpaca-1"},
    {"instruction": "لخّص:", "input": "نص طويل", "output": "نص", "id": "dolly-2"},
    {"instruction": "اكتب.", "input": None, "output": "كتبت", "id": "alpaca-3"},
    {"instruction": "بلا جواب", "input": "", "output": "", "id": "alpaca-4"},
    {"instruction": 7, "input": "", "output": "x", "id": "alpaca-5"},
    {"instruction": "قائمة", "input": ["أ"], "output": "x", "id": "alpaca-6"},
    "ليس سجلا",
]
WANTED = [["ما جمع كتاب؟", "كتب"], ["لخّص:\nنص طويل", "نص"], ["اكتب.", "كتبت"]]


@pytest.mark.parametrize("first", [0, 1])
def test_array_and_lines_are_the_same(tmp_path, first):
    path = tmp_path / "ar.json.gz"
    path.write_bytes(gzip.compress(lines(*RECORDS) if first else json.dumps(RECORDS).encode()))
    found = read(path, format="bactrian_x")
    assert said(found) == WANTED
    assert [row["id"] for row in found["documents"]] == ["s/alpaca-1", "s/dolly-2", "s/alpaca-3"]
    assert {(row["kind"], row["lang"]) for row in found["documents"]} == {("instruction", "ar")}
    wanted = ["empty_text", "wrong_type", "wrong_type", "wrong_type"]
    assert reasons(found) == [(place + first, reason) for place, reason in zip(range(3, 7), wanted, strict=True)]


def test_an_empty_file(tmp_path):
    path = tmp_path / "ar.json.gz"
    path.write_bytes(gzip.compress(b""))
    assert reasons(read(path, format="bactrian_x")) == [(0, "empty_file")]
