"""The threshold beside each reason."""

import pytest

from arabic_llm_pipeline.corpus import near, quality
from arabic_llm_pipeline.corpus.contamination import IN_EVALUATION, OVERLAPS_EVALUATION
from arabic_llm_pipeline.corpus.limits import Deciding, Limit
from arabic_llm_pipeline.parameters.duplicates import DuplicatesSettings
from arabic_llm_pipeline.parameters.quality import AnswerLimits, ProseLimits, QualitySettings
from arabic_llm_pipeline.parameters.root import Parameters
from arabic_llm_pipeline.parameters.text import FilterSettings

ALL = QualitySettings(
    rules="web",
    limits=ProseLimits(max_bullet_lines=0.9),
    answers=AnswerLimits(min_length_ratio=0.1, max_length_ratio=9),
)
DECIDING = Deciding(FilterSettings(), ALL, DuplicatesSettings())
WITHOUT = {"refusal", "scaffold"}  # one phrase, one mark is enough


@pytest.mark.parametrize("table", ["documents", "pairs"])
def test_every_rule_has_its_threshold(table: str) -> None:
    reasons = {rule.reason for rule in quality.rules(ALL, table)} - WITHOUT
    reasons |= {
        "too_short",
        "too_long",
        "little_arabic",
        near.NEAR_DUPLICATE,
        near.NEAR_EVALUATION,
        IN_EVALUATION,
        OVERLAPS_EVALUATION,
    }
    assert all(DECIDING.limit(reason) for reason in reasons)


def test_the_parameter_is_one_that_can_be_typed() -> None:
    every = Parameters.model_validate({"sources": {}})
    deciding = Deciding(every.filters, ALL, every.duplicates)
    for reason in ("too_short", "few_words", "near_duplicate", "untranslated", "mojibake", "in_evaluation"):
        limit = deciding.limit(reason)
        assert limit
        value = every
        for name in limit.parameter.split("."):
            value = getattr(value, name)
        assert value == limit.threshold


def test_a_dialect_has_its_own() -> None:
    assert DECIDING.limit("long_words") == Limit("quality.limits.max_word_length", 9)
    assert DECIDING.limit("long_words", "EGY") == Limit("quality.dialects.EGY.max_word_length", 8)
    assert DECIDING.limit("duplicate") is None
    assert Deciding(FilterSettings(), QualitySettings(), DuplicatesSettings()).limit("few_words") is None
