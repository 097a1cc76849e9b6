"""Which records of a source are taken: the first ones, or a sample; and no two of them under one id.

A sample are the records whose places (file, and number in it) have the lowest hashes. Which these are hangs on the seed
and the places alone, not on the number of processes. A larger sample holds the smaller one, and files that are added
take the place of few records.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from heapq import heappush, heapreplace
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from arabic_llm_pipeline.corpus.records import RECORDS
from arabic_llm_pipeline.corpus.shards import GROUP_ROWS, ShardSet

log = logging.getLogger(__name__)
HASH_BYTES = 8
AGAIN = "~"  # of the id of a record whose id another one has: `source/7`, `source/7~2`


def draw(seed: int, file: str, ordinal: int) -> int:
    """The hash of a record of a file; the lowest ones are the sample."""
    return int.from_bytes(blake2b(f"{seed}/{file}/{ordinal}".encode(), digest_size=HASH_BYTES).digest())


class Lowest:
    """The lowest draws of a stream; no more of them than are wanted are in memory."""

    def __init__(self, size: int):
        """Begin.

        Args:
            size: how many are wanted.
        """
        self._size = size
        self._heap: list[int] = []  # negative, because a heap gives the lowest first

    def take(self, drawn: int) -> bool:
        """Whether a draw is among the lowest so far; what is not, never will be."""
        if len(self._heap) < self._size:
            heappush(self._heap, -drawn)
        elif drawn < -self._heap[0]:
            heapreplace(self._heap, -drawn)
        else:
            return drawn == -self._heap[0]
        return True


class Sampling:
    """What of one file may be in the sample of its source; everything, where none is drawn."""

    def __init__(self, file: str, limit: int | None, seed: int | None):
        """Begin a file.

        Args:
            file: its name, from the root of the data.
            limit: records of each table that are wanted of the whole source.
            seed: of the sample; None: there is none.
        """
        self._file, self._seed = file, seed
        self._lowest: defaultdict[str, Lowest] = defaultdict(lambda: Lowest(limit or 0))
        self._seen: Counter[str] = Counter()
        self._draws: defaultdict[str, list[int]] = defaultdict(list)

    def takes(self, table: str) -> bool:
        """Whether the next record of a table has to be kept for now."""
        if self._seed is None or table not in RECORDS:
            return True
        drawn = draw(self._seed, self._file, self._seen[table])
        self._seen[table] += 1
        if kept := self._lowest[table].take(drawn):
            self._draws[table].append(drawn)
        return kept

    def write(self, directory: Path) -> None:
        """Leave the draws of the records that were kept beside their shards."""
        for table, draws in self._draws.items():
            np.save(_beside(directory / table), np.array(draws, np.uint64))


def _beside(shards: Path) -> Path:
    return shards.with_suffix(".npy")


def taken(directories: Sequence[Path], limit: int | None, seed: int | None) -> Iterator[pa.Table]:
    """The records of a source that are taken, in their order.

    Args:
        directories: shards of one table, of each file of the source.
        limit: how many at most; None: all.
        seed: of the sample; None: the first ones are taken.
    """
    wanted = None if seed is None or limit is None else _sample(directories, limit)
    renamed, start, left = again(directories), 0, limit
    for batch in batches(directories):
        rows = _renamed(batch, renamed, start)
        if wanted is not None:
            rows = rows.filter(pa.array(wanted[start : start + batch.num_rows]))
        elif left is not None:
            rows = rows.slice(0, left)
            left -= rows.num_rows
        start += batch.num_rows
        yield rows


def batches(directories: Sequence[Path], columns: list[str] | None = None) -> Iterator[pa.Table]:
    """The rows of several sets of shards, some at a time."""
    for path in (path for directory in directories for path in ShardSet(directory).paths):
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=GROUP_ROWS // 8, columns=columns):
                yield pa.Table.from_batches([batch])


def _sample(directories: Sequence[Path], limit: int) -> np.ndarray:
    """Which rows are in the sample."""
    found = [np.load(_beside(directory)) for directory in directories if _beside(directory).exists()]
    draws = np.concatenate([np.empty(0, np.uint64), *found])
    mask = np.zeros(len(draws), bool)
    mask[np.argsort(draws, kind="stable")[:limit]] = True
    return mask


def again(directories: Sequence[Path]) -> dict[int, str]:
    """New ids of rows whose id an earlier row has, by row; 8 bytes a row are in memory, and all of such ids."""
    hashes = [_ids(batch).hash() for batch in batches(directories, ["id"])]
    often = pl.concat(hashes).is_duplicated() if hashes else pl.Series(dtype=pl.Boolean)
    if not often.any():
        return {}
    rows, start = [], 0
    for batch in batches(directories, ["id"]):
        own = pl.DataFrame({"id": _ids(batch)}).with_row_index("row", start)
        rows.append(own.filter(often.slice(start, batch.num_rows)))
        start += batch.num_rows
    nth = pl.concat(rows).with_columns(nth=pl.int_range(1, pl.len() + 1).over("id")).filter(pl.col("nth") > 1)
    log.info(
        "%d records have an id that an earlier one of their source has, such as %s: these end in %s2 and so on",
        len(nth), nth["id"][0], AGAIN,
    )  # fmt: skip
    return {row: f"{name}{AGAIN}{n}" for row, name, n in nth.select("row", "id", "nth").iter_rows()}


def _ids(batch: pa.Table) -> pl.Series:
    return pl.Series(batch["id"])


def _renamed(batch: pa.Table, renamed: dict[int, str], start: int) -> pa.Table:
    """The batch with its new ids.

    Args:
        batch: rows of a table.
        renamed: new ids by row, counted from the first row of the source.
        start: the number of the batch's first row.
    """
    if not renamed or renamed.keys().isdisjoint(range(start, start + batch.num_rows)):
        return batch
    names = [renamed.get(start + n, name) for n, name in enumerate(batch["id"].to_pylist())]
    place = batch.schema.get_field_index("id")
    return batch.set_column(place, batch.schema.field(place), pa.array(names, batch.schema.field(place).type))
