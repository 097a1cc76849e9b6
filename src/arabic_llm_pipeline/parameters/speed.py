"""Fields of how fast models read and write."""

from typing import Literal

from pydantic import Field

from arabic_llm_pipeline.parameters.base import Settings

Form = Literal["adapter", "merged"]


class SpeedSettings(Settings):
    """What is timed; the figures are of the machine that the run is on."""

    forms: tuple[Form, ...] = Field(
        ("adapter", "merged"),
        description="How a stage is held: an adapter beside the base, or both in one; none: skip.",
    )
    batch_sizes: tuple[int, ...] = Field(
        (1, 8), description="Prompts at once; a size that memory does not hold says so."
    )
    prompt_tokens: int = Field(128, description="Tokens that are read before the first is written.", ge=2)
    new_tokens: int = Field(32, description="Tokens written after each prompt, whatever they are.", ge=2)
    repeats: int = Field(5, description="Times each batch size is run and timed; the interval is over them.", ge=1)
    warm_up: int = Field(1, description="Runs before, not timed: the first ones compile and fill caches.", ge=1)
    resamples: int = Field(1000, description="Bootstrap resamples for an interval.", ge=100)
