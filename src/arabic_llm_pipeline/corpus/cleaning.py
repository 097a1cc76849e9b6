"""One pass over each shard: texts cleaned by policy, measured, tagged by dialect, and given a reason where they go."""

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from arabic_llm_pipeline.arabic import dialect, markup, measure, protect, script, sentences
from arabic_llm_pipeline.arabic.clean import NORMALIZED, TextPolicy, clean_expr, clean_series
from arabic_llm_pipeline.arabic.columns import elementwise
from arabic_llm_pipeline.arabic.markup import replaced
from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.corpus import audit, pii, quality
from arabic_llm_pipeline.corpus.keys import TEXTS, said, text_of
from arabic_llm_pipeline.corpus.quality import Rule, verdict
from arabic_llm_pipeline.corpus.records import DOCUMENT, MANY, MESSAGE, QUALITY, SCHEMAS
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
        return clean_records(frame, self)


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


def clean_records(frame: pl.LazyFrame, how: Cleaning) -> pl.LazyFrame:
    """Clean the records of a table; where their texts lie is data (`SHAPES`).

    Reasons: empty (a turn, answer or choice has no text left), equal_answers (cleaning took away what told them apart),
    too_long; but of items, whose content is their task's business, also little_arabic (not of translations), too_short
    (prose: an answer may be a word), and those of `corpus.quality`, `corpus.pii` and `corpus.audit`.
    """
    shape = SHAPES[how.table]
    frame = _with_clean_texts(frame, shape, how).with_columns(_text=text_of(how.table))
    frame = frame.with_columns(_found=measure.measures_expr(pl.col("_text")))
    frame = _tagged(frame, said(how.table), how)
    if "quality" in shape.columns:
        frame = frame.with_columns(quality=_quality())
    if shape.judged:
        frame = frame.with_columns(_ratio=_arabic_ratio(how.text))
        frame = quality.with_measures(frame, how.quality, how.table)
        frame = audit.with_measures(pii.with_counts(frame, how.pii), how.toxic, how.groups, how.judge)
    frame = verdict(frame, _rules(shape, how))
    return _masked(frame, shape, how).select(shape.columns)


@dataclass(frozen=True)
class Shape:
    """What cleaning has to know of a table beyond where its own texts are (`keys.TEXTS`).

    Attributes:
        table: one of RECORDS.
        listed: columns of lists of answers.
        beside: columns of prose that are no part of the record's own text.
        repeated: columns of what stands in the turns, too.
        judged: whether what the texts say decides if a record stays, and personal data in them are masked.
    """

    table: str
    listed: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    judged: bool = True

    @property
    def columns(self) -> list[str]:
        """All that the table has."""
        return SCHEMAS[self.table].names()

    @property
    def turns(self) -> str:
        """The column of messages."""
        return TEXTS[self.table][0]

    @property
    def answers(self) -> tuple[str, ...]:
        """Columns of an answer each."""
        return TEXTS[self.table][1:]


SHAPES = {
    "documents": Shape("documents", beside=("title",)),
    "pairs": Shape("pairs"),
    "items": Shape("items", listed=("choices", "answers"), beside=("passage",), repeated=("question",), judged=False),
    "feedback": Shape("feedback"),
}


def _with_clean_texts(frame: pl.LazyFrame, shape: Shape, how: Cleaning) -> pl.LazyFrame:
    prose, answer = text_policy(how.text), turn_policy(how.text)
    frame = frame.with_columns(
        _messages(shape.turns, how.text),
        *(clean_expr(pl.col(name), answer) for name in (*shape.answers, *shape.repeated)),
        *(pl.col(name).list.eval(clean_expr(pl.element(), answer)) for name in shape.listed),
        *(clean_expr(pl.col(name), prose) for name in shape.beside),
    )
    if how.filters.foreign_paragraphs == "cut" and how.table == "documents":
        frame = frame.with_columns(_without_foreign_paragraphs())
    return frame


def _rules(shape: Shape, how: Cleaning) -> list[Rule]:
    filters, length, words = how.filters, _measured("characters"), _measured("words")
    blank = [pl.col(shape.turns).list.eval(pl.element().struct.field("content")).list.contains("")]
    blank += [pl.col(name) == "" for name in shape.answers]
    blank += [pl.col(name).list.contains("") for name in shape.listed]
    rules = [Rule("empty", pl.any_horizontal(blank)), Rule("too_long", length > filters.max_characters, length)]
    if how.table == "pairs":
        rules.insert(1, Rule("equal_answers", pl.col("chosen") == pl.col("rejected")))
    if not shape.judged:
        return rules
    rules.append(Rule("little_arabic", _little_arabic(filters, shape), pl.col("_ratio")))
    if "kind" in shape.columns:
        rules.append(Rule("too_short", (pl.col("kind") == "prose") & (words < filters.min_words), words))
    rules += quality.rules(how.quality, how.table)
    return rules + pii.rules(how.pii) + audit.rules(how.toxic, how.groups)


def _masked(frame: pl.LazyFrame, shape: Shape, how: Cleaning) -> pl.LazyFrame:
    if not shape.judged:
        return frame
    texts = (pii.masked(pl.col(name), how.pii) for name in (*shape.answers, *shape.beside))
    return frame.with_columns(pii.masked_messages(shape.turns, how.pii), *texts)


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


def _arabic_ratio(settings: TextSettings) -> pl.Expr:
    """The share of Arabic letters as it is measured; where addresses are kept, without them: they are no language."""
    if settings.urls == "drop" and settings.emails == "drop":
        return _measured("arabic_ratio")
    return measure.arabic_ratio_expr(pl.col("_text").str.replace_all(markup.ADDRESS, " "))


def _without_foreign_paragraphs() -> pl.Expr:
    """The messages of prose without paragraphs in Latin letters; whole where nothing else is in them."""
    content = pl.element().struct.field("content")
    cut = content.str.replace_all(markup.FOREIGN_LINE, "").str.strip_chars_end("\n")
    left = pl.when(cut.str.contains(r"\S")).then(cut).otherwise(content)
    messages = pl.col("messages").list.eval(pl.element().struct.with_fields(left.alias("content")))
    return pl.when(pl.col("kind") == "prose").then(messages).otherwise("messages").alias("messages")


def _little_arabic(filters: FilterSettings, shape: Shape) -> pl.Expr:
    """Whether too few of the letters are Arabic; of Arabizi and of translations they cannot be."""
    little = pl.col("_ratio") < filters.min_arabic_ratio
    if "lang" in shape.columns:
        little &= pl.col("lang").fill_null("") != MANY
    return little & (pl.col("script") != script.ARABIZI) if filters.keep_arabizi else little


def _measured(what: str) -> pl.Expr:
    return pl.col("_found").struct.field(what)


def _quality() -> pl.Expr:
    fields = {
        "characters": _measured("characters"),
        "words": _measured("words"),
        "sentences": sentences.count_expr(pl.col("_text")),
        "arabic_ratio": _measured("arabic_ratio"),
        "diacritics_ratio": _measured("diacritics_ratio"),
        "alif_ya_merges": _measured("merged_words"),
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
