"""What the values behind the thresholds are in a corpus: how many texts have which, and texts near each threshold."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from arabic_llm_pipeline.corpus.keys import contents
from arabic_llm_pipeline.corpus.limits import OF_ANSWERS
from arabic_llm_pipeline.corpus.quality import limit_of, reason_of, with_measures
from arabic_llm_pipeline.corpus.shards import ShardSet, collect_shards
from arabic_llm_pipeline.parameters.quality import ProseLimits, QualitySettings
from arabic_llm_pipeline.parameters.text import FilterSettings

TABLE = pl.Schema(
    {
        "limit": pl.String,  # the parameter: filters.min_words
        "reason": pl.String,  # of a text beyond it
        "threshold": pl.Float32,
        "low": pl.Float32,  # bounds of a bin; null in an example
        "high": pl.Float32,
        "rows": pl.Int64,  # texts in the bin; null in an example
        "passes": pl.Boolean,  # the side of an example; null in a bin
        "value": pl.Float32,  # of an example
        "source": pl.String,
        "excerpt": pl.String,
    }
)
COARSE, FINE = 10, 20  # bins below a limit; more of them where the values end at 1
REACH = 2.5  # times the limit: where the last bin ends, which has all that is above, too
LARGE = 1_000  # above it, each bin is twice as wide as the one before
UNBOUNDED = (  # no shares of a whole
    "min_words", "min_word_length", "max_word_length", "max_new_lines", "min_length_ratio", "max_length_ratio",
)  # fmt: skip
EXAMPLES, EXCERPT = 20, 160  # on either side of each limit; characters


@dataclass(frozen=True)
class Measured:
    """A threshold, and the value that is compared with it; null where the rule does not look at a document."""

    limit: str
    reason: str
    threshold: float
    value: pl.Expr


@dataclass(frozen=True)
class Values:
    """Histograms and examples of one shard of documents, by limit."""

    filters: FilterSettings
    settings: QualitySettings

    def __call__(self, frame: pl.LazyFrame, _ordinal: int) -> pl.LazyFrame:
        """Rows of `TABLE`; limits of dialects are not looked at."""
        on = measured(self.filters, self.settings)
        frame = frame.filter(pl.col("reason").fill_null("") != "empty").with_columns(_text=contents("messages"))
        values = [one.value.cast(pl.Float32).alias(one.limit) for one in on]
        excerpt = pl.col("_text").str.head(EXCERPT).alias("excerpt")
        rows = with_measures(frame, self.settings, "documents").select("source", excerpt, *values).collect()
        return pl.concat([TABLE.to_frame(), *(part for one in on for part in _of_limit(rows, one))]).lazy()


def make(documents: ShardSet, filters: FilterSettings, settings: QualitySettings, processes: int) -> pl.DataFrame:
    """The table of a corpus; limits that no document is compared with are not in it."""
    found = pl.concat(collect_shards(Values(filters, settings), documents, processes, "Values of quality"))
    keys = ["limit", "reason", "threshold", "low", "high"]
    bins = found.filter(pl.col("rows").is_not_null()).group_by(keys).agg(pl.col("rows").sum()).sort(keys)
    bins = bins.filter(pl.col("rows").sum().over("limit") > 0)
    nearest = _nearest(found.filter(pl.col("rows").is_null()))
    return pl.concat([TABLE.to_frame(), bins, nearest], how="diagonal").select(TABLE.names())


def measured(filters: FilterSettings, settings: QualitySettings) -> list[Measured]:
    """Every threshold for documents that is on; a refusal has none, as one phrase is enough."""
    return [*_of_filters(filters), *_of_quality(settings)]


def _of_filters(filters: FilterSettings) -> Iterator[Measured]:
    """By the column `quality`, whose share of Arabic counts addresses that were kept; the filter does not."""
    own = pl.col("quality").struct
    words = pl.when(pl.col("kind") == "prose").then(own.field("words"))
    yield Measured("filters.min_words", "too_short", filters.min_words, words)
    yield Measured("filters.max_characters", "too_long", filters.max_characters, own.field("characters"))
    yield Measured("filters.min_arabic_ratio", "little_arabic", filters.min_arabic_ratio, own.field("arabic_ratio"))


def _of_quality(settings: QualitySettings) -> Iterator[Measured]:
    if settings.rules == "none":
        return
    if settings.max_mojibake is not None:
        yield Measured("quality.max_mojibake", "mojibake", settings.max_mojibake, pl.col("_mojibake"))
    for name in ProseLimits.model_fields:
        if (limit := limit_of(name, settings)) is not None:
            value = pl.col("_prose").struct.field(name.partition("_")[2])
            yield Measured(f"quality.limits.{name}", reason_of(name), limit, value)
    columns = {"max_likeness": "_likeness", "max_latin": "_latin", "max_doubled": "_doubled", "max_loop": "_loop"}
    for reason, name in OF_ANSWERS.items():
        if (limit := getattr(settings.answers, name)) is not None:
            yield Measured(f"quality.answers.{name}", reason, limit, pl.col(columns.get(name, "_length")))


def _of_limit(rows: pl.DataFrame, one: Measured) -> list[pl.DataFrame]:
    rows = rows.filter(pl.col(one.limit).is_not_null())
    name = one.limit.rpartition(".")[2]
    edges = _edges(one.threshold, bounded=name not in UNBOUNDED)
    last = len(edges) - 2
    places = np.clip(np.searchsorted(edges, rows[one.limit].to_numpy(), side="right") - 1, 0, last)
    here = {"limit": one.limit, "reason": one.reason, "threshold": one.threshold}
    bins = pl.DataFrame({**here, "low": edges[:-1], "high": edges[1:], "rows": np.bincount(places, minlength=last + 1)})
    value = pl.col(one.limit)
    passes = value <= one.threshold if name.startswith("max_") else value >= one.threshold
    about = (pl.lit(said).alias(column) for column, said in here.items())
    examples = rows.select(*about, passes.alias("passes"), value.alias("value"), "source", "excerpt")
    return [_as_table(bins), _nearest(_as_table(examples))]


def _edges(limit: float, *, bounded: bool) -> np.ndarray:
    """Bounds of bins; the limit is one of them. They are of one width, but for large limits."""
    if limit >= LARGE:
        return limit * 2.0 ** np.arange(-int(np.log2(limit)), 3)
    if bounded and limit > 0 and REACH * limit > 1:
        return np.arange(int(np.ceil(FINE / limit)) + 1, dtype=np.float64) * (limit / FINE)
    return np.arange(int(REACH * COARSE) + 1, dtype=np.float64) * ((limit or 1.0) / COARSE)


def _nearest(examples: pl.DataFrame) -> pl.DataFrame:
    """The examples nearest to their limit on either side, in a fixed order."""
    away = (pl.col("value") - pl.col("threshold")).abs()
    close = examples.filter(away <= away.bottom_k(EXAMPLES).max().over("limit", "passes"))  # texts sort slowly: few
    ordered = close.sort("limit", "passes", away, "source", "excerpt")
    return ordered.filter(pl.int_range(pl.len()).over("limit", "passes") < EXAMPLES)


def _as_table(frame: pl.DataFrame) -> pl.DataFrame:
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in TABLE.items() if name not in frame.columns]
    return frame.with_columns(missing).select(TABLE.names()).cast(TABLE)
