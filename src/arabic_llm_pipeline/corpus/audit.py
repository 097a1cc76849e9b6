"""What is in a corpus that those who use it should know: personal data, toxicity, mentions of groups; and what goes.

Looked at is what is kept and will be taught, as it will be: a sample of each source, drawn by a hash of the
ids, so that neither shards nor processes change it.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import polars as pl

from arabic_llm_pipeline.arabic import lexicon, mentions, personal, toxicity, wordlist
from arabic_llm_pipeline.arabic.mentions import CATEGORIES
from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.corpus.keys import hashed, key, text_of
from arabic_llm_pipeline.corpus.quality import Rule
from arabic_llm_pipeline.corpus.shards import ShardSet, collect_shards
from arabic_llm_pipeline.parameters.audit import AuditSettings, GroupsSettings, ToxicitySettings

SOURCE = ("source", "dialect", "licence")
BY = ("records", *SOURCE)
COUNTS = ("looked_at", "toxic", *personal.KINDS, *CATEGORIES)
AUDIT = pl.Schema(dict.fromkeys(BY, pl.String) | dict.fromkeys(("rows", *COUNTS), pl.Int64))
GROUP = ("source", "dialect", "category", "group")
GROUP_COUNTS = ("texts", "mentions", "toxic")
GROUPS = pl.Schema(dict.fromkeys(GROUP, pl.String) | dict.fromkeys(GROUP_COUNTS, pl.Int64) | {"around": pl.String})
HEARD = pl.Schema({**GROUPS, "word": pl.String(), "times": pl.Int64()})
SLICE = 4_000  # texts whose words are held at a time
SHOWN_WORDS = 8  # that are frequent around a group
LETTERS = "[\u0620-\u064a]{2}"  # what a word that says something has


def with_measures(
    frame: pl.LazyFrame, toxic: ToxicitySettings, groups: GroupsSettings, model: Path | None
) -> pl.LazyFrame:
    """With the columns that `rules` reads; `_text` is the whole record."""
    text, found = pl.col("_text"), {}
    if toxic.policy == "drop":
        found["_toxicity"] = toxicity.scores_expr(text, toxic.by, model)
    if _dropped(groups):
        found["_mentions"] = mentions.counts_expr(text)
    return frame.with_columns(**found)


def rules(toxic: ToxicitySettings, groups: GroupsSettings) -> list[Rule]:
    """A rule for what goes: toxic, by the score of the worst piece; group_religion and so on, by the mentions."""
    found = []
    if toxic.policy == "drop":
        found.append(Rule("toxic", pl.col("_toxicity") >= toxic.threshold, pl.col("_toxicity")))
    for category in _dropped(groups):
        often = pl.col("_mentions").struct.field(category)
        found.append(Rule(f"group_{category}", often > 0, often))
    return found


def _dropped(groups: GroupsSettings) -> list[str]:
    return [category for category in CATEGORIES if getattr(groups, category) == "drop"]


def check_model(path: Path) -> None:
    """See that a file holds a toxicity model.

    Raises:
        UserError: it does not.
    """
    try:
        toxicity.model_of(path)
    except (ValueError, OSError) as error:
        raise UserError(
            f"toxicity.model: {path} is {error}. Name the file that `kedro run --pipelines=toxicity_model` made, or "
            "null."
        ) from None


@dataclass(frozen=True)
class Looking:
    """Which rows of a table are looked at, and how.

    Attributes:
        table: documents, pairs or feedback.
        settings: of the audit.
        toxic: how toxicity is told.
        model: file of the toxicity model, if there is one.
        seed: of the sample.
        last: by source the highest hash that is looked at; None: all are.
    """

    table: str
    settings: AuditSettings
    toxic: ToxicitySettings
    model: Path | None
    seed: int
    last: dict[str, bytes] | None = None

    def rows(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """What is looked at: source, dialect, licence and text."""
        frame = frame.filter(pl.col("reason").is_null())
        if self.last is not None:
            last = pl.col("source").replace_strict(self.last, return_dtype=pl.Binary)
            frame = frame.filter(hashed(pl.col("id"), str(self.seed)) <= last)
        return frame.select(*SOURCE, text=text_of(self.table))

    def is_toxic(self, score: pl.Expr) -> pl.Expr:
        """Whether a score is as high as it takes."""
        return score >= self.toxic.threshold


@dataclass(frozen=True)
class Drawing:
    """The lowest hashes of the ids of each source's kept rows."""

    size: int
    seed: int

    def __call__(self, frame: pl.LazyFrame, _ordinal: int) -> pl.LazyFrame:
        """Rows of source and hash."""
        kept = frame.filter(pl.col("reason").is_null())
        return _lowest(kept.select("source", hash=hashed(pl.col("id"), str(self.seed))), self.size)


@dataclass(frozen=True)
class Counting:
    """Sums over a shard by source, dialect and licence."""

    looking: Looking

    def __call__(self, frame: pl.LazyFrame, _ordinal: int) -> pl.LazyFrame:
        """A row for each combination: COUNTS, and by what."""
        how, text = self.looking, pl.col("text")
        score = toxicity.scores_expr(text, how.toxic.by, how.model)
        kinds = {kind: _personal(text, kind) for kind in personal.KINDS}
        found = how.rows(frame).with_columns(mentions.counts_expr(text).alias("_mentions"))
        groups = {category: pl.col("_mentions").struct.field(category) > 0 for category in CATEGORIES}
        found = found.with_columns(looked_at=pl.lit(1), toxic=how.is_toxic(score), **kinds, **groups)
        return found.group_by(SOURCE).agg(pl.col(COUNTS).cast(pl.Int64).sum())


def _personal(text: pl.Expr, kind: str) -> pl.Expr:
    """Personal data of a kind in a text, masked or not."""
    return personal.count_expr(text, kind) + text.str.count_matches(personal.masks()[kind], literal=True)


@dataclass(frozen=True)
class Listening:
    """What is said around the mentions of groups in a shard."""

    looking: Looking

    def __call__(self, frame: pl.LazyFrame, _ordinal: int) -> pl.LazyFrame:
        """Rows of HEARD: counts of each group and, in rows of their own, of each word around it."""
        how = self.looking
        rows = how.rows(frame).select("source", "dialect", key=key(pl.col("text"))).collect()
        heard = [part for rows in rows.iter_slices(SLICE) for part in self._heard(rows.with_row_index("row"))]
        return pl.concat([HEARD.to_frame(), *heard]).lazy()

    def _heard(self, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Counts of each group in some texts, and of each word around it."""
        how = self.looking
        found = mentions.find(rows["key"], how.settings.window).join(rows.drop("key"), on="row", maintain_order="left")
        scores = toxicity.key_scores(found["around"].list.join(" "), how.toxic.by, how.model)
        found = found.with_columns(scores).with_columns(toxic=how.is_toxic(pl.col("score")))
        sums = found.group_by(GROUP).agg(texts=pl.col("row").n_unique(), mentions=pl.len(), toxic=pl.col("toxic").sum())
        said = found.explode("around").rename({"around": "word"}).filter(pl.col("word").str.contains(LETTERS))
        said = said.join(_function_words(), on="word", how="anti")
        words = said.group_by(*GROUP, "word").agg(times=pl.len())
        return _heard(sums), _heard(words)


def _heard(frame: pl.DataFrame) -> pl.DataFrame:
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in HEARD.items() if name not in frame.columns]
    return frame.with_columns(missing).select(HEARD.names()).cast(HEARD)


@lru_cache(maxsize=1)
def _function_words() -> pl.DataFrame:
    return wordlist.table(((row["form"], True) for row in lexicon.read_table("function_words.tsv")), "is")


def make(
    tables: dict[str, ShardSet],
    settings: AuditSettings,
    toxic: ToxicitySettings,
    model: Path | None,
    seed: int,
    processes: int,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The tables of AUDIT and GROUPS.

    Args:
        tables: what is taught, as it was split.
        settings: how much is looked at.
        toxic: how toxicity is told.
        model: file of the toxicity model, if there is one.
        seed: of the sample.
        processes: how many at most; 0 is one for each core.

    Raises:
        UserError: the file holds no toxicity model.
    """
    if model:
        check_model(model)
    counts, heard = [AUDIT.to_frame()], [HEARD.to_frame()]
    for table, shards in tables.items():
        how = Looking(table, settings, toxic, model, seed, _last(shards, settings.sample, seed, processes))
        counts.append(_counted(shards, how, processes))
        heard += collect_shards(Listening(how), shards, processes, f"Mentions of groups in {table}")
    return pl.concat(counts), _groups(pl.concat(heard))


def _last(shards: ShardSet, size: int | None, seed: int, processes: int) -> dict[str, bytes] | None:
    """By source the highest hash of the sample; None where all is looked at."""
    if size is None:
        return None
    drawn = pl.concat(collect_shards(Drawing(size, seed), shards, processes, "Drawing a sample"))
    return dict(_lowest(drawn.lazy(), size).group_by("source").agg(pl.col("hash").max()).collect().rows())


def _lowest(frame: pl.LazyFrame, size: int) -> pl.LazyFrame:
    return frame.sort("hash").group_by("source", maintain_order=True).head(size)


def _counted(shards: ShardSet, how: Looking, processes: int) -> pl.DataFrame:
    parts = pl.concat(collect_shards(Counting(how), shards, processes, f"Auditing {how.table}"))
    sums = parts.group_by(SOURCE).agg(pl.col(COUNTS).sum())
    kept = shards.scan().filter(pl.col("reason").is_null())
    rows = kept.group_by(SOURCE).agg(rows=pl.len().cast(pl.Int64)).collect()
    found = rows.join(sums, on=SOURCE, how="left", nulls_equal=True).with_columns(pl.col(COUNTS).fill_null(0))
    return found.with_columns(records=pl.lit(how.table)).select(AUDIT.names()).sort(BY)


def _groups(heard: pl.DataFrame) -> pl.DataFrame:
    """Sums over shards and tables, and the words that are most frequent around each group."""
    sums = heard.filter(pl.col("word").is_null()).group_by(GROUP).agg(pl.col(GROUP_COUNTS).sum())
    words = heard.filter(pl.col("word").is_not_null()).group_by(*GROUP, "word").agg(pl.col("times").sum())
    words = words.sort("times", "word", descending=[True, False]).group_by(GROUP, maintain_order=True).head(SHOWN_WORDS)
    shown = pl.format("{} {}", "word", "times").str.join("\N{ARABIC COMMA} ").alias("around")
    around = words.group_by(GROUP, maintain_order=True).agg(shown)
    found = sums.join(around, on=GROUP, how="left").with_columns(pl.col("around").fill_null(""))
    return found.select(GROUPS.names()).sort("mentions", *GROUP, descending=[True, *[False] * len(GROUP)])
