"""Fields of the corpus by sentences."""

from typing import Literal

from pydantic import Field, model_validator

from arabic_llm_pipeline.parameters.base import Settings

SHORTEST_LIMIT = 20  # characters: what is cut finer is words


class SentencesSettings(Settings):
    """Which sentences are written, and what ends one."""

    enabled: bool = Field(False, description="Write the sentences of the documents that are kept.")
    kinds: list[Literal["prose", "instruction", "conversation"]] = Field(
        ["prose"], description="Kinds of documents; of conversations every message but the system's.", min_length=1
    )
    dialect: bool = Field(False, description="Tag each sentence with a dialect and a score of its own.")
    semicolon: bool = Field(True, description="The Arabic semicolon ends a sentence.")
    comma: bool = Field(False, description="The comma ends a sentence.")
    wrapped_lines: bool = Field(False, description="Only an empty line ends a sentence, a single line break does not.")
    max_characters: int = Field(
        0, description="Longer sentences are cut at a clause, a conjunction or a blank; 0: none is.", ge=0
    )

    @model_validator(mode="after")
    def _limit_is_no_word(self) -> "SentencesSettings":
        if 0 < self.max_characters < SHORTEST_LIMIT:
            raise ValueError(f"max_characters={self.max_characters} cuts words: give {SHORTEST_LIMIT} at least, or 0")
        return self
