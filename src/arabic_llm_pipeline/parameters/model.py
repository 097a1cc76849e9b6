"""Fields of the base model and of what is trained on it."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from arabic_llm_pipeline.parameters.base import Settings, neutral

EMBEDDED = "embedded"
EMBEDDED_PATH = "data/01_raw/models/tiny_arabic_qwen2"  # relative to the project
MODEL_FILES = ("*.safetensors", "*.json", "*.jinja")  # what counts of a model: weights, configuration, tokenizer


class ModelSettings(Settings):
    """Which base model, and how it is held in memory."""

    name: str = Field(
        EMBEDDED, description="embedded (ships with the project), a local directory, or a name on the Hugging Face hub."
    )
    revision: str = Field("main", description="Branch, tag or commit of a model on the hub; the commit is recorded.")
    quantization: Literal["nf4", "none"] = Field(
        "nf4", description="Weights of the linear layers in 4 bits (QLoRA), or as they are."
    )
    double_quantization: bool = Field(True, description="Quantise the scales of NF4 too: 0.4 bits a weight less.")
    compute_dtype: Literal["auto", "bfloat16", "float16", "float32"] = Field(
        "auto", description="What is computed in; auto: bfloat16 on a GPU that has it, else float16; float32 on a CPU."
    )
    adapter: str | None = neutral(
        None, "Directory of an adapter of one's own that chains begin with; what it holds counts, not where it lies."
    )
    attention: Literal["sdpa", "eager"] = Field("sdpa", description="How attention is computed; eager only to compare.")

    def directory(self, project: Path) -> Path | None:
        """Where the model's files are; None for a model on the hub.

        A name is a directory if there is one, or if it is written like one (./x, /x, ~/x, a/b/c).
        """
        if self.name == EMBEDDED:
            return project / EMBEDDED_PATH
        path = project / Path(self.name).expanduser()
        written = self.name.startswith((".", "/", "~")) or "\\" in self.name or self.name.count("/") > 1
        return path if path.is_dir() or written else None


class AdapterSettings(Settings):
    """LoRA (Hu et al. 2021): what is trained instead of the base's weights."""

    r: int = Field(16, description="Rank: columns of the two small matrices beside each weight.", ge=1)
    alpha: float = Field(32, description="The update is scaled by alpha / r.", gt=0)
    dropout: float = Field(0.0, description="Share of an adapter's inputs dropped in training.", ge=0, lt=1)
    target_modules: Literal["all-linear"] | tuple[str, ...] = Field(
        "all-linear", description="Layers that get an adapter: all linear ones but the output, or named ones."
    )
