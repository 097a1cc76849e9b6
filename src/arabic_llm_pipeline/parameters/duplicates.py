"""Fields of what finds duplicates and contamination, and of the shares of train, dev and test."""

from typing import Literal, Self

from pydantic import Field, model_validator

from arabic_llm_pipeline.parameters.base import Settings


class NearSettings(Settings):
    """Records that are nearly the same: MinHash over shingles of words, candidates compared by their shingles."""

    enabled: bool = Field(True, description="Drop all but one of records that are nearly equal.")
    scope: list[Literal["prose", "instruction", "conversation", "pair", "feedback"]] = Field(
        ["prose"], description="Kinds of documents that are compared, pairs, feedback; each only among its table."
    )
    threshold: float = Field(
        0.8, description="Share of two records' shingles that both have, from which one of them goes.", gt=0, le=1
    )
    stays: Literal["first", "longest"] = Field(
        "first",
        description="Which of a cluster stays, what is held out apart: the first (sources by name), or longest.",
    )
    shingle: int = Field(5, description="Words in a shingle; records of fewer are compared only as a whole.", ge=1)
    bands: int = Field(14, description="Bands of a signature: two records that agree in one are compared.", ge=1)
    rows: int = Field(8, description="Hashes in a band.", ge=1)


class OverlapSettings(Settings):
    """Evaluation prompts of which a training record has most: by runs of words that both have."""

    words: int = Field(8, description="Words in a run; prompts of fewer are not compared.", ge=1)
    share: float | None = Field(
        0.7,
        description="Share of a prompt's runs that must stand in a record; null: only whole prompts count.",
        gt=0,
        le=1,
    )


class DuplicatesSettings(Settings):
    """Duplicates, and training text that holds evaluation prompts."""

    exact: bool = Field(True, description="Drop all but the first of records that are equal but for spelling variants.")
    contamination: bool = Field(True, description="Drop training records that hold the prompt of an evaluation item.")
    min_prompt_words: int = Field(
        8, description="A prompt of fewer words counts as held only by an equal prompt, not within a longer text.", ge=1
    )
    overlap: OverlapSettings = Field(OverlapSettings(), description="Records that hold most of a prompt.")
    near: NearSettings = Field(NearSettings(), description="Near duplicates.")


class Shares(Settings):
    """Shares of dev and test."""

    dev: float = Field(0.02, description="Share that settings are chosen on.", ge=0, le=1)
    test: float = Field(0.02, description="Share that figures come from.", ge=0, le=1)

    @model_validator(mode="after")
    def _leave_nothing_twice(self) -> Self:
        if self.dev + self.test > 1:
            raise ValueError(f"dev {self.dev} and test {self.test} are more than there is")
        return self


class SplitsSettings(Shares):
    """Shares of records whose source brings no split of its own."""

    seed: int = Field(0, description="Of the hash: another one is another split.")
    sources: dict[str, Shares] = Field(
        default_factory=dict,
        description="Other shares for a source by name: of a small one, enough to measure on.",
    )

    @model_validator(mode="after")
    def _leave_something(self) -> Self:
        if self.dev + self.test >= 1:
            raise ValueError(f"dev {self.dev} and test {self.test} leave nothing to train on")
        return self
