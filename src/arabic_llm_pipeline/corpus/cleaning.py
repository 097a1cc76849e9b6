"""One pass over each shard: texts cleaned by policy, measured, tagged by dialect, and given a reason where they go."""

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from arabic_llm_pipeline.arabic import dialect, measure, protect, script, sentences
from arabic_llm_pipeline.arabic.clean import NORMALIZED, TextPolicy, clean_expr, clean_series
from arabic_llm_pipeline.arabic.columns import elementwise
from arabic_llm_pipeline.arabic.markup import replaced
from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.corpus import audit, pii, quality
from arabic_llm_pipeline.corpus.keys import contents
from arabic_llm_pipeline.corpus.quality import Rule, verdict
from arabic_llm_pipeline.corpus.records import DOCUMENT, DOCUMENTS, FEEDBACK, ITEMS, MANY, MESSAGE, PAIRS, QUALITY
from arabic_llm_pipeline.parameters.audit import GroupsSettings, PiiSettings, ToxicitySettings
from arabic_llm_pipeline.parameters.dialect import DialectSettings
from arabic_llm_pipeline.parameters.quality import QualitySettings
from arabic_llm_pipeline.parameters.text import FilterSettings, TextSettings

UNIFIED: dict[str, Any] = {name: getattr(NORMALIZED, name) for name in ("alif", "ya", "diacritics")}


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
    toxic: ToxicitySettings = field(default_factory=ToxicitySettings)
    groups: GroupsSettings = field(default_factory=GroupsSettings)
    judge: Path | None = None  # a toxicity model of the user's own

    def __call__(self, frame: pl.LazyFrame, _ordinal: int) -> pl.LazyFrame:
        """The same rows, cleaned; those that go have a reason, and the value that decided.

        Raises:
            UserError: the file of the dialect model, or of the toxicity model, holds none.
        """
        if self.model:
            check_model(self.model)
        if self.judge:
            audit.check_model(self.judge)
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
    """The policy of prose that is kept on disk, and taught."""
    policy = TextPolicy(**settings.model_dump(exclude={"taught", "protect"}))
    return replace(policy, **UNIFIED) if settings.taught == "text_normalized" else policy


def turn_policy(settings: TextSettings) -> TextPolicy:
    """The policy of what is asked and answered, which may have code and maths in it."""
    return replace(text_policy(settings), protect=settings.protect)


def clean_documents(frame: pl.LazyFrame, how: Cleaning) -> pl.LazyFrame:
    """Clean documents.

    Reasons: empty (a message has no text left), too_long, little_arabic (but of translations), too_short (prose: an
    answer may be a word); those of `corpus.quality`, `corpus.pii` and `corpus.audit`.
    """
    filters = how.filters
    title = clean_expr(pl.col("title"), text_policy(how.text))
    frame = frame.with_columns(_messages("messages", how.text), title)
    frame = frame.with_columns(_text=contents("messages")).with_columns(quality=_quality(pl.col("_text")))
    foreign = _little_arabic(_quality_of("arabic_ratio"), filters) & (pl.col("lang").fill_null("") != MANY)
    short = (pl.col("kind") == "prose") & (_quality_of("words") < filters.min_words)
    frame = quality.with_measures(_tagged(frame, pl.col("_text"), how), how.quality, "documents")
    frame = audit.with_measures(pii.with_counts(frame, how.pii), how.toxic, how.groups, how.judge)
    rules = [
        Rule("empty", _blank("messages")),
        Rule("too_long", _quality_of("characters") > filters.max_characters, _quality_of("characters")),
        Rule("little_arabic", foreign, _quality_of("arabic_ratio")),
        Rule("too_short", short, _quality_of("words")),
        *quality.rules(how.quality, "documents"),
        *pii.rules(how.pii),
        *audit.rules(how.toxic, how.groups),
    ]
    frame = verdict(frame, rules).with_columns(pii.masked_messages("messages", how.pii))
    return frame.with_columns(pii.masked(pl.col("title"), how.pii)).select(DOCUMENTS.names())


def clean_pairs(frame: pl.LazyFrame, how: Cleaning) -> pl.LazyFrame:
    """Clean preference pairs.

    Reasons: empty, equal_answers (cleaning took away what told them apart), too_long, little_arabic; those of
    `corpus.quality`, `corpus.pii` and `corpus.audit`.
    """
    filters, answers = how.filters, clean_expr(pl.col("chosen", "rejected"), turn_policy(how.text))
    frame = frame.with_columns(_messages("prompt", how.text), answers)
    frame = frame.with_columns(_text=pl.concat_str(contents("prompt"), "chosen", "rejected", separator="\n"))
    frame = frame.with_columns(_ratio=measure.arabic_ratio_expr(pl.col("_text")))
    said = pl.concat_str(contents("prompt"), "chosen", separator="\n")
    frame = pii.with_counts(quality.with_measures(_tagged(frame, said, how), how.quality, "pairs"), how.pii)
    frame = audit.with_measures(frame, how.toxic, how.groups, how.judge)
    length, ratio = pl.col("_text").str.len_chars(), pl.col("_ratio")
    rules = [
        Rule("empty", _blank("prompt") | (pl.col("chosen") == "") | (pl.col("rejected") == "")),
        Rule("equal_answers", pl.col("chosen") == pl.col("rejected")),
        Rule("too_long", length > filters.max_characters, length),
        Rule("little_arabic", _little_arabic(ratio, filters), ratio),
        *quality.rules(how.quality, "pairs"),
        *pii.rules(how.pii),
        *audit.rules(how.toxic, how.groups),
    ]
    frame = verdict(frame, rules).with_columns(pii.masked_messages("prompt", how.pii))
    return frame.with_columns(pii.masked(pl.col(name), how.pii) for name in ("chosen", "rejected")).select(
        PAIRS.names()
    )


def clean_items(frame: pl.LazyFrame, how: Cleaning) -> pl.LazyFrame:
    """Clean evaluation items; what they hold is their task's business. Reasons: empty, too_long."""
    filters, passage = how.filters, clean_expr(pl.col("passage"), text_policy(how.text))
    texts = pl.col("choices", "answers").list.eval(clean_expr(pl.element(), turn_policy(how.text)))
    frame = frame.with_columns(_messages("prompt", how.text), texts, passage)
    lost = pl.col("answers").list.contains("") | pl.col("choices").list.contains("")
    reason = pl.coalesce(
        _because(_blank("prompt") | lost, "empty"),
        _because(contents("prompt").str.len_chars() > filters.max_characters, "too_long"),
    )
    return _tagged(frame, contents("prompt"), how).with_columns(reason=reason).select(ITEMS.names())


def clean_feedback(frame: pl.LazyFrame, how: Cleaning) -> pl.LazyFrame:
    """Clean answers that people judged. Reasons: empty, too_long, little_arabic, those of `quality`, `pii`, `audit`."""
    filters, completion = how.filters, clean_expr(pl.col("completion"), turn_policy(how.text))
    frame = frame.with_columns(_messages("prompt", how.text), completion)
    frame = frame.with_columns(_text=pl.concat_str(contents("prompt"), "completion", separator="\n"))
    frame = frame.with_columns(_ratio=measure.arabic_ratio_expr(pl.col("_text")))
    frame = quality.with_measures(_tagged(frame, pl.col("_text"), how), how.quality, "feedback")
    length, ratio = pl.col("_text").str.len_chars(), pl.col("_ratio")
    rules = [
        Rule("empty", _blank("prompt") | (pl.col("completion") == "")),
        Rule("too_long", length > filters.max_characters, length),
        Rule("little_arabic", _little_arabic(ratio, filters), ratio),
        *quality.rules(how.quality, "feedback"),
        *pii.rules(how.pii),
        *audit.rules(how.toxic, how.groups),
    ]
    frame = audit.with_measures(pii.with_counts(frame, how.pii), how.toxic, how.groups, how.judge)
    frame = verdict(frame, rules)
    masked = pii.masked_messages("prompt", how.pii), pii.masked(pl.col("completion"), how.pii)
    return frame.with_columns(masked).select(FEEDBACK.names())


STEPS = {"documents": clean_documents, "pairs": clean_pairs, "items": clean_items, "feedback": clean_feedback}


def _messages(column: str, settings: TextSettings) -> pl.Expr:
    turns = partial(_clean_turns, prose=text_policy(settings), other=turn_policy(settings))
    return pl.col(column).list.eval(elementwise(pl.element(), turns, MESSAGE))


def _clean_turns(turns: pl.Series, prose: TextPolicy, other: TextPolicy) -> pl.Series:
    """Messages with clean contents; only in a document a backtick or a dollar is no mark of code or maths."""
    texts, is_prose = turns.struct.field("content"), turns.struct.field("role") == DOCUMENT
    for policy, rows in ((prose, is_prose.arg_true()), (other, (~is_prose).arg_true())):
        if len(rows):
            texts = replaced(texts, rows.to_numpy(), clean_series(texts.gather(rows), policy))
    return turns.to_frame("turn").select(pl.col("turn").struct.with_fields(texts.alias("content"))).to_series()


def _blank(column: str) -> pl.Expr:
    """Whether any message says nothing."""
    return pl.col(column).list.eval(pl.element().struct.field("content")).list.contains("")


def _little_arabic(ratio: pl.Expr, filters: FilterSettings) -> pl.Expr:
    """Whether too few of the letters are Arabic; of Arabizi they cannot be."""
    little = ratio < filters.min_arabic_ratio
    return little & (pl.col("script") != script.ARABIZI) if filters.keep_arabizi else little


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


def _tagged(frame: pl.LazyFrame, text: pl.Expr, how: Cleaning) -> pl.LazyFrame:
    """With the script, of what is neither code nor maths, and a dialect where the source brought none."""
    maths = how.text.protect == "code_and_maths"
    prose = text if how.text.protect == "none" else elementwise(text, partial(protect.masked, maths=maths), pl.String)
    frame = frame.with_columns(
        script=script.script_expr(prose), _tag=dialect.tag_expr(text, model=how.model, min_score=how.dialect.min_score)
    )
    tag = pl.col("_tag").struct
    return frame.with_columns(
        dialect=pl.coalesce("dialect", tag.field("dialect")),
        dialect_score=pl.coalesce("dialect_score", tag.field("dialect_score").cast(pl.Float32)),
    )
