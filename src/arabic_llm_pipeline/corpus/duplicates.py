"""Equal and nearly equal records, and training records that hold what is measured on: verdicts by shard and row."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from arabic_llm_pipeline.corpus import contamination, near
from arabic_llm_pipeline.corpus.keys import ANSWERS, hashed, with_keys
from arabic_llm_pipeline.corpus.shards import ShardSet, collect_shards
from arabic_llm_pipeline.corpus.splits import held, split_expr
from arabic_llm_pipeline.parameters.duplicates import DuplicatesSettings, SplitsSettings

PLACE, STAYS = ("records", "shard", "row"), ("stays_shard", "stays_row")  # where a record lies; where its like does
VERDICTS = pl.Schema(
    {"records": pl.String}
    | dict.fromkeys([*PLACE[1:], *STAYS], pl.Int32)
    | {"reason": pl.String, "value": pl.Float32, "source": pl.String, "stays_source": pl.String}
)
DUPLICATE = "duplicate"


@dataclass(frozen=True)
class Keys:
    """The hashes of a shard's records: some 90 bytes a row, and 8 for each band, whatever the length of their texts.

    Attributes:
        table: one of RECORDS.
        settings: what is looked for.
        splits: the shares.
        prompts: evaluation prompts, as matching keys; rows that hold one, or most of one, say which.
    """

    table: str
    settings: DuplicatesSettings
    splits: SplitsSettings
    prompts: tuple[str, ...] = ()

    def __call__(self, frame: pl.LazyFrame, ordinal: int) -> pl.LazyFrame:
        """Columns records, shard, row, source, brought, split, hashes, and what they were made of in figures.

        `brought` is the split that the source gives; hashes are salted with the seed of the splits.
        """
        frame, salt = frame.with_row_index("row").filter(pl.col("reason").is_null()), str(self.splits.seed)
        compared = near.in_scope(self.table, self.settings.near)
        frame = with_keys(frame, self.table).with_columns(_hash=hashed(pl.col("_group"), salt))
        return frame.select(
            records=pl.lit(self.table),
            shard=pl.lit(ordinal, pl.Int32),
            row=pl.col("row").cast(pl.Int32),
            source=pl.col("source"),
            brought=pl.col("split"),
            split=pl.coalesce("split", split_expr(pl.col("_hash"), self.splits)),
            same=hashed(pl.col("_whole"), salt),
            group=pl.col("_hash"),
            asked=hashed(pl.col("_asked"), salt) if self.table in ANSWERS else pl.col("_hash"),
            words=contamination.words(pl.col("_asked")),
            holds=contamination.holds_expr(pl.col("_whole"), self.prompts, self.settings.min_prompt_words),
            overlap=contamination.overlap_expr(pl.col("_whole"), self.prompts, self.settings.overlap),
            length=pl.col("_whole").str.len_chars().cast(pl.Int64),
            bands=near.band_expr(pl.when(compared).then(pl.col("_whole")), self.settings.near),
        )


def find(
    tables: dict[str, ShardSet],
    settings: DuplicatesSettings,
    splits: SplitsSettings,
    processes: int,
    workspace: Path,
) -> pl.DataFrame:
    """What is to be dropped: where it lies, its reason, value and source, and what stays for it, or who measures on it.

    Of equal records the first stays, but those that their source gives to dev or test go before others: what is
    measured on is not given up for a copy of it in the training data. Of nearly equal ones, see `near`.
    """
    prompts = _prompts(tables["items"], settings, splits)
    keys = _keys(tables, settings, splits, processes, tuple(prompts["text"]))
    found = [_duplicates(keys)] if settings.exact else []
    if settings.contamination:
        found.append(contamination.find(keys, prompts))
    verdicts = _first_verdicts(found)
    if settings.near.enabled:
        left = keys.join(verdicts, on=PLACE, how="anti", maintain_order="left")
        verdicts = _joined(verdicts, near.find(left, tables, settings.near, processes, workspace))
    return verdicts.sort(PLACE)


def _prompts(items: ShardSet, settings: DuplicatesSettings, splits: SplitsSettings) -> pl.DataFrame:
    """What is asked of the model and must not be taught; nothing, where contamination is not looked for."""
    if not settings.contamination:
        return contamination.PROMPTS.to_frame()
    return contamination.prompts(items, splits, settings.min_prompt_words)


def _keys(
    tables: dict[str, ShardSet],
    settings: DuplicatesSettings,
    splits: SplitsSettings,
    processes: int,
    prompts: tuple[str, ...],
) -> pl.DataFrame:
    """The keys of all records, in order, with their splits."""
    parts: list[pl.DataFrame] = []
    for table, shards in tables.items():
        step = Keys(table, settings, splits, prompts if table != "items" else ())
        parts += collect_shards(step, shards, processes, f"Comparing {table}")
    return pl.concat(parts)


def _duplicates(keys: pl.DataFrame) -> pl.DataFrame:
    """All but one of the records of a table that are the same."""
    ordered = keys.sort("records", ~held("brought"), "shard", "row", maintain_order=True)
    stays = dict(zip((*PLACE[1:], "source"), (*STAYS, "stays_source"), strict=True))
    first = [pl.col(name).first().over("records", "same").alias(new) for name, new in stays.items()]
    again = ~pl.struct("records", "same").is_first_distinct()
    found = ordered.with_columns(first, reason=pl.lit(DUPLICATE), value=pl.lit(1.0, pl.Float32)).filter(again)
    return found.select(VERDICTS.names())


def _first_verdicts(found: list[pl.DataFrame]) -> pl.DataFrame:
    verdicts = pl.concat([VERDICTS.to_frame(), *found], how="diagonal")
    return verdicts.unique(PLACE, keep="first", maintain_order=True)


def _joined(verdicts: pl.DataFrame, nearly: pl.DataFrame) -> pl.DataFrame:
    """Both; where what stays for an equal record goes for a third that is nearly equal, the third stays for both."""
    to = {name: f"_{name}" for name in (*STAYS, "stays_source")}
    gone = nearly.select(
        "records", *(pl.col(name).alias(new) for name, new in to.items()), stays_shard="shard", stays_row="row"
    )
    moved = verdicts.join(gone, on=["records", *STAYS], how="left", maintain_order="left")
    moved = moved.with_columns(pl.coalesce(new, name).alias(name) for name, new in to.items())
    return pl.concat([moved.select(VERDICTS.names()), nearly.select(VERDICTS.names())])
