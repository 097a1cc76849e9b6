"""Fields of the devices that a stage is trained on."""

from typing import Literal, Self

from pydantic import Field, model_validator

from arabic_llm_pipeline.parameters.base import Settings


class DeviceSettings(Settings):
    """On what a stage is trained. Stages are not made again for it: the result differs by rounding.

    More for DPO's aot alone, which compares the rows of a forward pass.
    """

    processes: int = Field(
        1,
        description="Workers that share each step, one to a card, or on a CPU's cores: each makes as many of the "
        "forward passes of `accumulation`, so the batch and the rows of a step stay.",
        ge=1,
    )
    cards: tuple[int, ...] | None = Field(
        None, description="Which cards, by their numbers; null: the first that CUDA_VISIBLE_DEVICES or the machine has."
    )
    sharding: Literal["none", "full"] = Field(
        "none",
        description="none: each worker holds the whole model (DDP); full: weights, gradients and the optimizer's state "
        "are divided among the cards (FSDP).",
    )
    allocator: str | None = Field(
        None,
        description="PYTORCH_CUDA_ALLOC_CONF of a stage, such as expandable_segments:True; null: as the environment "
        "has it.",
    )

    @model_validator(mode="after")
    def _a_card_for_each(self) -> Self:
        if self.cards is not None and len(set(self.cards)) < self.processes:
            raise ValueError(
                f"{self.processes} processes want a card each, and cards names {list(self.cards)}; name more, or set "
                "processes to their number"
            )
        if self.sharding == "full" and self.processes == 1:
            raise ValueError("sharding=full divides a model among cards: set processes to their number")
        return self
