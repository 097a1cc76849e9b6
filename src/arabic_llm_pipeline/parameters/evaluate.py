"""Fields of the evaluation: what is measured, on how much, and how."""

from typing import Literal

from pydantic import Field

from arabic_llm_pipeline.parameters.base import Settings

Format = Literal["chat", "question_answer", "question_answer_3", "bare"]


class EvaluateSettings(Settings):
    """What every candidate is asked; all of them the same, in the same quantisation."""

    items: int = Field(0, description="Test items asked of each family, at most; 0: all.", ge=0)
    dev_items: int = Field(10, description="Development items of each family that choose the base's format.", ge=0)
    formats: tuple[Format, ...] = Field(
        ("chat", "question_answer", "question_answer_3", "bare"),
        description="Prompt formats tried with the base; of equal ones the first counts.",
        min_length=1,
    )
    max_new_tokens: int = Field(24, description="Tokens after which an answer is cut.", ge=1)
    pairs: int = Field(0, description="Test pairs scored, at most; 0: all.", ge=0)
    window: int = Field(256, description="Tokens that the model sees at once, in pairs.", ge=2)
    batch_size: int = Field(
        64, description="Sequences at once; another number may change the last digits of scores.", ge=1
    )
    resamples: int = Field(1000, description="Bootstrap resamples for an interval.", ge=100)
    training_prompts: int = Field(
        20_000, description="Training prompts in which the nearest-prompt baseline looks, at most; 0: all.", ge=0
    )
