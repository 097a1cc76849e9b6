"""Fields of what people look at: how much the report, the preview of the corpus and the page of tokens show."""

from typing import Literal

from pydantic import Field

from arabic_llm_pipeline.parameters.base import Settings


class ReportSettings(Settings):
    """How many samples the report holds; its figures are all there in any case."""

    answers_per_family: int = Field(
        2, description="Test items of each family shown with the answers of all candidates.", ge=0
    )
    dropped_per_reason: int = Field(3, description="Dropped rows shown for each reason.", ge=0)
    changes: int = Field(4, description="Documents shown as they were and as they became by cleaning.", ge=0)
    excerpt: int = Field(400, description="Characters after which a shown text is cut.", ge=40, le=10_000)
    watts: float | None = Field(
        None, description="What the device draws, for the estimate of energy; null: by its name.", gt=0
    )


class PreviewSettings(Settings):
    """How many records the preview of the corpus shows; the page ends at 5 MB in any case, and says so."""

    rows_per_reason: int = Field(10, description="Records that went, for each table, source and reason.", ge=0)
    kept_per_dialect: int = Field(5, description="Records that stayed, for each table, source and dialect.", ge=0)
    characters: int = Field(
        600, description="Characters after which each message of a record is cut.", ge=40, le=10_000
    )


class InspectSettings(Settings):
    """Which windows of the token stores are shown, decoded."""

    splits: tuple[Literal["train", "dev", "test"], ...] = Field(("train",), description="Splits that are shown.")
    each: int = Field(2, description="Windows of each source and dialect.", ge=1)
