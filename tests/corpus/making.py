"""Small files, sources and frames for the tests of the corpus, and steps that a child process can import."""

import bz2
import gzip
import json
import lzma
import os
import signal
import subprocess
import sys
import time
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from arabic_llm_pipeline.corpus import sources
from arabic_llm_pipeline.corpus.records import SCHEMAS, message
from arabic_llm_pipeline.corpus.shards import ShardSet, ShardWriter
from arabic_llm_pipeline.parameters.sources import SourceSettings

COMPRESS = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda data: pa.compress(data, codec="zstd", asbytes=True),
}
MB = 1 << 20


def peak_mb(script: str, folder: Path, project: Path, rows: int) -> float:
    """Memory that a script in a process of its own took at most; it gets a folder and rows, and prints it."""
    main = folder / "main.py"
    main.write_text(script, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": f"{project / 'src'}:{project}", "POLARS_MAX_THREADS": "1"}
    command = [sys.executable, str(main), str(folder / str(rows)), str(rows)]
    return float(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)


def lines(*values: Any) -> bytes:
    return "\n".join(json.dumps(value, ensure_ascii=False) for value in values).encode()


def settings(**fields: Any) -> SourceSettings:
    return SourceSettings(**({"path": "x", "licence": "CC0-1.0"} | fields))


def read(path: Path, max_bytes: int = MB, several: bool = False, **fields: Any) -> dict[str, list[dict[str, Any]]]:
    """What a source makes of a file: rows by table."""
    file = sources.SourceFile("s", settings(**fields), path, path.name, several)
    found: dict[str, list[dict[str, Any]]] = {table: [] for table in SCHEMAS}
    for table, row in sources.read_file(file, max_bytes):
        found[table].append(row)
    return found


def reasons(found: dict[str, list[dict[str, Any]]]) -> list[tuple[int, str]]:
    return [(row["place"], row["reason"]) for row in found["rejects"]]


def said(found: dict[str, list[dict[str, Any]]]) -> list[list[str]]:
    return [[turn["content"] for turn in row["messages"]] for row in found["documents"]]


def document(name: str, text: str | None, **fields: Any) -> dict[str, Any]:
    row = {"id": f"s/{name}", "source": "s", "kind": "prose", "messages": [message("document", text)], "licence": "CC0"}
    return row | fields


def instruction(name: str, asked: str, answer: str, **fields: Any) -> dict[str, Any]:
    turns = [message("user", asked), message("assistant", answer)]
    return document(name, "") | {"kind": "instruction", "messages": turns} | fields


def pair(name: str, asked: str, chosen: str, rejected: str, **fields: Any) -> dict[str, Any]:
    row = {"id": f"s/{name}", "source": "s", "prompt": [message("user", asked)], "licence": "CC0"}
    return row | {"chosen": chosen, "rejected": rejected} | fields


def feedback(name: str, asked: str, completion: str, label: bool, **fields: Any) -> dict[str, Any]:
    row = {"id": f"s/{name}", "source": "s", "prompt": [message("user", asked)], "licence": "CC0"}
    return row | {"completion": completion, "label": label} | fields


def item(name: str, asked: str, *answers: str, **fields: Any) -> dict[str, Any]:
    row = {"id": f"s/{name}", "source": "s", "task": "t", "prompt": [message("user", asked)], "licence": "CC0"}
    return row | {"answers": list(answers), "choices": []} | fields


def shards(directory: Path, table: str, *rows: dict[str, Any], per_shard: int = 1000, more: Any = ()) -> ShardSet:
    with ShardWriter(directory, SCHEMAS[table], per_shard) as writer:
        for row in chain(rows, more):
            writer.add(row)
    return ShardSet(directory)


def contents(directory: Path) -> dict[str, bytes]:
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in sorted(directory.rglob("*.parquet"))}


def upper(frame: pl.LazyFrame, ordinal: int) -> pl.LazyFrame:
    """A step."""
    return frame.with_columns(title=pl.col("id").str.to_uppercase() + f"-{ordinal}")


def slow(frame: pl.LazyFrame, ordinal: int) -> pl.LazyFrame:
    """A step that leaves its mark each time it is applied, and takes its time over it."""
    with Path(os.environ["STEP_LOG"]).open("a", encoding="utf-8") as log:
        log.write(f"{ordinal}\n")
    time.sleep(0.15)
    return upper(frame, ordinal)


def failing(frame: pl.LazyFrame, ordinal: int) -> pl.LazyFrame:
    """A step that one shard is too much for."""
    if ordinal == 1:
        raise ValueError("not this one")
    return frame


def dying(frame: pl.LazyFrame, ordinal: int) -> pl.LazyFrame:
    """A step whose worker is killed the first time it comes to the third shard."""
    mark = Path(os.environ["STEP_MARK"])
    if ordinal == 2 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return upper(frame, ordinal)


def told(_: int) -> tuple[str | None, str | None]:
    """A task: what a worker was told."""
    return os.environ.get("RAY_USAGE_STATS_ENABLED"), os.environ.get("POLARS_MAX_THREADS")
