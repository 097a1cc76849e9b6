"""Documents that go over as columns are those that are made row by row, rejects included."""

import sys

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arabic_llm_pipeline.corpus import sources, whole_columns
from arabic_llm_pipeline.corpus.records import DOCUMENTS
from tests.corpus.making import MB, settings

COLUMNS = {"text": "t", "id": "n", "title": "h", "dialect": "d", "split": "s", "lang": "l"}
BLANK = st.sampled_from(["", " ", "\n\u2003", "\x1c", "\x85\t"])
ODD = st.sampled_from(["\U0010ffff", "نص" * 40])


def table(rows):
    return pa.table({name: [row.get(name) for row in rows] for name in "tnhdsl"}, schema=pa.schema(
        [(name, pa.string()) for name in "tnhdsl"]
    ))  # fmt: skip


def both(path, max_bytes=MB, name="s", several=True, **fields):
    """What the two ways make of a file, in order: documents with all columns, and rejects."""
    source = settings(**({"format": "parquet", "columns": COLUMNS} | fields))
    file = sources.SourceFile(name, source, path, path.name, several)
    assert whole_columns.fits(source)
    slow, quick, taken = [], [], 0
    for kind, row in sources.read_file(file, max_bytes):
        slow.append((kind, {**dict.fromkeys(DOCUMENTS), **row} if kind == "documents" else row))
    for kind, found in sources.read_columns(file, max_bytes):
        if isinstance(found, pl.DataFrame):
            assert found.schema == DOCUMENTS
            taken += len(found)
            quick += [(kind, row) for row in found.to_dicts()]
        else:
            quick.append((kind, {**dict.fromkeys(DOCUMENTS), **found} if kind == "documents" else found))
    return slow, quick, taken


@given(
    st.lists(
        st.fixed_dictionaries(
            {"t": st.text(min_size=1, max_size=9) | BLANK | ODD | st.none()},
            optional={
                "n": st.sampled_from(["7", " x ", ""]) | st.none(),
                "h": st.sampled_from(["عنوان", " عنوان ", "\x1d", ""]),
                "d": st.sampled_from(["LAV", "EGY ", " ", "X"]),
                "s": st.sampled_from(["dev", "train ", "x"]),
                "l": st.sampled_from(["ar", " "]),
            },
        ),
        max_size=6,
    )
)
def test_the_same_as_row_by_row(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("x") / "x.parquet"
    pq.write_table(table(rows), path)
    slow, quick, _ = both(path, max_bytes=60, dialects={"LAV": "LEV"}, constants={"url": " u"}, dialect="MSA")
    assert quick == slow


def test_plain_batches_are_taken_and_odd_ones_left(tmp_path, monkeypatch):
    monkeypatch.setattr("arabic_llm_pipeline.corpus.rows.ROWS_AT_ONCE", 4)
    rows = [{"t": f"نص {n}", "n": str(n) if n % 2 else None, "h": "عنوان"} for n in range(12)]
    rows[5]["t"] = None
    pq.write_table(table(rows), tmp_path / "x.parquet")
    slow, quick, taken = both(tmp_path / "x.parquet")
    assert quick == slow
    assert taken == 8
    assert [row["id"] for kind, row in quick if kind == "documents"][:5] == ["s/x/0", "s/1", "s/x/2", "s/3", "s/x/4"]
    assert [(row["place"], row["reason"]) for kind, row in quick if kind == "rejects"] == [(5, "empty_text")]


@pytest.mark.parametrize("column", [pa.array([1, None, 3]), pa.array([1.5, None, 2.0]), pa.array([[1], None, []])])
def test_columns_that_are_no_text(tmp_path, column):
    pq.write_table(pa.table({"t": ["أ", "ب", "ج"], "n": column}), tmp_path / "x.parquet")
    slow, quick, taken = both(tmp_path / "x.parquet", columns={"text": "t", "id": "n"})
    assert quick == slow
    assert taken == (3 if pa.types.is_integer(column.type) else 0)


def test_bytes_that_are_no_text(tmp_path):
    broken = pa.array([b"a", b"\xff", "نص".encode()]).view(pa.string())
    pq.write_table(pa.table({"t": broken}), tmp_path / "x.parquet")
    slow, quick, taken = both(tmp_path / "x.parquet", columns={"text": "t"})
    assert quick == slow
    assert (len(quick), taken) == (3, 0)


@pytest.mark.parametrize("columns", [{"text": "a.b"}, {"text": "t", "title": "a.b"}, {"text": "t", "title": "none"}])
def test_paths_and_absent_columns(tmp_path, columns):
    pq.write_table(pa.table({"t": ["نص", "آخر"], "a": [{"b": "ح"}, {"b": None}]}), tmp_path / "x.parquet")
    slow, quick, taken = both(tmp_path / "x.parquet", columns=columns)
    assert quick == slow
    assert taken == (2 if columns.get("title") == "none" else 0)


def test_damage_after_whole_batches(tmp_path):
    path = tmp_path / "x.arrow"
    batch = pa.record_batch({"t": ["نص"] * 50})
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, batch.schema) as writer:
        for _ in range(3):
            writer.write_batch(batch)
    path.write_bytes(path.read_bytes()[:-500])
    slow, quick, taken = both(path, format="arrow", columns={"text": "t"})
    assert quick == slow
    assert taken == 100
    assert quick[-1][0] == "rejects"


def test_whitespace_is_what_python_takes_for_it():
    assert "".join(filter(str.isspace, map(chr, range(sys.maxunicode + 1)))) == whole_columns.WHITESPACE
