"""Fields of the base model and of what is trained on it."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from arabic_llm_pipeline.parameters.base import Settings, neutral

EMBEDDED = "embedded"
EMBEDDED_PATH = "data/01_raw/models/tiny_arabic_qwen2"  # relative to the project
MODEL_FILES = ("*.safetensors", "*.json", "*.jinja")  # what counts of a model: weights, configuration, tokenizer

Quantization = Literal["nf4", "fp4", "int8", "none"]


class ModelSettings(Settings):
    """Which base model, and how it is held in memory."""

    name: str = Field(
        EMBEDDED, description="embedded (ships with the project), a local directory, or a name on the Hugging Face hub."
    )
    revision: str = Field("main", description="Branch, tag or commit of a model on the hub; the commit is recorded.")
    quantization: Quantization = Field(
        "nf4",
        description="Weights of the linear layers in 4 bits (nf4: QLoRA; fp4), in 8 (int8), or as they are (none). A "
        "model that bitsandbytes has quantised already stays as it is.",
    )
    double_quantization: bool = Field(True, description="Quantise the scales of 4 bits too: 0.4 bits a weight less.")
    compute_dtype: Literal["auto", "bfloat16", "float16", "float32"] = Field(
        "auto", description="What is computed in; auto: bfloat16 on a GPU that has it, else float16; float32 on a CPU."
    )
    adapter: str | None = neutral(
        None, "Directory of an adapter of one's own that chains begin with; what it holds counts, not where it lies."
    )
    attention: Literal["auto", "sdpa", "eager", "flash_attention_2"] = Field(
        "auto",
        description="How attention is computed; auto: flash where its package is there, the card is of Ampere or "
        "later, and 16 bits are computed in; else sdpa; eager where a model has neither. eager itself only to compare.",
    )
    tf32: bool = Field(
        True,
        description="Round what is multiplied in fp32 to 10 bits of mantissa on cards from Ampere on (TF32), in "
        "training: up to 8 times as fast, and less exact than fp32; matters with compute_dtype=float32 and full.",
    )

    def directory(self, project: Path) -> Path | None:
        """Where the model's files are; None for a model on the hub.

        A name is a directory if there is one, or if it is written like one (./x, /x, ~/x, a/b/c).
        """
        if self.name == EMBEDDED:
            return project / EMBEDDED_PATH
        path = project / Path(self.name).expanduser()
        written = self.name.startswith((".", "/", "~")) or "\\" in self.name or self.name.count("/") > 1
        return path if path.is_dir() or written else None


class AdaLoraSettings(Settings):
    """AdaLoRA (Zhang et al. 2023, arXiv 2303.10512): ranks are taken from matrices that need them least."""

    initial_rank: int = Field(0, description="Rank of each matrix at first; 0: one and a half times r.", ge=0)
    warmup: float = Field(0.1, description="Share of the steps before the first rank is taken.", ge=0, lt=1)
    settled: float = Field(0.3, description="Share of the steps, at the end, in which the ranks stay.", ge=0, lt=1)
    interval: int = Field(10, description="Steps from one taking of ranks to the next.", ge=1)
    orthogonality: float = Field(
        0.1,
        description="Weight of the term that holds singular vectors orthogonal; the logged loss is without.",
        ge=0,
    )

    @model_validator(mode="after")
    def _leave_steps_to_take_ranks(self) -> Self:
        if self.warmup + self.settled >= 1:
            raise ValueError(f"warmup {self.warmup} and settled {self.settled} leave no steps in which ranks are taken")
        return self


class AdapterSettings(Settings):
    """What is trained: small matrices beside the base's weights (LoRA and its kin), or those weights themselves."""

    kind: Literal["lora", "dora", "rslora", "adalora", "full"] = Field(
        "lora",
        description="LoRA (Hu et al. 2021), DoRA (Liu et al. 2024), rsLoRA (Kalajdzievski 2023), AdaLoRA (Zhang et al. "
        "2023), or full: all weights, without an adapter.",
    )
    r: int = Field(16, description="Rank: columns of the two small matrices; AdaLoRA: their mean in the end.", ge=1)
    alpha: float = Field(32, description="The update is scaled by alpha / r; rsLoRA: by alpha / sqrt(r).", gt=0)
    dropout: float = Field(0.0, description="Share of an adapter's inputs dropped in training by sft.", ge=0, lt=1)
    target_modules: Literal["auto", "all-linear"] | tuple[str, ...] = Field(
        "auto",
        description="Layers that get an adapter: those that suit the model's family, all linear ones but the output, "
        "or named ones.",
    )
    freeze_top: int = Field(0, description="Layers nearest to the output that are not trained.", ge=0)
    freeze_bottom: int = Field(0, description="Layers nearest to the input that are not trained.", ge=0)
    adalora: AdaLoraSettings = Field(AdaLoraSettings(), description="Of kind adalora only.")

    @property
    def initial_rank(self) -> int:
        """Rank of AdaLoRA's matrices before any is taken."""
        return self.adalora.initial_rank or round(1.5 * self.r) + (self.r == 1)

    @model_validator(mode="after")
    def _have_ranks_to_take(self) -> Self:
        if self.kind == "adalora" and self.initial_rank <= self.r:
            raise ValueError(
                f"adalora.initial_rank {self.initial_rank} must be more than r {self.r}, or there is no rank to take"
            )
        return self


def conflict(model: ModelSettings, adapter: AdapterSettings) -> str | None:
    """Why an adapter cannot be trained over weights held like this, and what to change; None if it can."""
    held = f"model.quantization={model.quantization}"
    if adapter.kind == "full" and model.quantization != "none":
        return (
            f"adapter.kind=full trains the weights themselves, and {held} rounds every step away (transformers refuses "
            "it): set model.quantization=none, or another adapter.kind"
        )
    if adapter.kind == "dora" and model.quantization == "int8":
        return (
            f"adapter.kind=dora needs the norms of the weights, which PEFT cannot read under {held}: set "
            "model.quantization=nf4, or adapter.kind=lora"
        )
    return None
