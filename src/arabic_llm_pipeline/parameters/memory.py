"""Fields of the memory plan."""

from pydantic import Field

from arabic_llm_pipeline.parameters.base import Settings


class MemorySettings(Settings):
    """What a stage may take, and what is done when it would take more. Stages are not made again for it."""

    limit_gb: float | None = Field(
        None, description="Memory of the card that a stage may take, in 10^9 bytes; null: what is free on it.", gt=0
    )
    host_limit_gb: float | None = Field(
        None, description="Memory of the machine that a stage may take, in 10^9 bytes; null: not limited.", gt=0
    )
    fit: bool = Field(
        False,
        description="Choose micro-batch, accumulation and activation checkpointing so that a stage fits, at the same "
        "batch; never the length, which is data. The result differs by rounding, as between two cards. DPO's aot "
        "compares the rows of a forward pass, and is left as it is; so is how many prompts DNO answers at once.",
    )
    micro_batch: int | None = Field(
        None,
        description="At most so many rows in a forward pass, at the same batch; null: as the method says. A stage that "
        "was killed for memory goes on with it where that differs by rounding: all but DPO's aot.",
        ge=1,
    )
    retry: bool = Field(
        False,
        description="A stage that ran out of memory goes on by itself, at the same batch: with half as many rows in a "
        "forward pass, and half of that, where that differs by rounding; then with activations computed again.",
    )
    activation_checkpointing: bool = Field(
        False,
        description="Compute activations again in the backward pass, whatever the method says; goes on as above.",
    )
