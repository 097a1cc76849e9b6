"""Fields of training a tokenizer."""

from typing import Literal

from pydantic import Field

from arabic_llm_pipeline.parameters.base import Settings
from arabic_llm_pipeline.parameters.training import PretrainSettings

View = Literal["text", "without diacritics", "text_normalized"]
Split = Literal["qwen2", "words", "clitics"]


class TokenizerTrainingSettings(Settings):
    """A byte-level tokenizer of one's own."""

    algorithm: Literal["bpe", "unigram"] = Field(
        "bpe", description="Byte-pair encoding (arXiv 1508.07909), or a unigram language model (arXiv 1804.10959)."
    )
    split: Split = Field(
        "words",
        description="Where no token goes over: as transformers splits for models of type qwen2 (letters lose their "
        "diacritics); at words, with a diacritic always in its letter's token; or at clitics too.",
    )
    vocabulary: int = Field(8192, description="Tokens, 256 bytes and control tokens among them.", ge=260)
    min_frequency: int = Field(2, description="BPE: how often two tokens stand side by side to become one.", ge=1)
    view: View = Field(
        "text", description="What of the text is learned from: as it is taught, without diacritics, or unified."
    )
    sample_characters: int = Field(
        50_000_000, description="About so many characters are drawn, evenly from the whole corpus.", ge=1
    )
    coverage: float = Field(
        0.9995,
        description="Share of the characters (of marked letters: likewise) that get a token of their own; rarer ones "
        "are written in bytes. SentencePiece's default. Not for qwen2, which starts from bytes.",
        gt=0,
        le=1,
    )
    special_tokens: tuple[str, ...] = Field((), description="Control tokens beside those of ChatML and padding.")
    segmenter: Literal["light", "camel"] = Field(
        "light", description="Of clitics: this project's, or camel-tools' where it and its data are installed."
    )
    cut_words: int = Field(
        20_000, description="Most frequent words with clitics that the tokenizer knows how to divide.", ge=1
    )


class VariantSettings(Settings):
    """What a tokenizer of a comparison has of its own; all else is `tokenizer_training`."""

    algorithm: Literal["bpe", "unigram"] = Field("bpe", description="As in tokenizer_training.")
    split: Split = Field("words", description="As in tokenizer_training.")


VARIANTS = {
    "bpe": VariantSettings(split="qwen2"),
    "bpe_marks": VariantSettings(),
    "bpe_clitics": VariantSettings(split="clitics"),
    "unigram_marks": VariantSettings(algorithm="unigram"),
}
SMALL = PretrainSettings(
    width=128, layers=2, intermediate=384, positions=256, steps=250, micro_batch=16, warmup_steps=25
)


class TokenizerComparisonSettings(Settings):
    """Tokenizers of one size on one text, and the same small model with each of them."""

    variants: dict[str, VariantSettings] = Field(VARIANTS, description="What is compared, by name.", min_length=1)
    held_out_characters: int = Field(
        300_000, description="Of the dev split: what borders and models are measured on.", ge=1
    )
    window: int = Field(128, description="Tokens that the small model reads at once.", ge=16)
    model: PretrainSettings = Field(
        SMALL, description="The small model; the same number of tokens is read with each tokenizer."
    )
