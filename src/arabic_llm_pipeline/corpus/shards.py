"""A corpus on disk: parquet shards with an ordinal, written as a stream, mapped one by one."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from arabic_llm_pipeline.common.files import replace_file
from arabic_llm_pipeline.corpus.workers import enough_for, run_tasks

Step = Callable[[pl.LazyFrame, int], pl.LazyFrame]
COMPRESSION: Final = "zstd"
BATCH_ROWS = 256  # rows that wait as Python objects
GROUP_ROWS, GROUP_BYTES = 8_192, 16 << 20  # a row group of parquet, whichever comes first


@dataclass(frozen=True)
class ShardSet:
    """A handle to the shards of one directory."""

    directory: Path

    @property
    def paths(self) -> list[Path]:
        """The shards in the order of their ordinals."""
        return sorted(self.directory.glob("shard-*.parquet"))

    def scan(self) -> pl.LazyFrame:
        """All rows in order; nothing is read before it is asked for."""
        return pl.scan_parquet(self.paths)

    def rows(self) -> int:
        """How many rows there are, by the shards' footers."""
        return sum(pq.read_metadata(path).num_rows for path in self.paths)


def shard_name(ordinal: int) -> str:
    """The file name of a shard; names sort as ordinals do."""
    return f"shard-{ordinal:05d}.parquet"


def arrow_schema(schema: pl.Schema) -> pa.Schema:
    """The same columns as Arrow sees them."""
    return pl.DataFrame(schema=schema).to_arrow(compat_level=pl.CompatLevel.oldest()).schema


class ShardWriter:
    """Writes rows to numbered shards as they come; memory stays flat, and a shard appears whole.

    A set without rows has one empty shard, so that its columns are known. Use it in a `with` block: what an exception
    leaves unfinished does not appear.
    """

    def __init__(self, directory: Path, schema: pl.Schema, rows_per_shard: int):
        """Start a set of shards.

        Args:
            directory: where they go; made if absent.
            schema: their columns.
            rows_per_shard: rows of every shard but the last.
        """
        directory.mkdir(parents=True, exist_ok=True)
        self.directory, self.rows_per_shard = directory, rows_per_shard
        self._schema = arrow_schema(schema)
        self._rows: list[dict[str, Any]] = []
        self._tables: list[pa.Table] = []
        self._open: pq.ParquetWriter | None = None
        self._ordinal = 0
        self._room = rows_per_shard  # what the shard being filled still takes

    def add(self, row: dict[str, Any]) -> None:
        """Add a row; columns it does not have are null."""
        self._rows.append(row)
        if len(self._rows) >= BATCH_ROWS:
            self._flush_rows()

    def add_table(self, table: pa.Table) -> None:
        """Add many rows that are in Arrow already."""
        self._flush_rows()
        self._take(table)

    def add_frame(self, frame: pl.DataFrame) -> None:
        """Add rows that have all columns of the set."""
        self.add_table(frame.to_arrow(compat_level=pl.CompatLevel.oldest()))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._flush_rows()
            if self._tables or self._open or self._ordinal == 0:
                self._end_shard()
        elif self._open is not None:
            self._open.close()
            self._unfinished().unlink()

    def _flush_rows(self) -> None:
        rows, self._rows = self._rows, []
        if rows:
            self._take(pa.Table.from_pylist(rows, schema=self._schema))

    def _take(self, table: pa.Table) -> None:
        while table.num_rows:
            part, table = table.slice(0, self._room), table.slice(self._room)
            self._tables.append(part)
            self._room -= part.num_rows
            if self._room == 0:
                self._end_shard()
            elif _weighs(self._tables):
                self._write_group()

    def _write_group(self) -> pq.ParquetWriter:
        if self._open is None:
            self._open = pq.ParquetWriter(self._unfinished(), self._schema, compression=COMPRESSION)
        tables, self._tables = self._tables, []
        if tables:
            self._open.write_table(pa.concat_tables(tables))
        return self._open

    def _end_shard(self) -> None:
        self._write_group().close()
        self._unfinished().replace(self.directory / shard_name(self._ordinal))
        self._open, self._room, self._ordinal = None, self.rows_per_shard, self._ordinal + 1

    def _unfinished(self) -> Path:
        return self.directory / f".{shard_name(self._ordinal)}.new"


def _weighs(tables: list[pa.Table]) -> bool:
    return sum(t.num_rows for t in tables) >= GROUP_ROWS or sum(t.nbytes for t in tables) >= GROUP_BYTES


@dataclass(frozen=True)
class _Task:
    step: Step
    source: Path
    ordinal: int
    directory: Path = Path()  # where the new shard goes, if one is made

    @property
    def target(self) -> Path:
        return self.directory / shard_name(self.ordinal)


def map_shards(step: Step, shards: ShardSet, workspace: Path, processes: int, label: str = "Shards") -> Path:
    """Apply a step to each shard, shard in, shard out, and give the directory of the new ones.

    The result is the same bytes however many processes share the work. A shard that an earlier, killed run finished
    in the same workspace is not made again: a workspace belongs to one step, its parameters and its input.

    Args:
        step: picklable; from a frame and the shard's ordinal to the frame to write.
        shards: what it is applied to.
        workspace: where unfinished work may be left.
        processes: how many at most; 0 is one for each core.
        label: what is being done, for the progress shown.
    """
    directory = workspace / "shards"
    directory.mkdir(parents=True, exist_ok=True)
    tasks = [_Task(step, path, n, directory) for n, path in enumerate(shards.paths)]
    todo = [task for task in tasks if not task.target.exists()]
    for _ in run_tasks(_make, todo, enough_for(shards.paths, processes), label):
        pass
    return directory


def collect_shards(step: Step, shards: ShardSet, processes: int, label: str = "Shards") -> list[pl.DataFrame]:
    """Apply a step whose result is small to each shard, and give the results in order."""
    tasks = [_Task(step, path, n) for n, path in enumerate(shards.paths)]
    return list(run_tasks(_collect, tasks, enough_for(shards.paths, processes), label))


def _make(task: _Task) -> None:
    with replace_file(task.target) as new:
        frame = task.step(pl.scan_parquet(task.source), task.ordinal)
        frame.sink_parquet(new, compression=COMPRESSION, row_group_size=GROUP_ROWS, maintain_order=True)


def _collect(task: _Task) -> pl.DataFrame:
    return task.step(pl.scan_parquet(task.source), task.ordinal).collect(engine="streaming")
