"""Rows of a corpus, batch by batch, through work that several threads share; order kept, memory flat."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from arabic_llm_pipeline.common.processes import available_cores
from arabic_llm_pipeline.common.progress import progress
from arabic_llm_pipeline.corpus.records import SPLITS
from arabic_llm_pipeline.corpus.shards import ShardSet

Result = TypeVar("Result")
ROWS = 1024  # at most, in a batch


def kept_rows(shards: ShardSet, columns: Sequence[str], weight: pl.Expr, limit: int) -> Iterator[pl.DataFrame]:
    """The rows of a corpus that were kept (no reason, in a split), in order, in batches of bounded size.

    Args:
        shards: of documents or pairs.
        columns: what of a row is wanted beside its split.
        weight: size of a row, for instance its characters.
        limit: weight of a batch, but that it has one row at least.
    """
    with progress("Tokens", shards.rows()) as advance:
        for path in shards.paths:
            for part in pq.ParquetFile(path).iter_batches(ROWS, columns=["reason", "split", *columns]):
                frame = pl.DataFrame(pl.from_arrow(part))
                kept = frame.filter(pl.col("reason").is_null() & pl.col("split").is_in(SPLITS)).drop("reason")
                yield from _slices(kept, weight, limit)
                advance(len(frame))


def _slices(frame: pl.DataFrame, weight: pl.Expr, limit: int) -> Iterator[pl.DataFrame]:
    ends = frame.select(weight.fill_null(0).cast(pl.Int64).cum_sum()).to_series().to_numpy()
    start = 0
    while start < len(frame):
        before = ends[start - 1] if start else 0
        stop = max(int(np.searchsorted(ends, before + limit, side="right")), start + 1)
        yield frame.slice(start, stop - start)
        start = stop


def encode_ahead(
    batches: Iterator[pl.DataFrame], encode: Callable[[pl.DataFrame], Result], threads: int
) -> Iterator[tuple[pl.DataFrame, Result]]:
    """Batches with what `encode` makes of them, in order, while the next ones are being encoded.

    Args:
        batches: what to encode.
        encode: works without holding Python's lock for long, as tokenizers does.
        threads: how many at a time; 0 is one for each core.
    """
    threads = threads or available_cores()
    waiting: deque[tuple[pl.DataFrame, Future[Result]]] = deque()
    with _one_thread_a_call(), ThreadPoolExecutor(threads) as pool:
        for batch in batches:
            waiting.append((batch, pool.submit(encode, batch)))
            if len(waiting) > threads:
                done, result = waiting.popleft()
                yield done, result.result()
        for done, result in waiting:
            yield done, result.result()


@contextmanager
def _one_thread_a_call() -> Iterator[None]:
    """Keep tokenizers from sharing one call among threads of its own, whose number is fixed at its first call."""
    name = "TOKENIZERS_PARALLELISM"
    before = os.environ.get(name)
    os.environ[name] = "false"
    try:
        yield
    finally:
        os.environ.pop(name) if before is None else os.environ.__setitem__(name, before)
