"""One pass over each shard: texts cleaned by policy, measured, tagged by dialect, and given a reason where they go."""

from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from arabic_llm_pipeline.arabic import dialect, markup, measure, sentences
from arabic_llm_pipeline.arabic.clean import TextPolicy, clean_expr
from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.corpus import pii, quality
from arabic_llm_pipeline.corpus.keys import contents
from arabic_llm_pipeline.corpus.quality import Rule, verdict
from arabic_llm_pipeline.corpus.records import DOCUMENTS, ITEMS, PAIRS, QUALITY
from arabic_llm_pipeline.parameters.audit import PiiSettings
from arabic_llm_pipeline.parameters.dialect import DialectSettings
from arabic_llm_pipeline.parameters.quality import QualitySettings
from arabic_llm_pipeline.parameters.text import FilterSettings, TextSettings


@dataclass(frozen=True)
class Cleaning:
    """The cleaning step of one table, as the engine maps it over shards."""

    table: str
    text: TextSettings
    filters: FilterSettings
    dialect: DialectSettings = field(default_factory=DialectSettings)
    model: Path | None = None  # a dialect model of the user's own
    quality: QualitySettings = field(default_factory=QualitySettings)
    pii: PiiSettings = field(default_factory=PiiSettings)

    def __call__(self, frame: pl.LazyFrame, _ordinal: int) -> pl.LazyFrame:
        """The same rows, cleaned; those that go have a reason, and the value that decided.

        Raises:
            UserError: the file of the dialect model holds none.
        """
        if self.model:
            check_model(self.model)
        return STEPS[self.table](frame, self)


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


def clean_documents(frame: pl.LazyFrame, how: Cleaning) -> pl.LazyFrame:
    """Clean documents.

    Reasons: empty (a message has no text left), too_long, little_arabic, too_short (prose: an answer may be a word);
    those of `corpus.quality` and `corpus.pii`.
    """
    policy, filters = text_policy(how.text), how.filters
    frame = frame.with_columns(_messages("messages", policy), clean_expr(pl.col("title"), policy))
    if filters.foreign_paragraphs == "cut":
        frame = frame.with_columns(_without_foreign_paragraphs())
    frame = frame.with_columns(_text=contents("messages")).with_columns(quality=_quality(pl.col("_text")))
    frame = frame.with_columns(_ratio=_arabic_ratio(policy, _quality_of("arabic_ratio")))
    short = (pl.col("kind") == "prose") & (_quality_of("words") < filters.min_words)
    frame = quality.with_measures(_tagged(frame, pl.col("_text"), how), how.quality, "documents")
    frame = pii.with_counts(frame, how.pii)
    rules = [
        Rule("empty", _blank("messages")),
        Rule("too_long", _quality_of("characters") > filters.max_characters, _quality_of("characters")),
        Rule("little_arabic", pl.col("_ratio") < filters.min_arabic_ratio, pl.col("_ratio")),
        Rule("too_short", short, _quality_of("words")),
        *quality.rules(how.quality, "documents"),
        *pii.rules(how.pii),
    ]
    frame = verdict(frame, rules).with_columns(pii.masked_messages("messages", how.pii))
    return frame.with_columns(pii.masked(pl.col("title"), how.pii)).select(DOCUMENTS.names())


def clean_pairs(frame: pl.LazyFrame, how: Cleaning) -> pl.LazyFrame:
    """Clean preference pairs.

    Reasons: empty, equal_answers (cleaning took away what told them apart), too_long, little_arabic; those of
    `corpus.quality` and `corpus.pii`.
    """
    policy, filters = text_policy(how.text), how.filters
    frame = frame.with_columns(_messages("prompt", policy), clean_expr(pl.col("chosen", "rejected"), policy))
    frame = frame.with_columns(_text=pl.concat_str(contents("prompt"), "chosen", "rejected", separator="\n"))
    frame = frame.with_columns(_ratio=_arabic_ratio(policy, measure.arabic_ratio_expr(pl.col("_text"))))
    said = pl.concat_str(contents("prompt"), "chosen", separator="\n")
    frame = pii.with_counts(quality.with_measures(_tagged(frame, said, how), how.quality, "pairs"), how.pii)
    length, ratio = pl.col("_text").str.len_chars(), pl.col("_ratio")
    rules = [
        Rule("empty", _blank("prompt") | (pl.col("chosen") == "") | (pl.col("rejected") == "")),
        Rule("equal_answers", pl.col("chosen") == pl.col("rejected")),
        Rule("too_long", length > filters.max_characters, length),
        Rule("little_arabic", ratio < filters.min_arabic_ratio, ratio),
        *quality.rules(how.quality, "pairs"),
        *pii.rules(how.pii),
    ]
    frame = verdict(frame, rules).with_columns(pii.masked_messages("prompt", how.pii))
    return frame.with_columns(pii.masked(pl.col(name), how.pii) for name in ("chosen", "rejected")).select(
        PAIRS.names()
    )


def clean_items(frame: pl.LazyFrame, how: Cleaning) -> pl.LazyFrame:
    """Clean evaluation items; what they hold is their task's business. Reasons: empty, too_long."""
    policy, filters = text_policy(how.text), how.filters
    texts = pl.col("choices", "answers").list.eval(clean_expr(pl.element(), policy))
    frame = frame.with_columns(_messages("prompt", policy), texts, clean_expr(pl.col("passage"), policy))
    lost = pl.col("answers").list.contains("") | pl.col("choices").list.contains("")
    length = contents("prompt").str.len_chars()
    rules = [Rule("empty", _blank("prompt") | lost), Rule("too_long", length > filters.max_characters, length)]
    return verdict(_tagged(frame, contents("prompt"), how), rules).select(ITEMS.names())


STEPS = {"documents": clean_documents, "pairs": clean_pairs, "items": clean_items}


def _messages(column: str, policy: TextPolicy) -> pl.Expr:
    content = clean_expr(pl.element().struct.field("content"), policy)
    return pl.col(column).list.eval(pl.element().struct.with_fields(content.alias("content")))


def _arabic_ratio(policy: TextPolicy, measured: pl.Expr) -> pl.Expr:
    """The share of Arabic letters as it is measured; where addresses are kept, without them: they are no language."""
    if policy.urls == "drop" and policy.emails == "drop":
        return measured
    return measure.arabic_ratio_expr(pl.col("_text").str.replace_all(markup.ADDRESS, " "))


def _without_foreign_paragraphs() -> pl.Expr:
    """The messages of prose without paragraphs in Latin letters; whole where nothing else is in them."""
    content = pl.element().struct.field("content")
    cut = content.str.replace_all(markup.FOREIGN_LINE, "").str.strip_chars_end("\n")
    left = pl.when(cut.str.contains(r"\S")).then(cut).otherwise(content)
    messages = pl.col("messages").list.eval(pl.element().struct.with_fields(left.alias("content")))
    return pl.when(pl.col("kind") == "prose").then(messages).otherwise("messages").alias("messages")


def _blank(column: str) -> pl.Expr:
    """Whether any message says nothing."""
    return pl.col(column).list.eval(pl.element().struct.field("content")).list.contains("")


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


def _tagged(frame: pl.LazyFrame, text: pl.Expr, how: Cleaning) -> pl.LazyFrame:
    """With a dialect where the source brought none."""
    frame = frame.with_columns(_tag=dialect.tag_expr(text, model=how.model, min_score=how.dialect.min_score))
    tag = pl.col("_tag").struct
    return frame.with_columns(
        dialect=pl.coalesce("dialect", tag.field("dialect")),
        dialect_score=pl.coalesce("dialect_score", tag.field("dialect_score").cast(pl.Float32)),
    )
