"""Train, dev and test: as the source says, else by a hash of what is asked, so that equal prompts stay together."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from arabic_llm_pipeline.corpus.keys import hashed, with_keys
from arabic_llm_pipeline.corpus.records import SCHEMAS
from arabic_llm_pipeline.parameters.duplicates import Shares, SplitsSettings

HELD = ("dev", "test")


def split_expr(digest: pl.Expr, settings: SplitsSettings) -> pl.Expr:
    """The split that a hash falls into; the frame has the column `source`.

    Args:
        digest: a hash (`keys.hashed`, with the seed as its salt); its first eight bytes are a number in [0, 1).
        settings: the shares.
    """
    place = digest.bin.slice(0, 8).bin.reinterpret(dtype=pl.UInt64, endianness="big") / 2.0**64
    found = _by_shares(place, settings)
    for name, shares in settings.sources.items():
        found = pl.when(pl.col("source") == name).then(_by_shares(place, shares)).otherwise(found)
    return found


def _by_shares(place: pl.Expr, shares: Shares) -> pl.Expr:
    by_share = pl.when(place < shares.dev).then(pl.lit("dev")).when(place < shares.dev + shares.test)
    return by_share.then(pl.lit("test")).otherwise(pl.lit("train"))


def held(column: str) -> pl.Expr:
    """Whether a column of splits says that a record is measured on."""
    return pl.col(column).is_in(HELD).fill_null(False)


@dataclass(frozen=True)
class Splitting:
    """The last step of one table: verdicts written into `reason`, copies counted, every record given its split.

    Attributes:
        table: one of RECORDS.
        verdicts: parquet of `duplicates.VERDICTS`.
        settings: the shares, and the seed of the hash.
    """

    table: str
    verdicts: Path
    settings: SplitsSettings

    def __call__(self, frame: pl.LazyFrame, ordinal: int) -> pl.LazyFrame:
        """The same rows with their splits, in the same order."""
        found = pl.scan_parquet(self.verdicts).filter(pl.col("records") == self.table)
        verdicts = found.filter(pl.col("shard") == ordinal).select(_row="row", _verdict="reason")
        stayed = found.filter(pl.col("stays_shard") == ordinal).group_by(_row="stays_row")
        copies = stayed.agg(_copies=pl.len().cast(pl.Int32))
        frame = frame.with_row_index("_row").with_columns(pl.col("_row").cast(pl.Int32))
        frame = frame.join(verdicts, on="_row", how="left", maintain_order="left")
        frame = frame.join(copies, on="_row", how="left", maintain_order="left")
        frame = with_keys(frame, self.table).with_columns(_hash=hashed(pl.col("_group"), str(self.settings.seed)))
        by_hash = split_expr(pl.col("_hash"), self.settings)
        frame = frame.with_columns(
            split=pl.coalesce("split", by_hash),
            reason=pl.coalesce("reason", "_verdict"),
            copies=pl.col("_copies").fill_null(0),
        )
        return frame.select(SCHEMAS[self.table].names())
