"""Models in memory: the base as a pointer names it, quantised or not, with or without an adapter."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.files import read_json
from arabic_llm_pipeline.parameters.model import ModelSettings
from arabic_llm_pipeline.training.base import Pointer, base_path, resolve_base
from arabic_llm_pipeline.training.quiet import hush

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PreTrainedModel

__all__ = ["base_path", "load_base", "load_candidate", "resolve_base"]
ABOUT = "training.json"  # beside an adapter: what it was trained on


def device() -> "torch.device":
    """The card if there is one, else the CPU."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def compute_dtype(settings: ModelSettings) -> "torch.dtype":
    """What is computed in. bfloat16 needs no scaled gradients; cards before Ampere only emulate it, slowly."""
    import torch

    if settings.compute_dtype != "auto":
        return getattr(torch, settings.compute_dtype)
    if device().type == "cpu":
        return torch.float32
    return torch.bfloat16 if torch.cuda.get_device_capability() >= (8, 0) else torch.float16


def load_base(pointer: Pointer, settings: ModelSettings) -> "PreTrainedModel":
    """The base model on the device, for training: NF4 alike on a CPU and a card, no cache of keys.

    Raises:
        UserError: its files are not there, or do not make such a model.
    """
    from transformers import AutoModelForCausalLM

    hush()
    path = base_path(pointer)
    options: dict[str, Any] = {"quantization_config": _nf4(settings)} if settings.quantization == "nf4" else {}
    if device().type == "cuda":
        options["device_map"] = {"": 0}
    try:
        model = AutoModelForCausalLM.from_pretrained(
            path,
            dtype=compute_dtype(settings),
            attn_implementation=settings.attention,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            **options,
        )
    except ImportError as error:
        raise UserError(f"model.attention={settings.attention}: {error}. Set model.attention=sdpa.") from error
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"The base model in {path} cannot be loaded: {error}. Set model.name to another.") from error
    _settle(model)
    model.config.use_cache = False
    return model


def load_candidate(pointer: Pointer, adapter: Path | None, settings: ModelSettings) -> "PreTrainedModel | PeftModel":
    """A model to evaluate: the base, with an adapter or without, in evaluation mode and with its cache of keys.

    Args:
        pointer: the base model.
        adapter: directory of a finished stage; None for the base itself.
        settings: quantised as in training, or the adapter meets other weights than it was trained with.

    Raises:
        UserError: the adapter was trained on another base, or on weights quantised otherwise.
    """
    model: Any = load_base(pointer, settings)
    if adapter is not None:
        model = with_adapter(model, adapter, pointer, settings, trainable=False)
    model.config.use_cache = True
    return model.eval()


def with_adapter(
    model: "PreTrainedModel", adapter: Path, pointer: Pointer, settings: ModelSettings, *, trainable: bool
) -> "PeftModel":
    """A base with the adapter of a finished stage, in fp32.

    Raises:
        UserError: the adapter was trained on another base, or on weights quantised otherwise.
    """
    from peft import PeftModel

    about = read_json(adapter / ABOUT)
    wanted = about_base(pointer, settings)
    if different := [key for key in wanted if about[key] != wanted[key]]:
        then, now = (_short(part[different[0]]) for part in (about, wanted))
        raise UserError(
            f"The adapter in {adapter} was trained with another {different[0]} ({then}, not {now}): "
            "train it again, or go back to the model settings of then."
        )
    return PeftModel.from_pretrained(model, adapter, is_trainable=trainable, torch_device=device().type)


def about_base(pointer: Pointer, settings: ModelSettings) -> dict[str, Any]:
    """What an adapter belongs to: the base's weights, and how they were held."""
    weights = {name: digest for name, digest in pointer["files"].items() if name.endswith(".safetensors")}
    quantised = settings.quantization != "none" and settings.double_quantization
    return {"base": weights, "quantization": settings.quantization, "double_quantization": quantised}


def _nf4(settings: ModelSettings) -> Any:
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=settings.double_quantization,
        bnb_4bit_compute_dtype=compute_dtype(settings),
    )


def _settle(model: Any) -> None:
    """Undo two conveniences of libraries.

    On CPUs with AVX512_BF16 bitsandbytes repacks weights in place in the first forward pass of evaluation: the next
    training step fails, and results hang on the CPU. And a quantised model on a CPU carries a device map, which makes
    PEFT wrap every module in hooks that move data about.
    """
    from bitsandbytes.nn.modules import Linear4bit

    for module in model.modules():
        if isinstance(module, Linear4bit):
            module.support_avx512bf16_for_cpu = False
    if device().type == "cpu" and hasattr(model, "hf_device_map"):
        del model.hf_device_map


def _short(value: Any) -> str:
    text = " ".join(map(str, value.values())) if isinstance(value, dict) else str(value)
    return text[:12]
