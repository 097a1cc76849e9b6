"""Fields of robustness: how much noise of which kinds, and on how many items."""

from typing import Literal, Self

from pydantic import Field, model_validator

from arabic_llm_pipeline.parameters.base import Settings
from arabic_llm_pipeline.parameters.evaluate import Format

NoiseKind = Literal[
    "hamza", "endings", "keyboard", "dots", "dropped", "doubled", "diacritics", "elongation", "spaces", "dialect",
    "arabizi",
]  # fmt: skip
Region = Literal["EGY", "GLF", "LEV", "MGR"]
KINDS: tuple[NoiseKind, ...] = NoiseKind.__args__  # type: ignore[attr-defined]


class RobustnessSettings(Settings):
    """What noise does to a candidate's answers; all candidates get the same noise on the same items."""

    items: int = Field(40, description="Test items of each set, at most; 0: all.", ge=0)
    formats: tuple[Format, ...] = Field(
        ("question_answer", "question_answer_3", "bare", "chat"),
        description="Prompt formats tried with the base on development items; without any, the first counts.",
        min_length=1,
    )
    dev_items: int = Field(10, description="Development items of each set that choose the base's format.", ge=0)
    levels: tuple[float, ...] = Field(
        (0.1, 0.2, 0.3, 0.4, 0.5), description="Shares of words that are altered; none altered comes before them."
    )
    mixture: tuple[NoiseKind, ...] = Field(KINDS, description="Kinds of noise at these levels.", min_length=1)
    kinds: tuple[NoiseKind, ...] = Field(KINDS, description="Kinds of noise that are also tried alone.")
    kinds_level: float = Field(0.3, description="Share of words that a kind alone alters.", gt=0, le=1)
    worst_of: int = Field(3, description="Perturbations of an item of which the worst counts; 1: none.", ge=1)
    worst_level: float = Field(0.3, description="Share of words that these alter.", gt=0, le=1)
    regions: tuple[Region, ...] = Field(
        ("EGY", "GLF", "LEV", "MGR"), description="Whose dialects and Arabizi are mixed in.", min_length=1
    )
    latin: bool = Field(False, description="Whether Latin words, too, may lose letters or get them twice.")
    max_new_tokens: int = Field(24, description="Tokens after which an answer is cut.", ge=1)
    batch_size: int = Field(
        64, description="Sequences at once; another number may change the last digits of scores.", ge=1
    )
    resamples: int = Field(1000, description="Bootstrap resamples for an interval.", ge=100)

    @model_validator(mode="after")
    def _levels_rise(self) -> Self:
        if list(self.levels) != sorted(set(self.levels)) or not all(0 < level <= 1 for level in self.levels):
            raise ValueError(f"levels {self.levels} must be above 0, at most 1, and rise")
        return self
