"""Fields of what is measured by the likelihood of choices: multiple choice, classification, culture."""

from typing import Literal

from pydantic import Field, field_validator

from arabic_llm_pipeline.parameters.base import Settings

Format = Literal["question_answer", "chat", "bare"]
Way = Literal["letters", "answers", "listed_answers"]
Rule = Literal["sum", "characters", "bytes", "tokens", "unconditional"]


class ChoicesSettings(Settings):
    """How questions with choices are put, and how a choice is told to be the model's."""

    items: int = Field(100, description="Test items asked of each set, at most; 0: all.", ge=0)
    dev_items: int = Field(20, description="Development items of each task that choose the base's format.", ge=0)
    formats: tuple[Format, ...] = Field(
        ("question_answer", "chat"),
        description="Prompt formats tried with the base; of equal ones the first counts. Stages are asked in chat.",
        min_length=1,
    )
    shots: tuple[int, ...] = Field(
        (0, 3), description="Examples shown before a question: of its family, of its task where that has too few."
    )
    ways: tuple[Way, ...] = Field(
        ("letters", "answers"),
        description="Multiple choice: letters (choices are listed, a letter is scored), answers (none listed, texts "
        "are scored), listed_answers (listed, texts are scored).",
        min_length=1,
    )
    letters: Literal["arabic", "latin"] = Field("arabic", description="What choices are lettered by.")
    rules: tuple[Rule, ...] = Field(
        ("sum", "characters", "bytes", "tokens", "unconditional"),
        description="What of an answer's log-probability counts: all of it, by character, byte or token, or what the "
        "question adds to it.",
        min_length=1,
    )
    contextual: bool = Field(True, description="Classification: also with contextual calibration.")
    content_free: tuple[str, ...] = Field(
        ("N/A", "[MASK]", ""), description="Contextual calibration: texts that say nothing.", min_length=1
    )
    culture: tuple[str, ...] = Field(("acva",), description="Tasks that are about culture, and reported as such.")
    bins: int = Field(10, description="Bins of equal mass of the calibration error.", ge=2)
    batch_size: int = Field(
        64, description="Sequences at once; another number may change the last digits of scores.", ge=1
    )
    resamples: int = Field(1000, description="Bootstrap resamples for an interval.", ge=100)

    @field_validator("shots")
    @classmethod
    def _some(cls, shots: tuple[int, ...]) -> tuple[int, ...]:
        if not shots or min(shots) < 0 or len(set(shots)) < len(shots):
            raise ValueError(f"shots are numbers of examples, 0 or more, each once; they are {list(shots)}")
        return shots
