"""Columns on disk: what is written comes back, and what is not whole does not."""

import multiprocessing
import pickle
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.tokens import column_writer, columns
from arabic_llm_pipeline.tokens.column_writer import ColumnWriter
from arabic_llm_pipeline.tokens.columns import ColumnFile

ABOUT = {"form": "numbers", "window": 8, "names": ["مصر", "b"]}


def write(path: Path, parts: list[list[int]], chunk: int = 8, dtype: str = "<u2") -> ColumnFile:
    with ColumnWriter(path, {"a": dtype, "b": "|u1"}, chunk) as writer:
        for part in parts:
            writer.append("a", np.array(part, dtype=np.int64))
            writer.append("b", np.array(part, dtype=np.int64) % 2)
        writer.finish(ABOUT)
    return ColumnFile(path)


@settings(max_examples=40, deadline=None)
@given(
    parts=st.lists(st.lists(st.integers(0, 65_535), max_size=40), max_size=12),
    chunk=st.integers(1, 16),
    flush=st.integers(1, 50),
)
def test_what_is_written_comes_back_from_both_forms(parts: list[list[int]], chunk: int, flush: int) -> None:
    values = [value for part in parts for value in part]
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(column_writer, "FLUSH", flush)
        patch.setattr(columns, "BLOCK", 7)
        hdf5 = write(Path(folder) / "x.h5", parts, chunk)
        hdf5.map_columns(("a",))
        mapped = ColumnFile(hdf5.path)
        for file in (hdf5, mapped):
            assert file.column("a").tolist() == values
            assert file.column("b").tolist() == [value % 2 for value in values]
            assert file.read("a", 1, 5).tolist() == values[1:5]
            file.verify()
        assert (Path(folder) / "x.a.bin").read_bytes() == np.array(values, "<u2").tobytes()
        assert mapped.column("a").dtype == np.dtype("<u2")
        hdf5.close()


def test_a_file_does_not_depend_on_how_it_was_handed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(column_writer, "FLUSH", 100)
    values = list(range(1000))
    write(tmp_path / "one.h5", [values])
    write(tmp_path / "many.h5", [values[i : i + 3] for i in range(0, 1000, 3)])
    assert (tmp_path / "one.h5").read_bytes() == (tmp_path / "many.h5").read_bytes()


def test_chunk_and_checksums_are_in_the_file(tmp_path: Path) -> None:
    file = write(tmp_path / "x.h5", [[1, 2, 3]], chunk=32)
    assert file.about | ABOUT == file.about
    with h5py.File(file.path) as raw:
        assert raw["a"].chunks == (32,)
        assert raw["a"].fletcher32
        assert raw.attrs["schema"] == columns.SCHEMA


def test_memory_stays_flat(tmp_path: Path) -> None:
    part = np.arange(50_000)
    with ColumnWriter(tmp_path / "x.h5", {"a": "<u4"}, 256) as writer:
        tracemalloc.start()
        for _ in range(60):
            writer.append("a", part)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        writer.finish(ABOUT)
    assert ColumnFile(tmp_path / "x.h5").count("a") == 3_000_000  # 12 MB
    assert peak < 6e6


def stop(path: Path) -> None:
    """Leave the file as a writer does that was stopped by an exception."""
    with suppress(KeyError), ColumnWriter(path, {"a": "<u2"}, 8) as writer:
        writer.append("a", np.arange(100))
        raise KeyError


def edit(path: Path, change: Callable[[h5py.File], object]) -> None:
    write(path, [list(range(100))])
    with h5py.File(path, "r+") as file:
        change(file)


BROKEN = {
    "absent": (lambda path: None, "there is no such file"),
    "empty": (lambda path: path.write_bytes(b""), "no whole HDF5 file"),
    "cut": (
        lambda path: (write(path, [list(range(9000))]), path.write_bytes(path.read_bytes()[:9000])),
        "no whole HDF5 file",
    ),
    "unfinished": (stop, "its writing was never finished"),
    "older": (
        lambda path: edit(path, lambda file: file.attrs.modify("schema", 0)),
        "layout has version 0, .* version 3",
    ),
    "short": (lambda path: edit(path, lambda file: file["a"].resize((99,))), "column a does not have the 100 values"),
    "lacking": (lambda path: edit(path, lambda file: file.__delitem__("b")), "column b does not have the 100 values"),
    "mapped cut": (
        lambda path: (write(path, [[1, 2, 3]]).map_columns(("a",)), path.with_name("x.a.bin").write_bytes(b"123")),
        "x.a.bin beside it has 3 bytes, not 6",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_not_whole_is_refused(tmp_path: Path, case: str) -> None:
    damage, why = BROKEN[case]
    damage(tmp_path / "x.h5")
    with pytest.raises(UserError, match=f"{why}.*Delete {tmp_path}.*kedro run --pipelines=tokenize"):
        ColumnFile(tmp_path / "x.h5")


@pytest.mark.parametrize("mapped", [False, True])
def test_a_flipped_bit_is_found(tmp_path: Path, mapped: bool) -> None:
    file = write(tmp_path / "x.h5", [[7] * 5000], chunk=1000)
    file.map_columns(("a",) if mapped else ())
    path = tmp_path / ("x.a.bin" if mapped else "x.h5")
    data = bytearray(path.read_bytes())
    at = data.find(np.full(100, 7, "<u2").tobytes())
    data[at + 50] ^= 1
    path.write_bytes(data)
    with pytest.raises(UserError, match="checksum" if mapped else "cannot be read"):
        ColumnFile(file.path).verify()


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_two_processes_read_what_this_one_has_open(tmp_path: Path, method: str) -> None:
    file = write(tmp_path / "x.h5", [list(range(5000))])
    assert file.read("a", 10, 12).tolist() == [10, 11]
    with ProcessPoolExecutor(2, multiprocessing.get_context(method)) as pool:
        found = [pool.submit(file.read, "a", i, i + 5) for i in range(0, 4000, 500)]
        assert [part.result().tolist() for part in found] == [list(range(i, i + 5)) for i in range(0, 4000, 500)]
    assert file.read("a", 4990, 4992).tolist() == [4990, 4991]


def _read_in_child(file: ColumnFile, queue: "multiprocessing.Queue[list[int]]") -> None:
    queue.put(file.read("a", 100, 103).tolist())


def test_a_forked_child_does_not_use_its_parents_handle(tmp_path: Path) -> None:
    file = write(tmp_path / "x.h5", [list(range(5000))])
    file.read("a", 0, 1)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_read_in_child, args=(file, queue))
    child.start()
    assert queue.get(timeout=300) == [100, 101, 102]
    child.join()
    assert child.exitcode == 0
    assert file.read("a", 4000, 4001).tolist() == [4000]


def test_a_pickle_holds_no_data(tmp_path: Path) -> None:
    file = write(tmp_path / "x.h5", [list(range(9000))])
    file.column("a")
    assert len(pickle.dumps(file)) < 500
    assert pickle.loads(pickle.dumps(file)).read("a", 3, 5).tolist() == [3, 4]


def test_it_opens_again_after_closing(tmp_path: Path) -> None:
    with write(tmp_path / "x.h5", [[1, 2]]) as file:
        assert file.column("a").tolist() == [1, 2]
    assert file.column("a").tolist() == [1, 2]
