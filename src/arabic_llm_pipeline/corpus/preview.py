"""Records to look at: some that stayed and some that went for each reason, as they were read and as they became.

Records are drawn by a hash of their ids, so that the sample is the same however they are spread over shards; only those
that are drawn are read again. The shards of a table have the same rows in the same order from ingest to the last step.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl
from polars.datatypes import DataType, DataTypeClass

from arabic_llm_pipeline.corpus.keys import hashed
from arabic_llm_pipeline.corpus.records import MESSAGES, RECORDS
from arabic_llm_pipeline.corpus.shards import ShardSet, collect_shards
from arabic_llm_pipeline.parameters.report import PreviewSettings

REJECTS = "rejects"
PLACE, GROUP = ("table", "shard", "row"), ("table", "source", "shown_dialect", "reason")
COLUMNS: dict[str, DataType | DataTypeClass] = {
    "table": pl.String,  # one of RECORDS, or rejects
    "source": pl.String,
    "reason": pl.String,  # null: it stayed
    "id": pl.String,  # of a reject its file and place
    "dialect": pl.String,
    "split": pl.String,
    "value": pl.Float32,
    "before": MESSAGES,  # as they were read; choices and answers are messages, too; null in rejects
    "after": MESSAGES,
    "stays_source": pl.String,  # of what is equal or like, or of who measures on it
    "stays_id": pl.String,
    "stays": MESSAGES,
    "rank": pl.Int64,  # among the rows of its table, source and reason (of those that stayed: and dialect), from 0
    "of": pl.Int64,  # how many such rows there are in the corpus
}
ROWS = pl.Schema(COLUMNS)
READ = pl.Schema(  # what is read of each row that is shown
    {"table": pl.String, "shard": pl.Int32, "row": pl.Int32}
    | {name: COLUMNS[name] for name in ("id", "dialect", "split", "value")}
    | {"messages": MESSAGES}
)
TURNS, LOOKED_AT = 12, 3  # messages of a record; times the characters that are shown: so that both sides end alike


@dataclass(frozen=True)
class Drawing:
    """Draws rows of each group of a shard.

    Attributes:
        table: a table of records, or rejects.
        settings: how many.
        seed: another one draws others.
    """

    table: str
    settings: PreviewSettings
    seed: int

    def __call__(self, frame: pl.LazyFrame, ordinal: int) -> pl.LazyFrame:
        """Where they lie, their order among those of their group, and how many of these the shard has."""
        if self.table == REJECTS:
            frame = frame.with_columns(id=_place_of_reject(), dialect=pl.lit(None, pl.String))
        rows = frame.with_row_index("row").select(
            pl.lit(self.table).alias("table"),
            pl.lit(ordinal, pl.Int32).alias("shard"),
            pl.col("row").cast(pl.Int32),
            "source",
            pl.when(pl.col("reason").is_null()).then("dialect").alias("shown_dialect"),
            "reason",
            order=hashed(pl.col("id"), str(self.seed)),
        )
        return _first(rows.with_columns(of=pl.len().over(GROUP).cast(pl.Int64)), self.settings)


@dataclass(frozen=True)
class Reading:
    """Reads some rows of a table as messages, each cut.

    Attributes:
        table: one of RECORDS, or rejects.
        places: rows by shard.
        characters: after which a message is cut.
    """

    table: str
    places: Mapping[int, list[int]]
    characters: int

    def __call__(self, frame: pl.LazyFrame, ordinal: int) -> pl.LazyFrame:
        """Columns table, shard, row, id, messages and what the table has of dialect, split and value."""
        frame = frame.with_row_index("row").with_columns(pl.col("row").cast(pl.Int32))
        wanted = pl.LazyFrame({"row": self.places.get(ordinal, [])}, schema={"row": pl.Int32})
        frame = wanted.join(frame, on="row", how="left", maintain_order="left")
        reject = self.table == REJECTS
        about = [
            pl.lit(None, ROWS[name]).alias(name) if reject else pl.col(name) for name in ("dialect", "split", "value")
        ]
        return frame.select(
            pl.lit(self.table).alias("table"),
            pl.lit(ordinal, pl.Int32).alias("shard"),
            "row",
            _place_of_reject().alias("id") if reject else pl.col("id"),
            *about,
            messages=_messages(self.table).list.head(TURNS).list.eval(_cut(self.characters)),
        )


def make(
    ingested: dict[str, ShardSet],
    final: dict[str, ShardSet],
    verdicts: pl.DataFrame,
    settings: PreviewSettings,
    seed: int,
    processes: int,
) -> pl.DataFrame:
    """Rows of `ROWS`, ordered by table, reason and source; those that stayed come first.

    Args:
        ingested: the tables as they were read.
        final: the same after the last step, and `rejects`.
        verdicts: what is dropped for its likeness, and what for (`duplicates.VERDICTS`).
        settings: how many rows, and how much of each.
        seed: draws them.
        processes: how many at most; 0 is one for each core.
    """
    places = _drawn(final, settings, seed, processes)
    places = places.join(_stays(verdicts), on=PLACE, how="left", maintain_order="left")
    others = places.filter(pl.col("stays_row").is_not_null())
    others = others.select("table", shard="stays_shard", row="stays_row").unique(maintain_order=True)
    shown = LOOKED_AT * settings.characters
    before = _read(places, ingested, shown, processes).select(*PLACE, before="messages")
    after = _read(places, final, shown, processes).rename({"messages": "after"})
    stays = _read(others, final, settings.characters, processes)
    stays = stays.select("table", stays_shard="shard", stays_row="row", stays_id="id", stays="messages")
    found = places.join(after, on=PLACE, how="left", maintain_order="left")
    found = found.join(before, on=PLACE, how="left", maintain_order="left")
    found = found.join(stays, on=["table", "stays_shard", "stays_row"], how="left", maintain_order="left")
    ordered = found.sort(_order(), "reason", "source", "rank", "dialect", "id", nulls_last=False)
    return ordered.select(ROWS.names()).cast(ROWS)


def _order() -> pl.Expr:
    """Tables in the order in which they are listed everywhere, rejects last."""
    return pl.col("table").replace_strict({t: n for n, t in enumerate((*RECORDS, REJECTS))}, return_dtype=pl.Int8)


def _drawn(final: dict[str, ShardSet], settings: PreviewSettings, seed: int, processes: int) -> pl.DataFrame:
    """Where the rows lie that are shown, with their rank, and how many there are of their group."""
    parts: list[pl.DataFrame] = []
    for table in (*RECORDS, REJECTS):
        parts += collect_shards(Drawing(table, settings, seed), final[table], processes, f"Drawing {table}")
    once = pl.struct(*GROUP, "shard").is_first_distinct()
    rows = pl.concat(parts).with_columns(of=pl.when(once).then("of").otherwise(0).sum().over(GROUP))
    return _first(rows.lazy(), settings).collect()


def _first(rows: pl.LazyFrame, settings: PreviewSettings) -> pl.LazyFrame:
    """The first rows of each group by their order, with their rank."""
    most = pl.when(pl.col("reason").is_null()).then(settings.kept_per_dialect).otherwise(settings.rows_per_reason)
    ordered = rows.sort("order", "shard", "row").with_columns(rank=pl.int_range(pl.len()).over(GROUP))
    return ordered.filter(pl.col("rank") < most)


def _stays(verdicts: pl.DataFrame) -> pl.DataFrame:
    return verdicts.select("shard", "row", "stays_shard", "stays_row", "stays_source", table="records")


def _read(places: pl.DataFrame, tables: dict[str, ShardSet], characters: int, processes: int) -> pl.DataFrame:
    """The rows that lie there, of those tables that there are."""
    found: list[pl.DataFrame] = [READ.to_frame()]
    for table, shards in tables.items():
        rows = places.filter(pl.col("table") == table).group_by("shard").agg("row")
        step = Reading(table, {shard: sorted(own) for shard, own in rows.rows()}, characters)
        if step.places:
            found += collect_shards(step, shards, processes, f"Reading {table}")
    return pl.concat(found)


def _place_of_reject() -> pl.Expr:
    return pl.concat_str("file", pl.lit(":"), "place")


def _messages(table: str) -> pl.Expr:
    """A record as messages: of a pair also its answers, of an item its passage, choices and answers."""
    if table == "documents":
        return pl.col("messages")
    if table == "pairs":
        return pl.concat_list("prompt", _said("chosen"), _said("rejected"))
    if table == "feedback":
        return pl.concat_list("prompt", _said("completion"))
    if table == REJECTS:
        return _said("excerpt")
    return pl.concat_list("prompt", _said("passage"), _each("choices", "choice"), _each("answers", "answer"))


def _said(column: str) -> pl.Expr:
    """A column of texts as a message each, of the role of its name; none where it is null."""
    message = pl.concat_list(pl.struct(role=pl.lit(column), content=pl.col(column)))
    return pl.when(pl.col(column).is_not_null()).then(message).otherwise(pl.lit([], MESSAGES))


def _each(column: str, role: str) -> pl.Expr:
    message = pl.struct(role=pl.lit(role), content=pl.element())
    return pl.col(column).fill_null([]).list.eval(message)


def _cut(characters: int) -> pl.Expr:
    content = pl.element().struct.field("content").str.head(characters)
    return pl.element().struct.with_fields(content.alias("content"))
