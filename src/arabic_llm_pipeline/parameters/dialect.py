"""Fields of the dialect tagger, and of the pipeline that trains its model."""

from typing import Self

from pydantic import Field, model_validator

from arabic_llm_pipeline.parameters.base import Settings
from arabic_llm_pipeline.parameters.classifier import ClassifierSettings, LabelledSource
from arabic_llm_pipeline.parameters.sources import NamedSources


class DialectSettings(Settings):
    """Which model tags texts, and when it says nothing."""

    model: str | None = Field(
        None,
        description="File of a trained model, from the project's folder; none: the one that comes with the package.",
    )
    min_score: float = Field(0.4, description="A text whose best score is lower is tagged `unknown`.", ge=0, le=1)


class DialectSource(LabelledSource):
    """A source of texts whose dialect is known: one dialect for all, or a column of it."""

    buckwalter: bool = Field(False, description="The text is in Buckwalter's transliteration.")
    marked: bool = Field(
        False,
        description="The dialect is that of the texts' origin: train only on those with a word of it.",
    )
    per_dialect: int | None = Field(
        None, description="Train on at most so many texts of each dialect, chosen by hash; none: on all.", gt=0
    )

    @model_validator(mode="after")
    def _dialect_is_known(self) -> Self:
        if self.record != "document":
            raise ValueError(f"a source of dialects has documents, not records of {self.record}")
        if self.seed is not None:
            raise ValueError("`seed` samples a source of the corpus; of dialects `per_dialect` draws texts")
        if not self.dialect and "dialect" not in {*self.columns, *self.constants}:
            raise ValueError("say its dialect: `dialect`, or the column of it in `columns`")
        return self


class DialectSources(NamedSources[DialectSource]):
    """All sources of texts whose dialect is known."""


SAMPLE = DialectSources({
    "sample_documents": DialectSource(
        format="jsonl",
        path="dialects/documents.jsonl",
        licence="Apache-2.0",
        columns={"text": "text", "dialect": "dialect"},
        test=0.2,
    ),
    "sample_sentences": DialectSource(
        format="tsv",
        path="dialects/sentences.tsv.gz",
        licence="Apache-2.0",
        columns={"text": "text", "dialect": "dialect"},
        test=0.2,
    ),
})  # fmt: skip


class DialectModelSettings(ClassifierSettings):
    """Training a model for the tagger."""

    sources: DialectSources = Field(SAMPLE, description="Texts whose dialect is known.")
