"""Fields of training a tokenizer."""

from typing import Literal

from pydantic import Field

from arabic_llm_pipeline.parameters.base import Settings

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
