"""Fields of what a model writes: answers, translations, texts, instructions that rules check; and of its spelling."""

from pydantic import Field

from arabic_llm_pipeline.parameters.base import Settings
from arabic_llm_pipeline.parameters.evaluate import Format
from arabic_llm_pipeline.parameters.sources import Dialect


class WritingSettings(Settings):
    """What every candidate is asked to write, and how its answers are scored."""

    items: int = Field(40, description="Test items asked of each source, at most; 0: all.", ge=0)
    held_out: int = Field(
        20,
        description="Instructions of the test split asked of each source, at most, scored as free answers; 0: none.",
        ge=0,
    )
    instructions: int = Field(0, description="Prompts whose answers rules check, at most; 0: all.", ge=0)
    dialect_texts: int | None = Field(
        0,
        description="Texts of each kind of the set in five varieties that comes with the package; 0: all; null: none.",
        ge=0,
    )
    formats: tuple[Format, ...] = Field(
        ("question_answer", "bare"),
        description="Prompt formats tried with the base on development items; without any, the first counts.",
        min_length=1,
    )
    dev_items: int = Field(10, description="Development items of each source that choose the base's format.", ge=0)
    answer_tokens: int = Field(24, description="Tokens after which an answer to a question is cut.", ge=1)
    translation_tokens: int = Field(96, description="Tokens after which a translation is cut.", ge=1)
    text_tokens: int = Field(96, description="Tokens after which a free answer or a text by rules is cut.", ge=1)
    temperature: float = Field(0.0, description="0: greedy; above: answers are drawn by the seed.", ge=0, le=2)
    top_p: float = Field(1.0, description="Drawn answers: the probability that the drawn tokens hold.", gt=0, le=1)
    no_answer: tuple[str, ...] = Field(
        ("لا جواب", "لا يوجد جواب", "لا توجد إجابة", "الجواب غير موجود في النص"),
        description="What counts as saying that a text has no answer, beside saying nothing; the first is asked for.",
        min_length=1,
    )
    tell_no_answer: bool = Field(
        True,
        description="Sources with unanswerable questions: each prompt says what to write where there is no answer.",
    )
    batch_size: int = Field(
        64, description="Prompts at once; another number may change the last digits of logits.", ge=1
    )
    resamples: int = Field(1000, description="Bootstrap resamples for an interval.", ge=100)


class SpellingSettings(Settings):
    """The reference list of spellings, built from the training split."""

    dialects: tuple[Dialect, ...] = Field(
        ("MSA",), description="Dialects of the documents; others have spellings of their own.", min_length=1
    )
    documents: int = Field(20_000, description="Training documents of each kind that are read, at most; 0: all.", ge=0)
    min_count: int = Field(
        5, description="Occurrences of a word, in all its spellings, below which it is left out.", ge=1
    )
    dominance: float = Field(
        0.9,
        description="Share of its occurrences that one spelling must have to count as the right one.",
        gt=0.5,
        le=1,
    )
