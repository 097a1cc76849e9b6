"""The corpus by sentences: each with where it stands in its document."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from arabic_llm_pipeline.arabic import dialect
from arabic_llm_pipeline.arabic.sentences import Segmentation, sentences_expr
from arabic_llm_pipeline.corpus.cleaning import check_model
from arabic_llm_pipeline.corpus.records import SENTENCES
from arabic_llm_pipeline.corpus.shards import ShardSet, ShardWriter, map_shards
from arabic_llm_pipeline.parameters.dialect import DialectSettings
from arabic_llm_pipeline.parameters.sentences import SentencesSettings


@dataclass(frozen=True)
class Sentences:
    """From the documents of a shard to the sentences of those that are kept."""

    settings: SentencesSettings
    dialect: DialectSettings
    model: Path | None = None  # a dialect model of the user's own

    def __call__(self, frame: pl.LazyFrame, _ordinal: int) -> pl.LazyFrame:
        """A row for each sentence, in the order of the documents.

        Raises:
            UserError: the file of the dialect model holds none.
        """
        if self.settings.dialect and self.model:
            check_model(self.model)
        frame = _messages(frame, self.settings)
        frame = frame.with_columns(_sentence=sentences_expr(pl.col("_text"), _segmentation(self.settings)))
        frame = frame.drop("_text").with_columns(ordinal=pl.int_ranges(pl.col("_sentence").list.len(), dtype=pl.Int32))
        frame = frame.filter(pl.col("_sentence").list.len() > 0).explode("_sentence", "ordinal").unnest("_sentence")
        return frame.with_columns(*_tags(self)).select(SENTENCES.names())


def make(documents: ShardSet, step: Sentences, workspace: Path, processes: int, rows_per_shard: int) -> Path:
    """The directory of the sentences' shards, one for each of the documents; one without rows where none are wanted."""
    if step.settings.enabled:
        return map_shards(step, documents, workspace, processes, "Cutting sentences")
    directory = workspace / "shards"
    with ShardWriter(directory, SENTENCES, rows_per_shard):
        pass
    return directory


def _segmentation(settings: SentencesSettings) -> Segmentation:
    return Segmentation(settings.semicolon, settings.comma, settings.wrapped_lines, settings.max_characters)


def _messages(frame: pl.LazyFrame, settings: SentencesSettings) -> pl.LazyFrame:
    """A row for each message of the documents that are wanted, with its place."""
    wanted = pl.col("reason").is_null() & pl.col("kind").is_in(settings.kinds)
    frame = frame.filter(wanted).select("id", "source", "split", "messages")
    places = pl.int_ranges(pl.col("messages").list.len(), dtype=pl.Int32)
    frame = frame.with_columns(message=places).explode("messages", "message")
    role, text = (pl.col("messages").struct.field(name) for name in ("role", "content"))
    return frame.filter(role != "system").select("id", "source", "split", "message", _text=text)


def _tags(how: Sentences) -> tuple[pl.Expr, pl.Expr]:
    """The columns `dialect` and `dialect_score`; null where no tags are wanted."""
    if not how.settings.dialect:
        return pl.lit(None, pl.String).alias("dialect"), pl.lit(None, pl.Float32).alias("dialect_score")
    tag = dialect.tag_expr(pl.col("text"), model=how.model, min_score=how.dialect.min_score).struct
    return tag.field("dialect"), tag.field("dialect_score")
