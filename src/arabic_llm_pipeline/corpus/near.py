"""Records that say nearly the same: found by MinHash, compared by their shingles, and one of each cluster stays.

1. Each text's signature, as one hash for each of its bands (`band_expr`): all that is in memory of every text.
2. Texts that agree in a band are candidates: with Jaccard index s, a share 1 - (1 - s^rows)^bands of the pairs.
3. The shingles of candidates are read again and laid in a file; what is not as alike as the threshold says is let go.
4. Likeness joins clusters (union-find). In each, records take their turn: held out before others, then the first, or
   the longest; a record goes if it is alike to one that stays.

See Broder 1997 and, for the settings, Penedo et al. 2025 (FineWeb2), who do not compare candidates.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl

from arabic_llm_pipeline.arabic.columns import elementwise, from_series
from arabic_llm_pipeline.corpus.keys import with_keys
from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.corpus.splits import held
from arabic_llm_pipeline.corpus.workers import enough_for, run_tasks
from arabic_llm_pipeline.parameters.duplicates import NearSettings

NEAR_DUPLICATE, NEAR_EVALUATION = "near_duplicate", "near_evaluation"
SCOPES = {"pairs": "pair", "feedback": "feedback"}  # what `scope` calls the records of tables without kinds
NEIGHBOURS = 8  # of a record in a bucket, beside its first: likeness joins the rest
ROWS_AT_ONCE = 1_024  # texts whose shingles are in memory


def in_scope(table: str, settings: NearSettings) -> pl.Expr:
    """Whether the settings ask for a record."""
    if table == "documents" and settings.enabled:
        return pl.col("kind").is_in(settings.scope)
    return pl.lit(settings.enabled and SCOPES.get(table) in settings.scope)


def band_expr(text: pl.Expr, settings: NearSettings) -> pl.Expr:
    """One hash for each band of each text's signature (an array of UInt64); null for texts without a shingle."""
    function = partial(_bands, shingle=settings.shingle, bands=settings.bands, rows=settings.rows)
    return elementwise(text, function, pl.Array(pl.UInt64, settings.bands))


def _bands(texts: pl.Series, shingle: int, bands: int, rows: int) -> pl.Series:
    from arabic_llm_pipeline.corpus import near_kernel

    found, enough = signatures(texts, shingle, bands * rows)
    hashes = pl.Series(near_kernel.band_hashes(found, bands), dtype=pl.Array(pl.UInt64, bands))
    return pl.select(pl.when(pl.Series(enough)).then(hashes)).to_series().alias(texts.name)


def signatures(texts: pl.Series, shingle: int, functions: int) -> tuple[np.ndarray, np.ndarray]:
    """Signatures of so many places (uint32), and whether a text has a shingle at all."""
    from arabic_llm_pipeline.corpus import near_kernel

    column = from_series(texts)
    return near_kernel.signatures(column.data, column.offsets, column.valid, shingle, *hash_functions(functions))


@lru_cache(maxsize=4)
def hash_functions(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Factors and masks of the signature's hash functions."""
    from arabic_llm_pipeline.corpus import near_kernel

    numbers = near_kernel.random_numbers(2 * count)
    return numbers[:count] | np.uint32(1), numbers[count:]


def find(
    keys: pl.DataFrame, tables: dict[str, ShardSet], settings: NearSettings, processes: int, workspace: Path
) -> pl.DataFrame:
    """What is to be dropped: columns records, shard, row, reason, stays_shard, stays_row.

    Args:
        keys: of all records that are left, in order (`duplicates.Keys`), with their splits.
        tables: where their texts lie.
        settings: how alike is too alike, and how candidates are found.
        processes: how many at most; 0 is one for each core.
        workspace: where the shingles of candidates are laid while they are compared.
    """
    found = []
    for table, shards in tables.items():
        rows = keys.filter((pl.col("records") == table) & pl.col("bands").is_not_null())
        found.append(_find(rows, table, shards, settings, processes, workspace))
    return pl.concat(found)


def _find(
    rows: pl.DataFrame, table: str, shards: ShardSet, settings: NearSettings, processes: int, workspace: Path
) -> pl.DataFrame:
    pairs = candidate_pairs(rows["bands"].to_numpy().reshape(-1, settings.bands))
    chosen, among = np.unique(pairs, return_inverse=True)
    rows = rows.drop("bands")[chosen].with_columns(stays=pl.lit(0))
    if len(chosen):
        with _laid_out(rows, table, shards, settings.shingle, processes, workspace) as sets:
            rows = rows.with_columns(stays=_standing(rows, among.reshape(-1, 2), sets, settings))
    return _verdicts(rows)


def candidate_pairs(bands: np.ndarray) -> np.ndarray:
    """Pairs (first, second) of rows that agree in a band, each once, in order; one band is looked at at a time.

    Args:
        bands: of each row, a hash for each band.
    """
    from arabic_llm_pipeline.corpus import near_kernel

    rows = len(bands)
    found = np.empty(0, np.int64)
    for band in range(bands.shape[1]):
        values = np.ascontiguousarray(bands[:, band])
        order = np.argsort(values, kind="stable")
        pairs = near_kernel.bucket_pairs(values[order], order, NEIGHBOURS)
        found = np.union1d(found, pairs[:, 0] * rows + pairs[:, 1])
    return np.stack(np.divmod(found, max(rows, 1)), axis=1)


@dataclass(frozen=True)
class _Sets:
    """Sets of shingles: set n is `values[ends[n]:ends[n + 1]]`."""

    values: np.ndarray
    ends: np.ndarray


@dataclass(frozen=True)
class _Task:
    """The sets of some rows of one shard, to be written one after another."""

    table: str
    source: Path
    rows: np.ndarray
    shingle: int
    target: Path


@contextmanager
def _laid_out(
    rows: pl.DataFrame, table: str, shards: ShardSet, shingle: int, processes: int, workspace: Path
) -> Iterator[_Sets]:
    """The sets of shingles of some rows, in their order, in a file that lasts as long as the block."""
    chosen = dict(rows.group_by("shard", maintain_order=True).agg("row").rows())
    with TemporaryDirectory(dir=workspace) as folder:
        parts = {n: Path(folder) / f"part-{n}" for n in chosen}
        tasks = [_Task(table, shards.paths[n], np.array(chosen[n]), shingle, parts[n]) for n in chosen]
        processes = enough_for((task.source for task in tasks), processes)
        sizes: list[np.ndarray] = []
        with (Path(folder) / "sets").open("wb") as whole:
            for task, written in zip(tasks, run_tasks(_write_sets, tasks, processes, f"Reading {table}"), strict=True):
                sizes.append(written)
                with task.target.open("rb") as part:
                    copyfileobj(part, whole)
                task.target.unlink()
        values = np.memmap(Path(folder) / "sets", np.uint64, "r").view(np.ndarray)
        yield _Sets(values, np.concatenate([np.zeros(1, np.int64), *sizes]).cumsum())


def _write_sets(task: _Task) -> np.ndarray:
    """Write the sets; returns their sizes."""
    from arabic_llm_pipeline.corpus import near_kernel

    wanted = pl.LazyFrame({"_row": task.rows}, schema={"_row": pl.UInt32})
    frame = pl.scan_parquet(task.source).with_row_index("_row").join(wanted, on="_row", maintain_order="left")
    texts = with_keys(frame, task.table).select("_whole").collect(engine="streaming")["_whole"]
    sizes = []
    with task.target.open("wb") as file:
        for part in texts.to_frame().iter_slices(ROWS_AT_ONCE):
            column = from_series(part["_whole"])
            values, counts = near_kernel.shingle_sets(column.data, column.offsets, task.shingle)
            file.write(values.data)  # numpy's tofile does not notice a full disk
            sizes.append(counts)
    return np.concatenate(sizes)


def _standing(rows: pl.DataFrame, pairs: np.ndarray, sets: _Sets, settings: NearSettings) -> np.ndarray:
    """Of each row, the one that stays for it."""
    from arabic_llm_pipeline.corpus import near_kernel

    cluster = near_kernel.clusters(sets.values, sets.ends, pairs, settings.threshold)
    shorter = -pl.col("length") if settings.stays == "longest" else pl.lit(0)
    order = rows.select(cluster=pl.Series(cluster), turn=_turn(), shorter=shorter).with_row_index("member")
    members = order.sort("cluster", "turn", "shorter", "member")["member"].cast(pl.Int64).to_numpy()
    return near_kernel.standing(sets.values, sets.ends, cluster, members, settings.threshold)


def _turn() -> pl.Expr:
    """Who stays before whom: what a source holds out, what the hash holds out, all others."""
    return pl.when(held("brought")).then(0).when(held("split")).then(1).otherwise(2)


def _verdicts(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows for which another stays; those that would have taught what is measured on say so."""
    others = rows.select(stays_shard="shard", stays_row="row", _held=held("split"))[rows["stays"]]
    reason = pl.when(pl.col("_held") & ~held("split")).then(pl.lit(NEAR_EVALUATION)).otherwise(pl.lit(NEAR_DUPLICATE))
    found = rows.with_row_index("_own").hstack(others).filter(pl.col("stays") != pl.col("_own"))
    return found.select("records", "shard", "row", "stays_shard", "stays_row", reason=reason)
