"""A disk that fills up: one clear error, nothing torn, and a next run that goes on."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from arabic_llm_pipeline.common.errors import causes, no_room
from arabic_llm_pipeline.corpus.shards import map_shards
from tests.corpus.making import contents, document, shards, upper
from tests.line import Line, differing

INGEST = ("run", "--env=smoke", "--pipelines=preprocess", "--nodes=ingest")
ROOM = 12_000  # bytes
TEXTS = pl.DataFrame({"text": np.random.default_rng(0).integers(0, 1 << 62, 20_000).astype(str)})
WRITERS = {
    "polars": lambda path: TEXTS.lazy().sink_parquet(path),
    "pyarrow": lambda path: pq.write_table(TEXTS.to_arrow(), path),
    "python": lambda path: path.write_text("x" * 100_000),
}


@contextmanager
def little_room() -> Iterator[None]:
    """The kernel refuses to let a file of this process grow: what is written in Rust and C++ is refused, too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("library", WRITERS)
def test_a_full_disk_is_known_by_what_each_library_says(library, tmp_path):
    with pytest.raises(Exception, match="File too large") as raised, little_room():
        WRITERS[library](tmp_path / "x")
    assert no_room(raised.value)


def test_other_errors_are_not_a_full_disk():
    assert no_room(pl.exceptions.ComputeError("underlying IO error: No space left on device (os error 28)"))
    assert not no_room(FileNotFoundError(2, "No such file or directory"))
    error = ValueError("above")
    error.__cause__ = OSError(28, "No space left on device")
    assert [no_room(one) for one in causes(error)] == [False, True]


def test_shards_are_whole_or_not_there(tmp_path):
    rows = [document(str(n), str(n**40) if n >= 400 else "نص") for n in range(1200)]
    found = shards(tmp_path / "in", "documents", *rows, per_shard=400)
    with pytest.raises(pl.exceptions.ComputeError) as raised, little_room():
        map_shards(upper, found, tmp_path / "work", 1)
    assert no_room(raised.value)
    left = sorted(path.name for path in (tmp_path / "work/shards").iterdir())
    assert left == ["shard-00000.parquet"]  # the next one was too large
    made = map_shards(upper, found, tmp_path / "work", 1)
    assert contents(made) == contents(map_shards(upper, found, tmp_path / "undisturbed", 1))


def test_the_run_stops_and_the_next_one_goes_on(tmp_path):
    line, whole = Line.make(tmp_path / "line"), Line.make(tmp_path / "whole")
    process = line.start(*INGEST)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (ROOM, ROOM))
    said, _ = process.communicate(timeout=600)
    assert process.returncode == 1, said
    assert "The disk is full" in said
    assert "Traceback" not in said
    assert line.contents() == {}
    line.run(*INGEST)
    whole.run(*INGEST)
    assert differing(whole, line) == set()
    assert "ingested_documents" in line.contents()
