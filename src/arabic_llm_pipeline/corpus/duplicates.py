"""Equal records, and training records that hold what is asked in the evaluation: verdicts by shard and row."""

from dataclasses import dataclass

import polars as pl

from arabic_llm_pipeline.corpus import contamination
from arabic_llm_pipeline.corpus.keys import hashed, with_keys
from arabic_llm_pipeline.corpus.records import RECORDS
from arabic_llm_pipeline.corpus.shards import ShardSet, collect_shards
from arabic_llm_pipeline.corpus.splits import split_expr
from arabic_llm_pipeline.parameters.preprocess import DuplicatesSettings, SplitsSettings

VERDICTS = pl.Schema({"records": pl.String, "shard": pl.Int32, "row": pl.Int32, "reason": pl.String})
DUPLICATE = "duplicate"


@dataclass(frozen=True)
class Keys:
    """The hashes of a shard's records: some 50 bytes a row, whatever the length of their texts.

    Attributes:
        table: documents, pairs or items.
        salt: of the hashes.
        prompts: evaluation prompts, as matching keys; rows that hold one are marked.
    """

    table: str
    salt: str
    prompts: tuple[str, ...] = ()

    def __call__(self, frame: pl.LazyFrame, ordinal: int) -> pl.LazyFrame:
        """Columns records, shard, row, brought (the source's own split), same, group, asked, holds."""
        frame = frame.with_row_index("row").filter(pl.col("reason").is_null())
        return with_keys(frame, self.table).select(
            records=pl.lit(self.table),
            shard=pl.lit(ordinal, pl.Int32),
            row=pl.col("row").cast(pl.Int32),
            brought=pl.col("split"),
            same=hashed(pl.col("_whole"), self.salt),
            group=hashed(pl.col("_group"), self.salt),
            asked=hashed(pl.col("_asked"), self.salt),
            holds=contamination.holds(pl.col("_whole"), self.prompts),
        )


def find(
    tables: dict[str, ShardSet], settings: DuplicatesSettings, splits: SplitsSettings, processes: int
) -> pl.DataFrame:
    """What is to be dropped: columns records, shard, row, reason.

    Of equal records the first stays, but those that their source gives to dev or test go before others: what is
    measured on is not given up for a copy of it in the training data.
    """
    salt = str(splits.seed)
    prompts: tuple[str, ...] = ()
    if settings.contamination:
        prompts = contamination.prompts(tables["items"], splits, salt, settings.min_prompt_words)
    parts: list[pl.DataFrame] = []
    for table in RECORDS:
        step = Keys(table, salt, prompts if table != "items" else ())
        parts += collect_shards(step, tables[table], processes, f"Comparing {table}")
    keys = pl.concat(parts).with_columns(split=pl.coalesce("brought", split_expr(pl.col("group"), splits)))
    found = [_duplicates(keys)] if settings.exact else []
    if settings.contamination:
        found.append(contamination.find(keys))
    return _first_verdicts(found)


def _duplicates(keys: pl.DataFrame) -> pl.DataFrame:
    """All but one of the records of a table that are the same."""
    held = pl.col("brought").is_in(["dev", "test"]).fill_null(False)
    ordered = keys.sort("records", ~held, "shard", "row", maintain_order=True)
    again = ~pl.struct("records", "same").is_first_distinct()
    return ordered.filter(again).select("records", "shard", "row", reason=pl.lit(DUPLICATE))


def _first_verdicts(found: list[pl.DataFrame]) -> pl.DataFrame:
    verdicts = pl.concat([VERDICTS.to_frame(), *found])
    return verdicts.unique(["records", "shard", "row"], keep="first", maintain_order=True).sort(
        "records", "shard", "row"
    )
