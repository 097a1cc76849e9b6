"""Fields of what reads, cleans, filters, deduplicates and splits the corpus."""

from typing import Literal, Self

from pydantic import Field, model_validator

from arabic_llm_pipeline.parameters.base import Settings, neutral


class EngineSettings(Settings):
    """How work is spread: none of it changes a result, but for the size of a shard, which is what files hold."""

    processes: int = neutral(0, "Processes that share the shards; 0: one for each core.", ge=0)
    rows_per_shard: int = Field(
        64_000, description="Records in a shard: fewer take less memory, more make fewer files.", ge=1
    )


class IngestSettings(Settings):
    """Reading raw files."""

    max_line_mb: float = Field(1.0, description="Longer lines and records are rejected, in MB of UTF-8.", gt=0)
    check_records: int = neutral(200, "Records of each file that the pipeline `sources` reads.", ge=1)
    max_reject_ratio: float = Field(
        0.2, description="Share of unreadable records of one source that stops the run.", ge=0, le=1
    )


class TextSettings(Settings):
    """The text that is kept and taught: repaired, not unified, by default."""

    taught: Literal["text", "text_normalized"] = Field(
        "text",
        description="What a model is trained on: the kept text, or it with Alif and Ya unified and no diacritics.",
    )
    nfc: bool = Field(True, description="Compose letters with their marks (Unicode NFC).")
    presentation_forms: bool = Field(
        True, description="Replace positional glyphs of old encodings and PDFs by their letters."
    )
    ligatures: Literal["keep", "expand"] = Field(
        "keep", description="Whole words written as one sign (honorifics): keep, or spell out."
    )
    persian_letters: Literal["keep", "arabic"] = Field(
        "arabic", description="Letters of Persian and Urdu keyboards (another Kaf, Yeh, Heh): keep, or the Arabic ones."
    )
    tatweel: bool = Field(True, description="Remove the stretching line inside words.")
    elongation: Literal["keep", "shorten"] = Field(
        "keep", description="Letters written many times for emphasis: keep, or write them once."
    )
    controls: bool = Field(True, description="Remove control, zero-width and direction characters.")
    markup: bool = Field(True, description="Remove HTML tags and entities.")
    urls: Literal["keep", "drop"] = Field("drop", description="Web addresses in the text.")
    emails: Literal["keep", "drop"] = Field("drop", description="Mail addresses in the text.")
    other_scripts: Literal["keep", "drop"] = Field("keep", description="Letters that are neither Arabic nor Latin.")
    spaces: bool = Field(True, description="Make runs of spaces one, and of empty lines one.")
    diacritics: Literal["keep", "strip", "keep_vocalised"] = Field(
        "keep", description="Short vowels: keep, strip, or keep only where the text is vocalised throughout."
    )
    alif: bool = Field(False, description="Unify the forms of Alif.")
    ya: bool = Field(False, description="Unify Alif Maqsura with Ya.")
    ta_marbuta: bool = Field(False, description="Write Ta Marbuta as Ha.")
    hamza_carriers: bool = Field(False, description="Write Hamza on Waw and Ya as its carrier.")
    digits: Literal["keep", "western", "arabic_indic"] = Field(
        "keep", description="Digits: as they are, or all of one kind."
    )


class FilterSettings(Settings):
    """Which records are dropped after cleaning; each with its reason."""

    min_words: int = Field(3, description="Prose of fewer words is dropped (too_short); answers may be one word.", ge=0)
    max_characters: int = Field(1_000_000, description="Longer records are dropped (too_long).", gt=0)
    min_arabic_ratio: float = Field(
        0.5,
        description="Documents and pairs with a lower share of Arabic among their letters are dropped (little_arabic).",
        ge=0,
        le=1,
    )


class NearSettings(Settings):
    """Records that are nearly the same: MinHash over shingles of words, candidates compared by their shingles."""

    enabled: bool = Field(True, description="Drop all but one of records that are nearly equal.")
    scope: list[Literal["prose", "instruction", "conversation", "pair"]] = Field(
        ["prose"], description="Kinds of documents that are compared, and preference pairs; each only among its table."
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


class DuplicatesSettings(Settings):
    """Duplicates, and training text that holds evaluation prompts."""

    exact: bool = Field(True, description="Drop all but the first of records that are equal but for spelling variants.")
    contamination: bool = Field(True, description="Drop training records that hold the prompt of an evaluation item.")
    min_prompt_words: int = Field(
        8, description="A prompt of fewer words counts as held only by an equal prompt, not within a longer text.", ge=1
    )
    near: NearSettings = Field(NearSettings(), description="Near duplicates.")


class SplitsSettings(Settings):
    """Shares of records whose source brings no split of its own."""

    dev: float = Field(0.02, description="Share that settings are chosen on.", ge=0, lt=1)
    test: float = Field(0.02, description="Share that figures come from.", ge=0, lt=1)
    seed: int = Field(0, description="Of the hash: another one is another split.")

    @model_validator(mode="after")
    def _leave_something(self) -> Self:
        if self.dev + self.test >= 1:
            raise ValueError(f"dev {self.dev} and test {self.test} leave nothing to train on")
        return self
