"""Fields of the export: which stage, merged into what, and whether it is pushed."""

from typing import Literal

from pydantic import Field, field_validator

from arabic_llm_pipeline.parameters.base import Settings, neutral


class ExportSettings(Settings):
    """How a finished stage becomes a model that stands by itself."""

    stage: str = neutral("", "What a chain left, such as sft_dpo; empty: the last stage of the first of recipes.")
    onto: Literal["dequantized", "original"] = Field(
        "dequantized",
        description="What an adapter is merged into: the quantised weights it was trained over, in full precision, or "
        "the weights as they were before they were quantised.",
    )
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = Field(
        "auto", description="Of the merged weights; auto: as the base's files have them."
    )
    shard_gb: float = Field(4.0, description="Largest file of weights, in GB.", gt=0)
    name: str = Field("", description="What the model is called in its card; empty: base and stage.")
    summary: str = Field("", description="A few sentences of your own, first in the card.")
    push_to: str = neutral("", "Repository on the hub, owner/name, to push to; empty: it stays here. Needs HF_TOKEN.")
    push_private: bool = neutral(True, "Whether a repository that is made for it is private.")

    @field_validator("push_to")
    @classmethod
    def _be_owner_and_name(cls, value: str) -> str:
        if value and (value.count("/") != 1 or not all(value.split("/"))):
            raise ValueError(f"a repository is owner/name, not {value!r}")
        return value
