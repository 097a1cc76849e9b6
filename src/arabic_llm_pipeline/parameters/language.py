"""Fields of the intrinsic measures: what a model makes of held-out prose."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from arabic_llm_pipeline.parameters.base import Settings


class WordSettings(Settings):
    """Words to be guessed: the next one, and one left out of its sentence."""

    documents: int = Field(20, description="Documents of each dialect that words are taken from; 0: all.", ge=0)
    next_words: int = Field(2, description="Places in each whose next word is guessed; 0: none.", ge=0)
    masked_words: int = Field(2, description="Places in each whose word is left out; 0: none.", ge=0)
    distractors: int = Field(3, description="Wrong words beside the true one, of its length and frequency.", ge=1)
    beams: int = Field(8, description="Beginnings of a word that the search holds at once.", ge=5)
    tokens: int = Field(8, description="Tokens of a word, at most; what is longer counts as not guessed.", ge=2)


class LanguageSettings(Settings):
    """How held-out prose is scored; every candidate reads the same."""

    documents: int = Field(100, description="Test documents of prose read for each dialect, at most; 0: all.", ge=0)
    window: int = Field(256, description="Tokens that the model sees at once.", ge=2)
    stride: int = Field(128, description="Tokens by which the window moves on.", ge=1)
    stride_parts: tuple[int, ...] = Field(
        (1, 2, 8), description="Strides set side by side on a sample, as parts of the window; none: no such table."
    )
    stride_documents: int = Field(3, description="Documents of each dialect in that sample; 0: all.", ge=0)
    encoders: dict[str, str] = Field(
        {}, description="Masked language models asked at the same places: directories, by the names they get."
    )
    words: WordSettings = Field(WordSettings(), description="Words to be guessed.")
    batch_size: int = Field(
        64, description="Sequences at once; another number may change the last digits of scores.", ge=1
    )
    resamples: int = Field(1000, description="Bootstrap resamples for an interval.", ge=100)

    def directories(self, project: Path) -> dict[str, Path]:
        """Where the encoders are."""
        return {name: project / Path(path).expanduser() for name, path in sorted(self.encoders.items())}

    @model_validator(mode="after")
    def _stride_within_window(self) -> Self:
        if self.stride >= self.window:
            raise ValueError(f"stride {self.stride} must be less than window {self.window}, or tokens are not scored")
        if any(part < 1 or part > self.window for part in self.stride_parts):
            raise ValueError(f"stride_parts {self.stride_parts} must be whole numbers from 1 to the window")
        if self.words.tokens >= self.window:
            raise ValueError(f"words.tokens {self.words.tokens} leaves no context in a window of {self.window}")
        return self
