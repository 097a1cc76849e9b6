"""Fields of the dry run."""

from typing import Self

from pydantic import Field, model_validator

from arabic_llm_pipeline.parameters.base import Settings


class DryRunSettings(Settings):
    """How the time and the memory of a recipe are found out before it is trained."""

    steps: int = Field(20, description="Optimizer steps of each stage; of a method with rounds, of one round.", ge=3)
    skipped: int = Field(
        3,
        description="Of them, at the beginning, those that are not timed: caches fill, kernels load.",
        ge=0,
    )

    @model_validator(mode="after")
    def _some_are_left(self) -> Self:
        if self.steps - self.skipped < 2:
            raise ValueError(f"steps {self.steps} less skipped {self.skipped} leaves fewer than two to measure")
        return self
