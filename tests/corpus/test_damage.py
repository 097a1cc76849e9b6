"""Files of every format that are cut, overwritten or something else altogether: rejects, and no exception."""

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.corpus.making import lines, read

ROWS = [{"q": f"سؤال {n}", "a": f"جواب {n}", "n": n} for n in range(30)]
TALK = {"message_id": "1", "role": "prompter", "text": "س", "lang": "ar",
        "replies": [{"message_id": "2", "role": "assistant", "text": "ج", "lang": "ar", "replies": []}]}  # fmt: skip
PAGES = "".join(f"<page><title>ع{n}</title><ns>0</ns><id>{n}</id><revision><text>نص '''{n}'''</text></revision></page>"
                for n in range(9))  # fmt: skip


def table(write: Callable[[pa.Table, io.BytesIO], None], rows: list[dict[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    write(pa.Table.from_pylist(rows), buffer)
    return buffer.getvalue()


def arrow(rows: pa.Table, buffer: io.BytesIO) -> None:
    with pa.ipc.new_stream(buffer, rows.schema) as out:
        out.write_table(rows, max_chunksize=10)


ANSWERED = {"record": "instruction", "columns": {"instruction": "q", "output": "a"}}
FORMATS: dict[str, tuple[str, bytes, dict[str, Any]]] = {
    "jsonl": ("x.jsonl", lines(*ROWS), {"format": "jsonl", **ANSWERED}),
    "jsonl.gz": ("x.jsonl.gz", gzip.compress(lines(*ROWS), mtime=0), {"format": "jsonl", **ANSWERED}),
    "json": ("x.json", json.dumps(ROWS).encode(), {"format": "json", **ANSWERED}),
    "nested": ("x.json", json.dumps({"d": [{"r": ROWS}]}).encode(), {"format": "json", "each": "d.r", **ANSWERED}),
    "csv": ("x.csv", "\n".join(["q,a", *(f'"{row["q"]}",{row["a"]}' for row in ROWS)]).encode(),
            {"format": "csv", **ANSWERED}),
    "tsv": ("x.tsv", "\n".join(["q\ta", *(f"{row['q']}\t{row['a']}" for row in ROWS)]).encode(),
            {"format": "tsv", **ANSWERED}),
    "text": ("x.txt", "\n".join(row["q"] for row in ROWS).encode(), {"format": "text"}),
    "parquet": ("x.parquet", table(pq.write_table, ROWS), {"format": "parquet", **ANSWERED}),
    "arrow": ("x.arrow", table(arrow, ROWS), {"format": "arrow", **ANSWERED}),
    "bactrian_x": ("ar.json", json.dumps([{"id": "1", "instruction": "س", "input": "", "output": "ج"}] * 9).encode(),
                   {"format": "bactrian_x"}),
    "oasst": ("x.jsonl", lines(*[{"prompt": TALK}] * 9), {"format": "oasst", "branches": "all", "pairs": True}),
    "wikipedia": ("x.parquet", table(pq.write_table, [{"id": "1", "url": "u", "title": "ع", "text": "ن"}] * 9),
                  {"format": "wikipedia"}),
    "mediawiki": ("x.xml", f"<mediawiki>{PAGES}</mediawiki>".encode(), {"format": "mediawiki"}),
}  # fmt: skip


def outcome(kind: str, content: bytes) -> tuple[int, int]:
    """How many records and rejects a file of that format with this content gives."""
    name, _, fields = FORMATS[kind]
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        found = read(path, **fields)
    rejects = found.pop("rejects")
    assert all(row["reason"] for row in rejects)
    return sum(map(len, found.values())), len(rejects)


@pytest.mark.parametrize("kind", FORMATS)
def test_whole_files_have_no_reject_and_empty_ones_have_one(kind: str) -> None:
    records, rejects = outcome(kind, FORMATS[kind][1])
    assert records >= 9
    assert rejects == 0
    assert outcome(kind, b"") == (0, 1)


@pytest.mark.parametrize("kind", FORMATS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_no_damage_stops_the_reading(kind: str, data: st.DataObject) -> None:
    """A piece overwritten by any bytes, and what comes after it cut off or not."""
    content = FORMATS[kind][1]
    start = data.draw(st.integers(0, len(content)))
    put = data.draw(st.binary(max_size=12))
    rest = data.draw(st.sampled_from([content[start:], content[start + len(put) :], b""]))
    outcome(kind, content[:start] + put + rest)


@pytest.mark.parametrize("kind", FORMATS)
@settings(max_examples=10, deadline=None)
@given(content=st.binary(min_size=1, max_size=200))
def test_any_bytes_are_read_to_their_end(kind: str, content: bytes) -> None:
    outcome(kind, content)
