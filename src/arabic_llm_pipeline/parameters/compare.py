"""Fields of the comparison: which runs stand side by side, and by what they are weighed."""

from typing import Literal

from pydantic import Field, field_validator

from arabic_llm_pipeline.parameters.base import Settings

SEPARATOR = "+"  # as in recipes: a comma would end the parameter


class CompareSettings(Settings):
    """What the pipeline `compare` puts side by side, all from artifacts that are there already."""

    experiments: str = Field("", description="Names of experiments, joined by +; empty: the one at hand.")
    candidates: str = Field(
        "", description="Candidates of each, joined by +; empty: all that were evaluated (base, sft, sft_dpo, ...)."
    )
    score: str = Field(
        "accuracy/strict",
        description="Measure and metric that cost is held against; the mean over sets, where there are several.",
    )
    weights: dict[str, float] = Field(
        {"accuracy/strict": 1.0, "preference/sum": 1.0},
        description="Of measures and metrics in the Performance-Efficiency Score: shares, the higher the better.",
        min_length=1,
    )
    log_base: Literal["e", "2", "10"] = Field("e", description="Base of both logarithms in that score.")
    resamples: int = Field(1000, description="Bootstrap resamples for the interval of a difference.", ge=100)

    @field_validator("weights")
    @classmethod
    def _positive(cls, weights: dict[str, float]) -> dict[str, float]:
        if wrong := [name for name, weight in weights.items() if weight < 0]:
            raise ValueError(f"the weight of {wrong[0]} is negative; leave it out, or give it 0 or more")
        if not sum(weights.values()):
            raise ValueError("all weights are 0; give one of them more")
        return weights

    def named(self, what: str) -> tuple[str, ...]:
        """The parts of `experiments` or `candidates`, each once."""
        return tuple(dict.fromkeys(part for part in getattr(self, what).split(SEPARATOR) if part))
