"""The parameter behind each reason, and the threshold that a dropped record's value is to be read beside."""

from dataclasses import dataclass

from arabic_llm_pipeline.corpus.contamination import IN_EVALUATION, OVERLAPS_EVALUATION
from arabic_llm_pipeline.corpus.near import NEAR_DUPLICATE, NEAR_EVALUATION
from arabic_llm_pipeline.corpus.quality import limit_of, reason_of
from arabic_llm_pipeline.parameters.duplicates import DuplicatesSettings
from arabic_llm_pipeline.parameters.quality import ProseLimits, QualitySettings
from arabic_llm_pipeline.parameters.text import FilterSettings

OF_PROSE = {reason_of(name): name for name in ProseLimits.model_fields}  # reason -> field
OF_RECORDS = {"too_short": "min_words", "too_long": "max_characters", "little_arabic": "min_arabic_ratio"}
OF_ANSWERS = {
    "repeats_question": "max_likeness",
    "untranslated": "max_latin",
    "doubled_words": "max_doubled",
    "loop": "max_loop",
    "short_answer": "min_length_ratio",
    "long_answer": "max_length_ratio",
}


@dataclass(frozen=True)
class Limit:
    """A threshold, and the parameter that sets it."""

    parameter: str
    threshold: float


@dataclass(frozen=True)
class Deciding:
    """The settings that decide which records go."""

    filters: FilterSettings
    quality: QualitySettings
    duplicates: DuplicatesSettings

    def limit(self, reason: str, dialect: str | None = None) -> Limit | None:
        """The threshold of a reason for a record of a dialect; None where it has none."""
        parameter, threshold = self._found(reason, dialect)
        return None if threshold is None else Limit(parameter, threshold)

    def _found(self, reason: str, dialect: str | None) -> tuple[str, float | None]:
        if reason in OF_PROSE:
            return self._of_prose(OF_PROSE[reason], dialect)
        if reason in OF_RECORDS:
            return f"filters.{OF_RECORDS[reason]}", getattr(self.filters, OF_RECORDS[reason])
        if reason in OF_ANSWERS:
            return f"quality.answers.{OF_ANSWERS[reason]}", getattr(self.quality.answers, OF_ANSWERS[reason])
        if reason in {NEAR_DUPLICATE, NEAR_EVALUATION}:
            return "duplicates.near.threshold", self.duplicates.near.threshold
        if reason == OVERLAPS_EVALUATION:
            return "duplicates.overlap.share", self.duplicates.overlap.share
        if reason == IN_EVALUATION:
            return "duplicates.min_prompt_words", self.duplicates.min_prompt_words
        return "quality.max_mojibake", self.quality.max_mojibake if reason == "mojibake" else None

    def _of_prose(self, name: str, dialect: str | None) -> tuple[str, float | None]:
        threshold = limit_of(name, self.quality, dialect)
        own = threshold != limit_of(name, self.quality)
        return f"quality.dialects.{dialect}.{name}" if own else f"quality.limits.{name}", threshold
