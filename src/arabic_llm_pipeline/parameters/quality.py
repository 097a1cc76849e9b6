"""Fields of the rules of quality."""

from typing import Literal

from pydantic import Field

from arabic_llm_pipeline.parameters.base import Settings


class ProseLimits(Settings):
    """What a piece of prose may be like; null turns a rule off.

    The figures are FineWeb-2's for standard Arabic (configs/arb_Arab.yml) where it has its own, else the ones that it
    takes from Gopher and FineWeb for all languages; eight differ by what was read (docs/quality.md).
    """

    min_words: int | None = Field(50, description="Fewer words: few_words. Gopher.", ge=0)
    max_words: int | None = Field(100_000, description="More words: many_words. Gopher.", ge=0)
    min_word_length: float | None = Field(2, description="Mean letters of a word; below: short_words. FineWeb-2.", ge=0)
    max_word_length: float | None = Field(9, description="Mean letters of a word; above: long_words. FineWeb-2.", ge=0)
    max_symbols: float | None = Field(
        0.2, description="Hashes and ellipses for each token: symbols. Gopher has 0.1.", ge=0
    )
    min_alphabetic: float | None = Field(
        0.6, description="Tokens with a letter, of all: few_letters. FineWeb-2 has 0.787.", ge=0, le=1
    )
    max_bullet_lines: float | None = Field(
        None, description="Lines with a bullet: bullet_lines. Gopher has 0.9.", ge=0, le=1
    )
    max_ellipsis_lines: float | None = Field(
        None, description="Lines that end in an ellipsis: ellipsis_lines. Gopher has 0.3.", ge=0, le=1
    )
    max_duplicate_lines: float | None = Field(
        0.304, description="Lines that stood before, of all: duplicate_lines. FineWeb-2.", ge=0, le=1
    )
    max_duplicate_line_characters: float | None = Field(
        0.1, description="Characters in such lines, of all: duplicate_line_characters. FineWeb-2.", ge=0, le=1
    )
    min_line_punctuation: float | None = Field(
        0.05,
        description="Lines that end in punctuation, of all; none at all passes: line_punctuation. AraMix (arXiv "
        "2512.18834), as many Arabic pages have no punctuation; FineWeb-2 has 0.143.",
        ge=0,
        le=1,
    )
    max_new_lines: float | None = Field(0.189, description="Line breaks for each token: new_lines. FineWeb-2.", ge=0)
    max_top_2grams: float | None = Field(
        0.25, description="Characters in the most frequent run of two tokens: top_2grams. FineWeb-2 has 0.197.", ge=0
    )
    max_top_3grams: float | None = Field(0.25, description="The same of three tokens. FineWeb-2 has 0.172.", ge=0)
    max_top_4grams: float | None = Field(0.2, description="The same of four tokens. FineWeb-2 has 0.146.", ge=0)
    max_duplicate_5grams: float | None = Field(
        0.165, description="Characters in runs of five tokens that stood before: duplicate_5grams. FineWeb-2.", ge=0
    )
    max_duplicate_6grams: float | None = Field(0.153, description="The same of six tokens. FineWeb-2.", ge=0)
    max_duplicate_7grams: float | None = Field(0.142, description="The same of seven tokens. FineWeb-2.", ge=0)
    max_duplicate_8grams: float | None = Field(0.131, description="The same of eight tokens. FineWeb-2.", ge=0)
    max_duplicate_9grams: float | None = Field(0.12, description="The same of nine tokens. FineWeb-2.", ge=0)
    max_duplicate_10grams: float | None = Field(0.109, description="The same of ten tokens. FineWeb-2.", ge=0)


class DialectLimits(Settings):
    """The limits that FineWeb-2 sets by language; for one dialect, in the place of those of `limits`.

    What was read moved two of them for all dialects alike: min_alphabetic, and min_line_punctuation where it is on.
    """

    min_word_length: float | None = Field(2, description="As in limits.", ge=0)
    max_word_length: float | None = Field(9, description="As in limits.", ge=0)
    min_alphabetic: float | None = Field(0.6, description="As in limits.", ge=0, le=1)
    max_duplicate_lines: float | None = Field(0.304, description="As in limits.", ge=0, le=1)
    min_line_punctuation: float | None = Field(0.05, description="As in limits.", ge=0, le=1)
    max_new_lines: float | None = Field(0.189, description="As in limits.", ge=0)


def _dialect(*values: float | None) -> DialectLimits:
    return DialectLimits(**dict(zip(DialectLimits.model_fields, values, strict=True)))


class DialectsLimits(Settings):
    """One set of limits a dialect, by FineWeb-2's configuration of its nearest language."""

    EGY: DialectLimits = Field(_dialect(3, 8, 0.6, 0.368, 0.05, 0.308), description="Egyptian (FineWeb-2's arz_Arab).")
    GLF: DialectLimits = Field(
        _dialect(2, 12, 0.6, 0.486, None, 0.25),
        description="Gulf: FineWeb-2's acm_Arab, of Iraq, is the nearest that it has.",
    )
    LEV: DialectLimits = Field(_dialect(2, 8, 0.6, 0.334, None, 0.25), description="Levantine (apc_Arab).")
    MGR: DialectLimits = Field(
        _dialect(3, 7, 0.6, 0.32, 0.05, 0.162), description="Maghrebi: FineWeb-2's ary_Arab, of Morocco."
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
    scaffolds: bool = Field(
        True, description="Drop answers with left-over marks of the form that they were made in: scaffold."
    )
    max_doubled: float | None = Field(
        0.05, description="Words of an answer that only repeat the word before them, of all: doubled_words.", ge=0, le=1
    )
    max_loop: float | None = Field(
        0.5, description="Characters of an answer in runs of ten tokens that stood in it before: loop.", ge=0, le=1
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
