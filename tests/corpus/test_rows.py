import gzip
import struct

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from arabic_llm_pipeline.corpus.records import Reject
from arabic_llm_pipeline.corpus.rows import COMMA, TAB, Row, arrow_rows, json_rows, jsonl_rows, parquet_rows, table_rows


def kinds(rows):
    return [(r.place, r.reason if isinstance(r, Reject) else r.value) for r in rows]


def test_json_lines(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_bytes('{"a": "ألف"}\n[1]\n{"a": \n{"a": "\\ud800"}\n{"a": NaN}\n"s"\n{"a": "\x00"}'.encode())
    broken = "broken_json"
    assert kinds(jsonl_rows(path, 100)) == [
        (1, {"a": "ألف"}),
        (2, [1]),
        (3, broken),
        (4, broken),
        (5, broken),
        (6, "s"),
        (7, broken),
    ]


def test_deep_nesting_is_a_broken_line(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"[" * 100_000 + b"]" * 100_000)
    assert kinds(jsonl_rows(path, 1 << 20)) == [(1, "broken_json")]


def test_an_array_cut_in_half_keeps_its_records(tmp_path):
    path = tmp_path / "x.json"
    path.write_bytes('\ufeff [{"a": "أ"}, {"a": "ب"}, {"a": "ج'.encode())
    assert kinds(json_rows(path, 100)) == [(0, {"a": "أ"}), (1, {"a": "ب"}), (2, "broken_json")]


def test_an_array_in_a_truncated_archive(tmp_path):
    path = tmp_path / "x.json.gz"
    packed = gzip.compress(b"[" + b",".join(b'{"n": %d}' % (n * 7919 % 10_007) for n in range(50_000)) + b"]")
    path.write_bytes(packed[: len(packed) // 2])
    *found, last = json_rows(path, 100)
    assert len(found) > 1000
    assert [row.value["n"] for row in found] == [n * 7919 % 10_007 for n in range(len(found))]
    assert last == Reject(len(found), "broken_archive")


def test_bad_bytes_in_an_array_cost_one_record(tmp_path):
    path = tmp_path / "x.json"
    path.write_bytes(b'[{"a": "1"}, {"a": "\xff\xfe"}, {"a": "3"}, {"a": "' + b"x" * 101 + b'"}, 5]')
    assert kinds(json_rows(path, 100)) == [
        (0, {"a": "1"}),
        (1, "invalid_utf8"),
        (2, {"a": "3"}),
        (3, "record_too_long"),
        (4, 5),
    ]


@pytest.mark.parametrize(
    ("text", "reason"), [(b"", "empty_file"), (b'{"a": 1}', "not_an_array"), (b"  \n", "empty_file")]
)
def test_what_is_no_array(tmp_path, text, reason):
    path = tmp_path / "x.json"
    path.write_bytes(text)
    assert kinds(json_rows(path, 100)) == [(0, reason)]


def test_csv(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes('\ufeffa,b\n1,"س\nص"\n2,"z" w\n3\n4,ok\n'.encode() + b"5,\xff\n6,end")
    assert kinds(table_rows(path, 100, COMMA, True)) == [
        (2, {"a": "1", "b": "س\nص"}),
        (4, "broken_csv"),
        (5, "wrong_column_count"),
        (6, {"a": "4", "b": "ok"}),
        (7, "invalid_utf8"),
        (8, {"a": "6", "b": "end"}),
    ]


def test_a_quote_that_is_never_closed_does_not_take_the_memory(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b'a,b\n1,"open\n' + b"2,x\n" * 1000)
    found = kinds(table_rows(path, 100, COMMA, True))
    assert (2, "broken_csv") in found
    assert found[-1] == (1002, {"a": "2", "b": "x"})


def test_tsv_without_header_has_no_quotes(tmp_path):
    path = tmp_path / "x.tsv"
    path.write_bytes('قال "نعم\t1\nسطر\t2\n'.encode())
    assert kinds(table_rows(path, 100, TAB, False)) == [(1, ['قال "نعم', "1"]), (2, ["سطر", "2"])]


def test_parquet(tmp_path):
    path = tmp_path / "x.parquet"
    bad = pa.Array.from_buffers(
        pa.string(), 2, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0"), pa.py_buffer(b"\xffx")]
    )
    pq.write_table(pa.table({"t": bad, "n": [1, 2], "long": ["y" * 200, "y"]}), path)
    assert kinds(parquet_rows(path, 100, {"t", "n", "absent"})) == [(0, "invalid_utf8"), (1, {"t": "x", "n": 2})]
    assert list(parquet_rows(path, 100, {"long"}))[1] == Row(1, {"long": "y"})
    assert kinds(parquet_rows(path, 100, {"long"}))[0] == (0, "record_too_long")
    path.write_bytes(path.read_bytes()[:100])
    assert kinds(parquet_rows(path, 100)) == [(0, "broken_parquet")]


def test_a_data_set_that_datasets_saved(tmp_path):
    """Saved by Hugging Face's own library, read without it; and the same table in Arrow's file format."""
    from datasets import Dataset

    rows = [{"text": f"نص {n}", "turns": [{"role": "user", "content": "س"}], "more": n} for n in range(1200)]
    Dataset.from_list(rows).save_to_disk(str(tmp_path / "saved"))
    [path] = (tmp_path / "saved").glob("*.arrow")
    found = list(arrow_rows(path, 1000, {"text", "turns"}))
    assert [row.place for row in found] == list(range(1200))
    assert [row.value for row in found] == [{"text": row["text"], "turns": row["turns"]} for row in rows]
    with (
        pa.OSFile(str(tmp_path / "x.arrow"), "wb") as file,
        pa.ipc.new_file(file, pa.table({"text": ["نص"]}).schema) as out,
    ):
        out.write_table(pa.table({"text": ["نص"]}))
    assert [row.value for row in arrow_rows(tmp_path / "x.arrow", 1000)] == [{"text": "نص"}]


@pytest.mark.parametrize("content", [b"", b"{", b"ARROW1 and then nothing", b"x" * 1000])
def test_what_is_no_arrow(tmp_path, content):
    (tmp_path / "x.arrow").write_bytes(content)
    assert [row.reason for row in arrow_rows(tmp_path / "x.arrow", 1000)] == ["broken_arrow"]


def test_arrow_cut_in_half_keeps_what_came_before(tmp_path):
    table = pa.table({"text": [f"نص {n}" for n in range(2000)]})
    with pa.OSFile(str(tmp_path / "x.arrow"), "wb") as file, pa.ipc.new_stream(file, table.schema) as out:
        out.write_table(table, max_chunksize=100)
    content = (tmp_path / "x.arrow").read_bytes()
    (tmp_path / "x.arrow").write_bytes(content[: len(content) // 2])
    *rows, last = arrow_rows(tmp_path / "x.arrow", 1000)
    assert len(rows) >= 900
    assert len(rows) % 100 == 0
    assert last.reason == "broken_arrow"


@pytest.mark.parametrize(
    ("old", "new"),
    [(struct.pack("<3i", 0, 4, 8), struct.pack("<3i", 0, 1 << 30, 8)), (b"text", b"t\xd9xt")],
    ids=["an offset that leads out of the file", "the name of a column"],
)
def test_damage_inside_an_arrow_file(tmp_path, old, new):
    table = pa.table({"text": ["نص", "جد"]})
    with pa.OSFile(str(tmp_path / "x.arrow"), "wb") as file, pa.ipc.new_stream(file, table.schema) as out:
        out.write_table(table)
    content = (tmp_path / "x.arrow").read_bytes()
    assert old in content
    (tmp_path / "x.arrow").write_bytes(content.replace(old, new))
    assert [row.reason for row in arrow_rows(tmp_path / "x.arrow", 1000)] == ["broken_arrow"]
