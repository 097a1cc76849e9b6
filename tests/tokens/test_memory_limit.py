"""A store of twenty times the memory that a process may take: written and read under that limit."""

import subprocess
import sys
from pathlib import Path

import pytest

LIMIT_MB = 13  # HDF5 keeps some 11 MB of its own, however large the files
CODE = """
import resource, sys
from pathlib import Path
import numpy as np
import polars as pl
from arabic_llm_pipeline.tokens import column_writer, columns
from arabic_llm_pipeline.tokens.store import TokenSplit, TokenStore
from arabic_llm_pipeline.tokens.store_writer import StoreWriter

def rows(count):
    frame = pl.DataFrame({"id": ["x"] * 20, "split": ["train"] * 20, "source": ["s"] * 20, "dialect": ["MSA"] * 20,
        "kind": ["prose"] * 20})
    for number in range(count):
        ids = (np.arange(2_500, dtype=np.uint32) + number) % 50_000
        mask = np.ones(2_500, dtype=np.uint8)
        yield frame, [{"tokens": ids, "loss_mask": mask}] * 20

def write(directory, count):
    with StoreWriter(directory, TokenSplit, {"tokens": "<u4", "loss_mask": "|u1"}, 1024) as writer:
        for frame, found in rows(count):
            writer.add(frame, found)
        writer.finish({"window": 1024}, ("train",))

def read(directory):
    with TokenStore(directory).split("train") as split:
        split.verify()
        for start in np.random.default_rng(0).integers(0, split.count("tokens") - 256, 2_000).tolist():
            tokens, _ = split.window(start, 256)
            assert len(tokens) == 256

def data():
    [line] = [line for line in open("/proc/self/status") if line.startswith("VmData")]
    return int(line.split()[1]) * 1024

column_writer.FLUSH, columns.BLOCK = 1 << 14, 1 << 14  # scaled down with the limit
folder, limit = Path(sys.argv[1]), int(sys.argv[2]) << 20
write(folder / "small", 40)
read(folder / "small")
allowed = data() + limit
resource.setrlimit(resource.RLIMIT_DATA, (allowed, allowed))
try:
    np.ones(8 * limit, dtype=np.uint8)
except MemoryError:
    print("the limit holds")
write(folder / "large", 560)
read(folder / "large")
print(sum(path.stat().st_size for path in (folder / "large").iterdir()) // limit)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_a_store_of_twenty_times_the_limit(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path), str(LIMIT_MB)],
        capture_output=True, text=True, check=False, env={"PYTHONPATH": ":".join(sys.path), "POLARS_MAX_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    held, times = done.stdout.split("\n")[:2]
    assert held == "the limit holds"
    assert int(times) >= 20
