"""Fields of how work is spread, and of reading raw files."""

from typing import Literal, Self

from pydantic import Field, model_validator

from arabic_llm_pipeline.parameters.base import Settings, neutral


class EngineSettings(Settings):
    """How work is spread: none of it changes a result, but for the size of a shard, which is what files hold."""

    processes: int = neutral(0, "Processes that share the shards; 0: one for each core.", ge=0)
    rows_per_shard: int = Field(
        64_000, description="Records in a shard: fewer take less memory, more make fewer files.", ge=1
    )
    runner: Literal["processes", "ray"] = neutral(
        "processes", "Who shares the shards: processes of this machine, or Ray."
    )
    address: str | None = neutral(
        None, "ray: host:port of a cluster's head, or auto; none: a cluster on this machine that ends with the run."
    )

    @model_validator(mode="after")
    def _address_is_of_ray(self) -> Self:
        if self.address and self.runner != "ray":
            raise ValueError("address is where a Ray cluster is: set runner=ray, or leave it out")
        return self


class IngestSettings(Settings):
    """Reading raw files."""

    max_line_mb: float = Field(1.0, description="Longer lines and records are rejected, in MB of UTF-8.", gt=0)
    check_records: int | None = neutral(
        200, "Records of each file that the pipeline `sources` reads; null: all, so that they are counted.", ge=1
    )
    max_reject_ratio: float = Field(
        0.2, description="Share of unreadable records of one source that stops the run.", ge=0, le=1
    )
