import os
import signal
import subprocess
import sys
import time

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arabic_llm_pipeline.corpus import shards as engine
from arabic_llm_pipeline.corpus import workers
from arabic_llm_pipeline.corpus.records import DOCUMENTS, SCHEMAS
from arabic_llm_pipeline.corpus.shards import ShardSet, ShardWriter, arrow_schema, collect_shards, map_shards
from tests.corpus.making import contents, document, failing, peak_mb, shards, slow, upper

ROWS = [document(str(n), f"نص رقم {n} " * (n % 50)) for n in range(3000)]


def test_what_is_written_is_read_in_order(tmp_path):
    found = shards(tmp_path, "documents", *ROWS, per_shard=1000)
    assert [path.name for path in found.paths] == [f"shard-0000{n}.parquet" for n in range(3)]
    assert found.rows() == 3000
    frame = found.scan().collect()
    assert frame.schema == DOCUMENTS
    assert frame["id"].to_list() == [row["id"] for row in ROWS]
    assert frame.row(7, named=True)["messages"] == ROWS[7]["messages"]


@pytest.mark.parametrize(("rows", "wanted"), [(0, [0]), (1, [1]), (10, [10]), (11, [10, 1]), (20, [10, 10])])
def test_shards_are_full_but_for_the_last(tmp_path, rows, wanted):
    found = shards(tmp_path, "documents", *ROWS[:rows], per_shard=10)
    assert [pq.read_metadata(path).num_rows for path in found.paths] == wanted


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 700), max_size=6), st.integers(1, 900))
def test_rows_and_tables_mix(tmp_path_factory, sizes, per_shard):
    directory, wanted = tmp_path_factory.mktemp("mixed"), []
    with ShardWriter(directory, SCHEMAS["rejects"], per_shard) as writer:
        for number, size in enumerate(sizes):
            rows = [{"source": f"{number}", "file": "f", "place": n, "reason": "r", "excerpt": ""} for n in range(size)]
            wanted += rows
            if number % 2:
                writer.add_table(engine.pa.Table.from_pylist(rows, schema=arrow_schema(SCHEMAS["rejects"])))
            else:
                for row in rows:
                    writer.add(row)
    assert ShardSet(directory).scan().collect().to_dicts() == wanted
    assert len(ShardSet(directory).paths) == max(1, -(-len(wanted) // per_shard))


def test_what_is_unfinished_does_not_appear(tmp_path):
    def rows():
        yield from ROWS * 6
        raise RuntimeError("the source ends here")

    with pytest.raises(RuntimeError, match="ends here"):
        shards(tmp_path, "documents", more=rows(), per_shard=10_000)
    assert [path.name for path in tmp_path.iterdir()] == ["shard-00000.parquet"]
    assert ShardSet(tmp_path).rows() == 10_000


@pytest.fixture
def many(monkeypatch):
    """Small files are worth a second process, in this test."""
    monkeypatch.setattr(workers, "SMALL", 0)


@pytest.mark.usefixtures("many")
def test_one_process_and_two_give_the_same_bytes(tmp_path):
    found = shards(tmp_path / "in", "documents", *ROWS, per_shard=700)
    one = map_shards(upper, found, tmp_path / "one", 1)
    two = map_shards(upper, found, tmp_path / "two", 2)
    assert contents(one) == contents(two)
    assert ShardSet(two).scan().collect()["title"].to_list() == [f"S/{n}-{n // 700}" for n in range(3000)]
    parts = collect_shards(upper, found, 2)
    assert pl.concat(parts).equals(ShardSet(one).scan().collect())


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("processes", [1, 2])
def test_a_failing_shard_is_not_there_and_the_others_are_whole(tmp_path, processes):
    found = shards(tmp_path / "in", "documents", *ROWS, per_shard=1000)
    with pytest.raises(ValueError, match="not this one"):
        map_shards(failing, found, tmp_path / "work", processes)
    made = ShardSet(tmp_path / "work" / "shards").paths
    assert tmp_path / "work/shards/shard-00001.parquet" not in made
    assert all(pq.read_metadata(path).num_rows == 1000 for path in made)


MAIN = """
import sys
from pathlib import Path
from arabic_llm_pipeline.corpus import workers
from arabic_llm_pipeline.corpus.shards import ShardSet, map_shards
from tests.corpus.making import slow
if __name__ == "__main__":
    workers.SMALL = 0
    map_shards(slow, ShardSet(Path(sys.argv[1])), Path(sys.argv[2]), int(sys.argv[3]))
"""


@pytest.mark.parametrize("processes", [1, 2])
def test_a_killed_run_goes_on_where_it_stopped(tmp_path, project, processes):
    found = shards(tmp_path / "in", "documents", *ROWS[:1200], per_shard=100)
    log, main = tmp_path / "log", tmp_path / "main.py"
    main.write_text(MAIN, encoding="utf-8")
    environment = os.environ | {"STEP_LOG": str(log), "PYTHONPATH": f"{project / 'src'}:{project}"}
    command = [sys.executable, str(main), str(tmp_path / "in"), str(tmp_path / "work"), str(processes)]
    child = subprocess.Popen(command, env=environment)
    directory = tmp_path / "work" / "shards"
    while len(ShardSet(directory).paths) < 4:
        assert child.poll() is None
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    time.sleep(0.5)  # children that lived on would write in this time
    finished = ShardSet(directory).paths
    assert 4 <= len(finished) < 12
    before = log.read_text(encoding="utf-8")
    log.unlink()
    time.sleep(0.3)
    assert not log.exists()
    assert subprocess.run(command, env=environment, check=False).returncode == 0
    redone = sorted(int(line) for line in log.read_text(encoding="utf-8").splitlines())
    assert redone == sorted(set(range(12)) - {int(path.stem[-5:]) for path in finished})
    assert before
    os.environ["STEP_LOG"] = str(log)
    assert contents(directory) == contents(map_shards(slow, found, tmp_path / "undisturbed", 1))
    assert [path.name for path in directory.iterdir() if path.suffix != ".parquet"] == []


MEASURE = """
import resource, sys
from pathlib import Path
from arabic_llm_pipeline.corpus.records import DOCUMENTS
from arabic_llm_pipeline.corpus.shards import ShardSet, ShardWriter, map_shards
from tests.corpus.making import document, upper
if __name__ == "__main__":
    text = "نص طويل بعض الشيء " * 60
    with ShardWriter(Path(sys.argv[1]) / "in", DOCUMENTS, 4000) as writer:
        for n in range(int(sys.argv[2])):
            writer.add(document(str(n), text + str(n)))
    map_shards(upper, ShardSet(Path(sys.argv[1]) / "in"), Path(sys.argv[1]) / "out", 1)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def test_memory_does_not_grow_with_the_corpus(tmp_path, project):
    small, large = (peak_mb(MEASURE, tmp_path, project, rows) for rows in (4000, 80_000))  # 8 MB and 160 MB of text
    assert large < small + 60
