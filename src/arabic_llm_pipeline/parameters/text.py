"""Fields of what cleans a text, and of which cleaned records stay."""

from typing import Literal

from pydantic import Field

from arabic_llm_pipeline.parameters.base import Settings


class TextSettings(Settings):
    """The text that is kept and taught: repaired, not unified, by default."""

    taught: Literal["text", "text_normalized"] = Field(
        "text",
        description="What is kept and a model trained on: the text of the switches below, or that with Alif and Ya "
        "unified and no diacritics, whatever they say.",
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
    diacritics: Literal["keep", "strip", "keep_vocalised", "strip_endings", "keep_shadda", "keep_tanwin"] = Field(
        "keep",
        description="Short vowels and Quranic marks: keep, strip, keep only where the text is vocalised throughout, "
        "strip those that end words, or strip all but shadda or tanwin.",
    )
    alif: bool = Field(False, description="Unify the forms of Alif.")
    ya: bool = Field(False, description="Unify Alif Maqsura with Ya.")
    ta_marbuta: bool = Field(False, description="Write Ta Marbuta as Ha.")
    hamza_carriers: bool = Field(False, description="Write Hamza on Waw and Ya as its carrier.")
    digits: Literal["keep", "western", "arabic_indic"] = Field(
        "keep", description="Digits: as they are, or all of one kind."
    )
    protect: Literal["none", "code", "code_and_maths"] = Field(
        "code_and_maths",
        description="What no switch touches in instructions, conversations, pairs and items: code in fences and "
        "backticks, and formulas between the marks of LaTeX. Prose is not looked at.",
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
    keep_arabizi: bool = Field(
        False, description="Keep documents and pairs in Arabizi, which have few Arabic letters (else little_arabic)."
    )
