"""Fields of the dialect tagger, and of the pipeline that trains its model."""

from typing import Self

from pydantic import Field, model_validator

from arabic_llm_pipeline.parameters.base import Settings
from arabic_llm_pipeline.parameters.sources import NamedSources, SourceSettings


class DialectSettings(Settings):
    """Which model tags texts, and when it says nothing."""

    model: str | None = Field(
        None,
        description="File of a trained model, from the project's folder; none: the one that comes with the package.",
    )
    min_score: float = Field(0.4, description="A text whose best score is lower is tagged `unknown`.", ge=0, le=1)


class DialectSource(SourceSettings):
    """A source of texts whose dialect is known: one dialect for all, or a column of it."""

    buckwalter: bool = Field(False, description="The text is in Buckwalter's transliteration.")
    marked: bool = Field(
        False,
        description="The dialect is that of the texts' origin: train only on those with a word of it.",
    )
    weight: float = Field(1.0, description="What a text of it counts beside those of other sources.", gt=0)
    test: float = Field(0.0, description="Share of its texts that is only tested on; 1: all of them.", ge=0, le=1)
    per_dialect: int | None = Field(
        None, description="Train on at most so many texts of each dialect, chosen by hash; none: on all.", gt=0
    )

    @model_validator(mode="after")
    def _dialect_is_known(self) -> Self:
        if self.record != "document":
            raise ValueError(f"a source of dialects has documents, not records of {self.record}")
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


class DialectModelSettings(Settings):
    """Training a model for the tagger."""

    sources: DialectSources = Field(SAMPLE, description="Texts whose dialect is known.")
    licences: list[str] = Field(
        default_factory=list,
        description="Train only on sources of these licences, test on all; empty: train on all.",
    )
    piece_words: int = Field(60, description="Longer texts are cut; the tagger meets short ones, too.", ge=5)
    pieces: int = Field(2, description="Pieces that are taken of one text at most.", ge=1)
    near: float = Field(
        0.5,
        description="A text with this share of its word triples in one that is tested on is not trained on.",
        gt=0,
        le=1,
    )
    dev: float = Field(0.1, description="Share of the texts not tested on that scores are calibrated with.", gt=0, lt=1)
    bits: int = Field(18, description="Features are hashed into 2 to this power buckets of 5 bytes.", ge=8, le=24)
    cost: float = Field(1.0, description="C of the machine: higher fits the training texts closer.", gt=0)
    word_weight: float = Field(0.5, description="What words count beside character n-grams.", gt=0)
    min_texts: int = Field(2, description="Features of fewer texts are left out.", ge=1)
    divergence: float = Field(
        0.5,
        description="0: features count by how rare they are; above: also by this power of what they tell of dialects.",
        ge=0,
        le=2,
    )
    balance: float = Field(
        0.5, description="0: dialects count by their texts; 1: all the same; between: by a power.", ge=0, le=1
    )
    rounds: int = Field(12, description="Rounds over the training texts at most.", ge=1)
    seed: int = Field(0, description="Of the order of texts, and of the choice of what is tested on.")
