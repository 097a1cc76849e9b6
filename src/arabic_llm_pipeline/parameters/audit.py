"""Fields of what looks for what a text should not hold."""

from typing import Literal, Self

from pydantic import Field, model_validator

from arabic_llm_pipeline.parameters.base import Settings
from arabic_llm_pipeline.parameters.classifier import ClassifierSettings, LabelledSource
from arabic_llm_pipeline.parameters.shapes import RecordKind
from arabic_llm_pipeline.parameters.sources import NamedSources

Policy = Literal["keep", "mask", "drop"]
KeepOrDrop = Literal["keep", "drop"]
Toxicity = Literal["normal", "toxic"]


class PiiSettings(Settings):
    """What is done to personal data in documents and pairs: keep; mask, by a word in brackets; drop the record."""

    email: Policy = Field("keep", description="Mail addresses; text.emails takes them out before, unless it says keep.")
    url: Policy = Field("keep", description="Web addresses; text.urls takes them out before, unless it says keep.")
    phone: Policy = Field("mask", description="Telephone numbers of Arab countries, by their numbering plans.")
    iban: Policy = Field("mask", description="Bank accounts with a right checksum (ISO 13616, modulo 97).")
    national_id: Policy = Field(
        "mask",
        description="Numbers of persons of Saudi Arabia, the Emirates, Kuwait, Egypt, by their check digit or date.",
    )
    ip: Policy = Field("keep", description="Internet addresses, versions 4 and 6; numbers of versions look the same.")


class ToxicitySettings(Settings):
    """How toxicity is told, and what is done about it."""

    policy: KeepOrDrop = Field("keep", description="drop: a record with a toxic piece goes, with the reason `toxic`.")
    model: str | None = Field(
        None, description="File of a trained model, from the project's folder; none: the list of words tells alone."
    )
    by: Literal["both", "model", "lexicon"] = Field(
        "both", description="Who tells: the model, the list of words, or whoever of the two finds a piece more toxic."
    )
    threshold: float = Field(0.5, description="A piece of 60 words with this score is toxic.", gt=0, le=1)

    @model_validator(mode="after")
    def _has_a_model(self) -> Self:
        if self.by == "model" and self.model is None:
            raise ValueError("by=model needs `model`, a file that `kedro run --pipelines=toxicity_model` made")
        return self


class GroupsSettings(Settings):
    """Records that mention groups of people (arabic/data/group_words.tsv): keep, or drop with reason and count."""

    gender: KeepOrDrop = Field("keep", description="Women, men.")
    religion: KeepOrDrop = Field("keep", description="Muslims, Christians, Jews and others.")
    nationality: KeepOrDrop = Field("keep", description="Plurals of nationalities; refugees.")
    ethnicity: KeepOrDrop = Field("keep", description="Peoples and tribes.")


class AuditSettings(Settings):
    """What is counted in the corpus as it will be taught."""

    sample: int | None = Field(
        2000, description="Records of each source that are looked at, drawn by a hash of their ids; none: all.", gt=0
    )
    window: int = Field(
        10, description="Words on either side of a group's mention that are said to be around it.", ge=1, le=100
    )


class CardSettings(Settings):
    """What people call the corpus."""

    name: str = Field("Arabic corpus", description="Name of the corpus on its data card.", min_length=1)
    summary: str = Field(
        "An Arabic corpus, cleaned, compared and split, with its sources and what was taken out.",
        description="A sentence or two on what it is for.",
    )


class ToxicitySource(LabelledSource):
    """A source of texts that people judged: a column of what they said, as the `answers` of an item."""

    record: RecordKind = Field("item", description="Always an item: `prompt` is the text, `answers` the label.")
    task: str | None = Field("toxicity", description="Of the items.")
    classes: dict[str, Toxicity] = Field(
        default_factory=dict, description="What the source's labels mean; texts with another label are left out."
    )

    @model_validator(mode="after")
    def _is_item(self) -> Self:
        if self.record != "item":
            raise ValueError(f"a source of judged texts has items, not records of {self.record}")
        return self


class ToxicitySources(NamedSources[ToxicitySource]):
    """All sources of texts that people judged."""


class ToxicityModelSettings(ClassifierSettings):
    """Training a model for the audit."""

    sources: ToxicitySources = Field(
        ToxicitySources({}), description="Texts that people judged; conf/toxicity names public ones."
    )
