"""Fields of the evaluation by people: what a sheet asks, and where filled ones lie."""

from typing import Literal, Self

from pydantic import Field, model_validator

from arabic_llm_pipeline.parameters.base import Settings

Axis = Literal["fluency", "coherence", "correctness", "dialect"]
Design = Literal["scales", "pairs"]
Answers = Literal["exact", "writing"]
AXES: tuple[Axis, ...] = Axis.__args__  # type: ignore[attr-defined]

FILLED = "filled"  # the name of the filled sheets among files from outside


class HumanSettings(Settings):
    """What people are asked about the candidates' answers; they do not learn whose answer it is."""

    design: Design = Field(
        "scales",
        description="scales: each answer by itself; pairs: which of two answers, a candidate's and its parent's.",
    )
    axes: tuple[Axis, ...] = Field(AXES, description="What is asked of each answer or pair.", min_length=1)
    of: tuple[Answers, ...] = Field(
        ("exact", "writing"),
        description="Whose answers: exact: to items with accepted answers; writing: questions on a text, translations, "
        "free answers, instructions, talk in dialect.",
        min_length=1,
    )
    points: int = Field(5, description="Of a scale: 1 is the worst, this the best.", ge=2, le=9)
    items: int = Field(8, description="Test items of each dialect in each of these, at most; 0: all.", ge=0)
    accepted: bool = Field(True, description="Whether accepted answers stand beside the question.")
    filled: tuple[str, ...] = Field(
        (), description="Filled sheets, one CSV a rater: paths and globs, from data_root. human_score reads them."
    )
    partial: bool = Field(False, description="Whether sheets with empty cells count, for what is filled in.")
    resamples: int = Field(1000, description="Bootstrap resamples of items for an interval.", ge=100)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for name, values in (("axes", self.axes), ("of", self.of)):
            if len(set(values)) < len(values):
                raise ValueError(f"{name} {values} name one twice")
        return self
