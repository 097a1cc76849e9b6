"""Fields of the tokenizer and of the token store."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from arabic_llm_pipeline.parameters.base import Settings, neutral

BASE = "base"


class TokenizerSettings(Settings):
    """Which tokenizer and chat template the models of this run have."""

    source: str = Field(BASE, description="The base model's own (base), or a directory with a tokenizer.json.")
    template: Literal["own", "chatml", "instruction", "human_assistant"] = Field(
        "own",
        description="Chat template: the tokenizer's own if it marks what the assistant says; ChatML; Arabic headings "
        "of instruction and answer; or Human: and Assistant:, as in the paper.",
    )
    legacy_padding: bool = Field(
        False,
        description="Only to repeat published code: padding is the end of text, so that this is never learned, and the "
        "whole conversation is. Such a model does not learn to stop.",
    )

    def directory(self, project: Path) -> Path | None:
        """Where the tokenizer's files are; None for the base model's own."""
        return None if self.source == BASE else project / Path(self.source).expanduser()


class FertilitySettings(Settings):
    """What the tokenizer makes of the corpus, beside others."""

    sample: int = Field(300, description="Texts of each dialect that are counted.", ge=1)
    tokenizers: dict[str, str] = Field(
        {}, description="Others to compare with: directories with a tokenizer.json, by the names they get."
    )

    def directories(self, project: Path) -> dict[str, Path]:
        """Where the others are."""
        return {name: project / Path(path).expanduser() for name, path in sorted(self.tokenizers.items())}


class TokenizeSettings(Settings):
    """The token store."""

    window: int = Field(
        256, description="Tokens that training reads at once: chunk of the store, and the length of a pair.", ge=16
    )
    max_prompt: int = Field(
        128, description="Tokens of a pair's prompt; what is longer loses its beginning. The rest is for answers.", ge=1
    )
    learned: Literal["answers", "last_answer"] = Field(
        "answers", description="What of a conversation counts in the loss: all that the assistant says, or the last."
    )
    memory_map: tuple[Literal["train", "dev", "test"], ...] = Field(
        ("train",), description="Splits that are also written for mapping into memory: twice the disk, faster to read."
    )
    part_mb: int = Field(
        0,
        description="Lay each HDF5 file in parts of so many MB, for places that take no large files; 0: one file.",
        ge=0,
    )
    batch_characters: int = neutral(250_000, "Characters that a thread encodes at a time; memory grows with it.", ge=1)
    threads: int = neutral(0, "Threads that encode; 0: one for each core.", ge=0)

    @property
    def part_bytes(self) -> int:
        """Size of a part of an HDF5 file; 0: it is one file."""
        return self.part_mb << 20

    @model_validator(mode="after")
    def _leave_room_for_answers(self) -> Self:
        if self.max_prompt >= self.window:
            raise ValueError(
                f"max_prompt is {self.max_prompt}, window {self.window}: no room is left for answers; "
                "make max_prompt smaller or window larger"
            )
        return self
