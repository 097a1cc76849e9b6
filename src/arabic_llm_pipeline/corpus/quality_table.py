"""What the values of the rules for prose are in a corpus: how many texts have which, and texts near each limit."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from arabic_llm_pipeline.arabic import quality as room
from arabic_llm_pipeline.corpus.keys import contents
from arabic_llm_pipeline.corpus.quality import limit_of
from arabic_llm_pipeline.corpus.shards import ShardSet, collect_shards
from arabic_llm_pipeline.parameters.quality import ProseLimits, QualitySettings

TABLE = pl.Schema(
    {
        "limit": pl.String,  # the field of ProseLimits
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
UNBOUNDED = ("min_words", "max_words", "min_word_length", "max_word_length", "max_new_lines")  # no shares of a whole
EXAMPLES, EXCERPT = 20, 160  # on either side of each limit; characters


@dataclass(frozen=True)
class Values:
    """Histograms and examples of one shard of documents, by limit."""

    settings: QualitySettings

    def __call__(self, frame: pl.LazyFrame, _ordinal: int) -> pl.LazyFrame:
        """Rows of `TABLE`; limits of dialects are not looked at."""
        texts = frame.filter(pl.col("kind") == "prose", pl.col("reason").fill_null("") != "empty")
        texts = texts.select("source", text=contents("messages"))
        rows = texts.with_columns(found=room.measures_expr(pl.col("text"))).collect().unnest("found")
        parts = [part for name in _on(self.settings) for part in _of_limit(rows, name, self.settings)]
        return pl.concat([TABLE.to_frame(), *parts]).lazy()


def make(documents: ShardSet, settings: QualitySettings, processes: int) -> pl.DataFrame:
    """The table of a corpus; empty where no rule looks at prose."""
    if not _on(settings):
        return TABLE.to_frame()
    found = pl.concat(collect_shards(Values(settings), documents, processes, "Values of quality"))
    keys = ["limit", "threshold", "low", "high"]
    bins = found.filter(pl.col("rows").is_not_null()).group_by(keys).agg(pl.col("rows").sum()).sort(keys)
    nearest = _nearest(found.filter(pl.col("rows").is_null()))
    return pl.concat([TABLE.to_frame(), bins, nearest], how="diagonal").select(TABLE.names())


def _on(settings: QualitySettings) -> list[str]:
    return [name for name in ProseLimits.model_fields if limit_of(name, settings) is not None]


def _of_limit(rows: pl.DataFrame, name: str, settings: QualitySettings) -> list[pl.DataFrame]:
    limit = float(limit_of(name, settings) or 0.0)
    side, _, measured = name.partition("_")
    edges = _edges(limit, bounded=name not in UNBOUNDED)
    last = len(edges) - 2
    places = np.clip(np.searchsorted(edges, rows[measured].to_numpy(), side="right") - 1, 0, last)
    here = {"limit": name, "threshold": limit}
    bins = pl.DataFrame({**here, "low": edges[:-1], "high": edges[1:], "rows": np.bincount(places, minlength=last + 1)})
    passes = pl.col(measured) <= limit if side == "max" else pl.col(measured) >= limit
    examples = rows.select(
        pl.lit(name).alias("limit"),
        pl.lit(limit).alias("threshold"),
        passes.alias("passes"),
        pl.col(measured).alias("value"),
        "source",
        pl.col("text").str.head(EXCERPT).alias("excerpt"),
    )
    return [_as_table(bins), _nearest(_as_table(examples))]


def _edges(limit: float, *, bounded: bool) -> np.ndarray:
    """Bounds of bins of one width; the limit is one of them."""
    if bounded and REACH * limit > 1:
        return np.arange(int(np.ceil(FINE / limit)) + 1, dtype=np.float64) * (limit / FINE)
    return np.arange(int(REACH * COARSE) + 1, dtype=np.float64) * ((limit or 1.0) / COARSE)


def _nearest(examples: pl.DataFrame) -> pl.DataFrame:
    """The examples nearest to their limit on either side, in a fixed order."""
    ordered = examples.sort("limit", "passes", (pl.col("value") - pl.col("threshold")).abs(), "source", "excerpt")
    return ordered.filter(pl.int_range(pl.len()).over("limit", "passes") < EXAMPLES)


def _as_table(frame: pl.DataFrame) -> pl.DataFrame:
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in TABLE.items() if name not in frame.columns]
    return frame.with_columns(missing).select(TABLE.names()).cast(TABLE)
