"""Rules of quality for records: each with its reason, and with the value that decided."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from arabic_llm_pipeline.arabic import measure
from arabic_llm_pipeline.arabic import quality as room
from arabic_llm_pipeline.corpus.keys import contents
from arabic_llm_pipeline.corpus.records import MANY
from arabic_llm_pipeline.parameters.quality import DialectsLimits, ProseLimits, QualitySettings

NAMES = {"word_length": ("short_words", "long_words"), "words": ("few_words", "many_words")}  # below, above
REASONS = {"alphabetic": "few_letters"}  # the others are called as what they measure
PROSE = ("encyclopedia", "web")  # the choices that look at prose
# Made for pages of the web. An encyclopedia has stubs of a sentence, which repeat their title; headings; lists in their
# own right; dates, numbers and foreign names in brackets, which are tokens without a letter.
WEB_ONLY = frozenset(
    {"min_words", "max_words", "max_bullet_lines", "max_ellipsis_lines", "min_line_punctuation", "max_new_lines"}
    | {"min_alphabetic", "max_top_2grams", "max_top_3grams", "max_top_4grams"}
)


@dataclass(frozen=True)
class Rule:
    """Why a record goes, whether this one does, and the value that says so (null where there is none)."""

    reason: str
    broken: pl.Expr
    value: pl.Expr = field(default_factory=lambda: pl.lit(None, pl.Float32))


def verdict(frame: pl.LazyFrame, rules: Sequence[Rule]) -> pl.LazyFrame:
    """With `reason` and `value` of the first rule that a record breaks; null where it breaks none."""
    broken = [rule.broken.fill_null(False).alias(f"_broken{number}") for number, rule in enumerate(rules)]
    reason, value = pl.lit(None, pl.String), pl.lit(None, pl.Float32)
    for number, rule in reversed(list(enumerate(rules))):  # the first rule is the outermost, and wins
        here = pl.when(pl.col(f"_broken{number}"))
        reason = here.then(pl.lit(rule.reason)).otherwise(reason)
        value = here.then(rule.value.cast(pl.Float32)).otherwise(value)
    return frame.with_columns(broken).with_columns(reason=reason, value=value)


def with_measures(frame: pl.LazyFrame, settings: QualitySettings, table: str) -> pl.LazyFrame:
    """With the columns that `rules` reads; only what some rule asks for is computed.

    Args:
        frame: records with their whole text as `_text`.
        settings: which rules there are.
        table: documents, pairs or feedback.
    """
    if settings.rules == "none":
        return frame
    wanted = {}
    if settings.max_mojibake is not None:
        wanted["_mojibake"] = room.mojibake_expr(pl.col("_text"))
    if table == "documents" and settings.rules in PROSE:
        wanted["_prose"] = room.measures_expr(pl.when(pl.col("kind") == "prose").then(pl.col("_text")))
    frame = frame.with_columns(**wanted, _asked=_asked(table), _answer=_answer(table))
    return frame.with_columns(**_answer_measures(settings, table))


def rules(settings: QualitySettings, table: str) -> list[Rule]:
    """The rules that are on, in the order in which they are asked."""
    if settings.rules == "none":
        return []
    found = []
    if settings.max_mojibake is not None:
        found.append(Rule("mojibake", pl.col("_mojibake") > settings.max_mojibake, pl.col("_mojibake")))
    if table == "documents" and settings.rules in PROSE:
        found += [rule for name in ProseLimits.model_fields if (rule := _prose_rule(name, settings))]
    return found + _answer_rules(settings, table)


def reason_of(limit: str) -> str:
    """What the rule of a limit gives as its reason: max_word_length -> long_words."""
    side, _, measured = limit.partition("_")
    return NAMES[measured][side == "max"] if measured in NAMES else REASONS.get(measured, measured)


def limit_of(name: str, settings: QualitySettings, dialect: str | None = None) -> float | None:
    """The limit that holds for a dialect; None where the rule is off."""
    if settings.rules not in PROSE or (settings.rules == "encyclopedia" and name in WEB_ONLY):
        return None
    if settings.by_dialect and dialect in DialectsLimits.model_fields:
        return getattr(getattr(settings.dialects, str(dialect)), name, getattr(settings.limits, name))
    return getattr(settings.limits, name)


def _prose_rule(name: str, settings: QualitySettings) -> Rule | None:
    """The rule of one limit for prose, with the limits of the dialects; None where it is off for all."""
    limits = {dialect: limit_of(name, settings, dialect) for dialect in (None, *DialectsLimits.model_fields)}
    if all(limit is None for limit in limits.values()):
        return None
    limit = pl.lit(limits.pop(None), pl.Float32)
    for dialect, own in limits.items():
        limit = pl.when(pl.col("dialect") == dialect).then(pl.lit(own, pl.Float32)).otherwise(limit)
    side, _, measured = name.partition("_")
    value = pl.col("_prose").struct.field(measured)
    broken = value > limit if side == "max" else value < limit
    if name == "min_line_punctuation":  # none at all is a way of writing: datatrove's line_punct_exclude_zero
        broken &= value > 0
    return Rule(reason_of(name), broken, value)


def _answer_measures(settings: QualitySettings, table: str) -> dict[str, pl.Expr]:
    """The columns that the rules on answers read."""
    limits, asked, answer = settings.answers, pl.col("_asked"), pl.col("_answer")
    found = {}
    if limits.max_likeness is not None:
        found["_likeness"] = room.likeness_expr(asked, answer)
    if limits.max_latin is not None:
        one_language = pl.lit(True) if table != "documents" else pl.col("lang").fill_null("") != MANY
        found["_latin"] = pl.when(one_language).then(room.residue_expr(asked, answer))
    if limits.refusals and table == "documents":
        found["_refusals"] = room.refusals_expr(answer)
    if limits.scaffolds:
        found["_scaffolds"] = room.scaffolds_expr(answer)
    if limits.max_doubled is not None:
        found["_doubled"] = room.doubled_expr(answer)
    if limits.max_loop is not None:
        found["_loop"] = room.loop_expr(answer)
    if table == "documents" and (limits.min_length_ratio is not None or limits.max_length_ratio is not None):
        words = measure.words_expr(asked)
        found["_length"] = pl.when(words > 0).then(measure.words_expr(answer) / words).cast(pl.Float32)
    return found


def _answer_rules(settings: QualitySettings, table: str) -> list[Rule]:
    """The rules on answers; of pairs it is the better answer, which may be a refusal, and rightly."""
    limits = settings.answers
    found = []
    if limits.max_likeness is not None:
        found.append(Rule("repeats_question", pl.col("_likeness") > limits.max_likeness, pl.col("_likeness")))
    if limits.refusals and table == "documents":
        found.append(Rule("refusal", pl.col("_refusals") > 0, pl.col("_refusals")))
    if limits.scaffolds:
        found.append(Rule("scaffold", pl.col("_scaffolds") > 0, pl.col("_scaffolds")))
    if limits.max_doubled is not None:
        found.append(Rule("doubled_words", pl.col("_doubled") > limits.max_doubled, pl.col("_doubled")))
    if limits.max_loop is not None:
        found.append(Rule("loop", pl.col("_loop") > limits.max_loop, pl.col("_loop")))
    if limits.max_latin is not None:
        found.append(Rule("untranslated", pl.col("_latin") > limits.max_latin, pl.col("_latin")))
    if limits.min_length_ratio is not None and table == "documents":
        found.append(Rule("short_answer", pl.col("_length") < limits.min_length_ratio, pl.col("_length")))
    if limits.max_length_ratio is not None and table == "documents":
        found.append(Rule("long_answer", pl.col("_length") > limits.max_length_ratio, pl.col("_length")))
    return found


def _asked(table: str) -> pl.Expr:
    """What the user said; null in prose."""
    if table != "documents":
        return contents("prompt")
    return pl.when(pl.col("kind") != "prose").then(_turns("user"))


def _answer(table: str) -> pl.Expr:
    """What was answered: of a pair the better answer, of feedback a good one; null in prose."""
    if table == "pairs":
        return pl.col("chosen")
    if table == "feedback":
        return pl.when(pl.col("label")).then(pl.col("completion"))
    return pl.when(pl.col("kind") != "prose").then(_turns("assistant"))


def _turns(role: str) -> pl.Expr:
    turn = pl.element().struct
    return (
        pl.col("messages")
        .list.eval(pl.element().filter(turn.field("role") == role).struct.field("content"))
        .list.join("\n")
    )
