"""One pass over each shard: texts cleaned by policy, measured, tagged by dialect, and given a reason where they go."""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import polars as pl

from arabic_llm_pipeline.arabic import dialect, measure, sentences
from arabic_llm_pipeline.arabic.clean import TextPolicy, clean_expr
from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.corpus.keys import contents
from arabic_llm_pipeline.corpus.records import QUALITY, SCHEMAS
from arabic_llm_pipeline.parameters.dialect import DialectSettings
from arabic_llm_pipeline.parameters.preprocess import FilterSettings, TextSettings

Cleaned = tuple[pl.LazyFrame, pl.Expr]  # rows, and the text that the dialect is told by


@dataclass(frozen=True)
class Cleaning:
    """The cleaning step of one table, as the engine maps it over shards."""

    table: str
    text: TextSettings
    filters: FilterSettings
    dialect: DialectSettings = field(default_factory=DialectSettings)
    model: Path | None = None  # a dialect model of the user's own

    def __call__(self, frame: pl.LazyFrame, _ordinal: int) -> pl.LazyFrame:
        """The same rows, cleaned; those that go have a reason.

        Raises:
            UserError: the file of the dialect model holds none.
        """
        if self.model:
            check_model(self.model)
        tags = partial(dialect.tag_expr, model=self.model, min_score=self.dialect.min_score)
        cleaned, text = STEPS[self.table](frame, text_policy(self.text), self.filters)
        return _tagged(cleaned, tags(text)).select(SCHEMAS[self.table].names())


def check_model(path: Path) -> None:
    """See that a file holds a dialect model.

    Raises:
        UserError: it does not.
    """
    try:
        dialect.model_of(path)
    except (ValueError, OSError) as error:
        raise UserError(
            f"dialect.model: {path} is {error}. Name the file that `kedro run --pipelines=dialect_model` made, or null."
        ) from None


def text_policy(settings: TextSettings) -> TextPolicy:
    """The policy of the text that is kept on disk."""
    return TextPolicy(**settings.model_dump(exclude={"taught"}))


def clean_documents(frame: pl.LazyFrame, policy: TextPolicy, filters: FilterSettings) -> Cleaned:
    """Clean documents.

    Reasons: empty (a message has no text left), too_long, little_arabic, too_short (prose: an answer may be a word).
    """
    frame = frame.with_columns(_messages("messages", policy), clean_expr(pl.col("title"), policy))
    frame = frame.with_columns(_text=contents("messages")).with_columns(quality=_quality(pl.col("_text")))
    short = (pl.col("kind") == "prose") & (_quality_of("words") < filters.min_words)
    reason = pl.coalesce(
        _because(_blank("messages"), "empty"),
        _because(_quality_of("characters") > filters.max_characters, "too_long"),
        _because(_quality_of("arabic_ratio") < filters.min_arabic_ratio, "little_arabic"),
        _because(short, "too_short"),
    )
    return frame.with_columns(reason=reason), pl.col("_text")


def clean_pairs(frame: pl.LazyFrame, policy: TextPolicy, filters: FilterSettings) -> Cleaned:
    """Clean preference pairs.

    Reasons: empty, equal_answers (cleaning took away what told them apart), too_long, little_arabic.
    """
    frame = frame.with_columns(_messages("prompt", policy), clean_expr(pl.col("chosen", "rejected"), policy))
    frame = frame.with_columns(_text=pl.concat_str(contents("prompt"), "chosen", "rejected", separator="\n"))
    ratio = measure.arabic_ratio_expr(pl.col("_text"))
    reason = pl.coalesce(
        _because(_blank("prompt") | (pl.col("chosen") == "") | (pl.col("rejected") == ""), "empty"),
        _because(pl.col("chosen") == pl.col("rejected"), "equal_answers"),
        _because(pl.col("_text").str.len_chars() > filters.max_characters, "too_long"),
        _because(ratio < filters.min_arabic_ratio, "little_arabic"),
    )
    said = pl.concat_str(contents("prompt"), "chosen", separator="\n")
    return frame.with_columns(reason=reason), said


def clean_items(frame: pl.LazyFrame, policy: TextPolicy, filters: FilterSettings) -> Cleaned:
    """Clean evaluation items; how much Arabic they hold is their task's business. Reasons: empty, too_long."""
    texts = pl.col("choices", "answers").list.eval(clean_expr(pl.element(), policy))
    frame = frame.with_columns(_messages("prompt", policy), texts, clean_expr(pl.col("passage"), policy))
    lost = pl.col("answers").list.contains("") | pl.col("choices").list.contains("")
    reason = pl.coalesce(
        _because(_blank("prompt") | lost, "empty"),
        _because(contents("prompt").str.len_chars() > filters.max_characters, "too_long"),
    )
    return frame.with_columns(reason=reason), contents("prompt")


STEPS = {"documents": clean_documents, "pairs": clean_pairs, "items": clean_items}


def _messages(column: str, policy: TextPolicy) -> pl.Expr:
    content = clean_expr(pl.element().struct.field("content"), policy)
    return pl.col(column).list.eval(pl.element().struct.with_fields(content.alias("content")))


def _blank(column: str) -> pl.Expr:
    """Whether any message says nothing."""
    return pl.col(column).list.eval(pl.element().struct.field("content")).list.contains("")


def _because(condition: pl.Expr, reason: str) -> pl.Expr:
    return pl.when(condition).then(pl.lit(reason))


def _quality_of(field: str) -> pl.Expr:
    return pl.col("quality").struct.field(field)


def _quality(text: pl.Expr) -> pl.Expr:
    found = measure.measures_expr(text).struct
    fields = {
        "characters": found.field("characters"),
        "words": found.field("words"),
        "sentences": sentences.count_expr(text),
        "arabic_ratio": found.field("arabic_ratio"),
        "diacritics_ratio": found.field("diacritics_ratio"),
        "alif_ya_merges": found.field("merged_words"),
    }
    return pl.struct(*(value.alias(name) for name, value in fields.items())).cast(QUALITY)


def _tagged(frame: pl.LazyFrame, found: pl.Expr) -> pl.LazyFrame:
    """With a dialect where the source brought none."""
    frame = frame.with_columns(_tag=found)
    tag = pl.col("_tag").struct
    return frame.with_columns(
        dialect=pl.coalesce("dialect", tag.field("dialect")),
        dialect_score=pl.coalesce("dialect_score", tag.field("dialect_score").cast(pl.Float32)),
    )
