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


class ProseLimits(Settings):
    """What a piece of prose may be like; null turns a rule off.

    The figures are FineWeb-2's for standard Arabic (configs/arb_Arab.yml) where it has its own, else the ones that it
    takes from Gopher and FineWeb for all languages.
    """

    min_words: int | None = Field(50, description="Fewer words: few_words. Gopher.", ge=0)
    max_words: int | None = Field(100_000, description="More words: many_words. Gopher.", ge=0)
    min_word_length: float | None = Field(2, description="Mean letters of a word; below: short_words. FineWeb-2.", ge=0)
    max_word_length: float | None = Field(9, description="Mean letters of a word; above: long_words. FineWeb-2.", ge=0)
    max_symbols: float | None = Field(0.1, description="Hashes and ellipses for each token: symbols. Gopher.", ge=0)
    min_alphabetic: float | None = Field(
        0.787, description="Tokens with a letter, of all: few_letters. FineWeb-2.", ge=0, le=1
    )
    max_bullet_lines: float | None = Field(0.9, description="Lines with a bullet: bullet_lines. Gopher.", ge=0, le=1)
    max_ellipsis_lines: float | None = Field(
        0.3, description="Lines that end in an ellipsis: ellipsis_lines. Gopher.", ge=0, le=1
    )
    max_duplicate_lines: float | None = Field(
        0.304, description="Lines that stood before, of all: duplicate_lines. FineWeb-2.", ge=0, le=1
    )
    max_duplicate_line_characters: float | None = Field(
        0.1, description="Characters in such lines, of all: duplicate_line_characters. FineWeb-2.", ge=0, le=1
    )
    min_line_punctuation: float | None = Field(
        0.143,
        description="Lines that end in punctuation, of all; none at all passes: line_punctuation. FineWeb-2; 0.05 in "
        "AraMix (arXiv 2512.18834), as many Arabic pages have no punctuation.",
        ge=0,
        le=1,
    )
    max_new_lines: float | None = Field(0.189, description="Line breaks for each token: new_lines. FineWeb-2.", ge=0)
    max_top_2grams: float | None = Field(
        0.197, description="Characters in the most frequent run of two tokens: top_2grams. FineWeb-2.", ge=0
    )
    max_top_3grams: float | None = Field(0.172, description="The same of three tokens. FineWeb-2.", ge=0)
    max_top_4grams: float | None = Field(0.146, description="The same of four tokens. FineWeb-2.", ge=0)
    max_duplicate_5grams: float | None = Field(
        0.165, description="Characters in runs of five tokens that stood before: duplicate_5grams. FineWeb-2.", ge=0
    )
    max_duplicate_6grams: float | None = Field(0.153, description="The same of six tokens. FineWeb-2.", ge=0)
    max_duplicate_7grams: float | None = Field(0.142, description="The same of seven tokens. FineWeb-2.", ge=0)
    max_duplicate_8grams: float | None = Field(0.131, description="The same of eight tokens. FineWeb-2.", ge=0)
    max_duplicate_9grams: float | None = Field(0.12, description="The same of nine tokens. FineWeb-2.", ge=0)
    max_duplicate_10grams: float | None = Field(0.109, description="The same of ten tokens. FineWeb-2.", ge=0)


class DialectLimits(Settings):
    """The limits that FineWeb-2 sets by language; for one dialect, in the place of those of `limits`."""

    min_word_length: float | None = Field(2, description="As in limits.", ge=0)
    max_word_length: float | None = Field(9, description="As in limits.", ge=0)
    min_alphabetic: float | None = Field(0.787, description="As in limits.", ge=0, le=1)
    max_duplicate_lines: float | None = Field(0.304, description="As in limits.", ge=0, le=1)
    min_line_punctuation: float | None = Field(0.143, description="As in limits.", ge=0, le=1)
    max_new_lines: float | None = Field(0.189, description="As in limits.", ge=0)


def _dialect(*values: float | None) -> DialectLimits:
    return DialectLimits(**dict(zip(DialectLimits.model_fields, values, strict=True)))


class DialectsLimits(Settings):
    """One set of limits a dialect, by FineWeb-2's configuration of its nearest language."""

    EGY: DialectLimits = Field(
        _dialect(3, 8, 0.83, 0.368, 0.188, 0.308), description="Egyptian (FineWeb-2's arz_Arab)."
    )
    GLF: DialectLimits = Field(
        _dialect(2, 12, 0.75, 0.486, None, 0.25),
        description="Gulf: FineWeb-2's acm_Arab, of Iraq, is the nearest that it has.",
    )
    LEV: DialectLimits = Field(_dialect(2, 8, 0.857, 0.334, None, 0.25), description="Levantine (apc_Arab).")
    MGR: DialectLimits = Field(
        _dialect(3, 7, 0.743, 0.32, 0.111, 0.162), description="Maghrebi: FineWeb-2's ary_Arab, of Morocco."
    )


class AnswerLimits(Settings):
    """What the answer of an instruction or conversation may be like; null turns a rule off."""

    max_likeness: float | None = Field(
        0.9,
        description="Runs of three words that question and answer share, of all in either (0 to 1): repeats_question.",
        ge=0,
        le=1,
    )
    refusals: bool = Field(
        True, description="Drop answers that open with a refusal or say that a machine speaks: refusal."
    )
    max_latin: float | None = Field(
        0.3,
        description="Latin words of an answer to a question that has none and asks for none: untranslated.",
        ge=0,
        le=1,
    )
    min_length_ratio: float | None = Field(
        None, description="Words of the answers for each word of the questions, at least: short_answer.", ge=0
    )
    max_length_ratio: float | None = Field(
        None, description="Words of the answers for each word of the questions, at most: long_answer.", ge=0
    )


class QualitySettings(Settings):
    """Rules of quality that tell a text worth learning from by what it looks like."""

    rules: Literal["none", "basic", "encyclopedia", "web"] = Field(
        "none",
        description="Which rules there are. basic: wrong decodings and answers; encyclopedia: also limits for prose "
        "on word length and repetition; web: all.",
    )
    by_dialect: bool = Field(True, description="Let the dialects' own limits take the place of the general ones.")
    max_mojibake: float | None = Field(
        0.02, description="Characters that come of a wrong decoding, of all: mojibake; any kind of text.", ge=0, le=1
    )
    limits: ProseLimits = Field(ProseLimits(), description="Limits for prose.")
    dialects: DialectsLimits = Field(DialectsLimits(), description="Limits of the dialects, where they differ.")
    answers: AnswerLimits = Field(AnswerLimits(), description="Limits for instructions and conversations.")


Policy = Literal["keep", "mask", "drop"]


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
