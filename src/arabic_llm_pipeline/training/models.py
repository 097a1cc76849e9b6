"""Models in memory: the base as a pointer names it, quantised or not, with or without an adapter."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.files import read_json
from arabic_llm_pipeline.parameters.model import ModelSettings, Quantization
from arabic_llm_pipeline.training.base import Pointer, base_path, resolve_base
from arabic_llm_pipeline.training.quiet import hush

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PreTrainedModel

__all__ = ["base_path", "load_base", "load_candidate", "resolve_base"]
log = logging.getLogger(__name__)
ABOUT = "training.json"  # beside what a stage made: what it was trained on
ADAPTER, MODEL = "adapter_config.json", "config.json"  # one of them is in a stage's directory
FOUR_BITS = ("nf4", "fp4")


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
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16


def quantization(pointer: Pointer, settings: ModelSettings) -> Quantization:
    """How the weights are held: as the model's own files have them quantised, else as the settings say."""
    own: Quantization | None = pointer.get("quantization")
    return own or settings.quantization


def is_quantised(model: Any) -> bool:
    """Whether bitsandbytes holds a model's weights."""
    return bool(getattr(model, "is_loaded_in_4bit", False) or getattr(model, "is_loaded_in_8bit", False))


def load_base(
    pointer: Pointer, settings: ModelSettings, dtype: "torch.dtype | None" = None, *, on_host: bool = False
) -> "PreTrainedModel":
    """The base model on the device, for training: quantised alike on a CPU and a card, no cache of keys.

    Args:
        pointer: which one.
        settings: how it is held.
        dtype: of weights that are not quantised; None: what is computed in.
        on_host: not on the card, though there is one.

    Raises:
        UserError: its files are not there, or do not make such a model.
    """
    place = {"": "cpu"} if on_host else _place()
    held = quantization(pointer, settings)
    model = _load(base_path(pointer), settings, dtype or compute_dtype(settings), held, place)
    model.config.use_cache = False
    return model


def load_whole(
    directory: Path, settings: ModelSettings, dtype: "torch.dtype | None" = None, *, on_host: bool = False
) -> "PreTrainedModel":
    """A model that a stage trained as a whole, from its directory; arguments as of `load_base`.

    Raises:
        UserError: it is damaged.
    """
    place = {"": "cpu"} if on_host else _place()
    model = _load(directory, settings, dtype or compute_dtype(settings), "none", place)
    model.config.use_cache = False
    return model


def _place() -> dict[str, Any] | None:
    return {"": 0} if device().type == "cuda" else None


def _load(
    path: Path, settings: ModelSettings, dtype: "torch.dtype", held: Quantization, place: dict[str, Any] | None
) -> "PreTrainedModel":
    from transformers import AutoModelForCausalLM

    hush()
    try:
        model = AutoModelForCausalLM.from_pretrained(
            path,
            dtype=dtype,
            attn_implementation=_attention(path, settings),
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            device_map=place,
            **_quantised(path, settings, held),
        )
    except ImportError as error:
        raise UserError(f"model.attention={settings.attention}: {error}. Set model.attention=sdpa.") from error
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"The model in {path} cannot be loaded: {error}. Set model.name to another.") from error
    _settle(model)
    return model


def load_candidate(
    pointer: Pointer, adapter: Path | None, settings: ModelSettings, name: str | None = None
) -> "PreTrainedModel | PeftModel":
    """A model to evaluate: the base, with an adapter or without, in evaluation mode and with its cache of keys.

    Args:
        pointer: the base model.
        adapter: directory of a finished stage, an adapter or a whole model; None for the base itself.
        settings: quantised as in training, or the adapter meets other weights than it was trained with.
        name: what errors call it; its attribute `candidate`.

    Raises:
        UserError: the stage was trained on another base, or on weights quantised otherwise.
    """
    model: Any
    if adapter is not None and is_whole(adapter):
        check_origin(adapter, pointer, settings)
        model = load_whole(adapter, settings)
    else:
        model = load_base(pointer, settings)
        if adapter is not None:
            model = with_adapter(model, adapter, pointer, settings, trainable=False)
    model.config.use_cache, model.candidate = True, name
    return model.eval()


def with_adapter(
    model: "PreTrainedModel", adapter: Path, pointer: Pointer, settings: ModelSettings, *, trainable: bool
) -> "PeftModel":
    """A base with the adapter of a finished stage, in fp32.

    Raises:
        UserError: the adapter was trained on another base, or on weights quantised otherwise.
    """
    from peft import PeftModel

    check_origin(adapter, pointer, settings)
    return PeftModel.from_pretrained(model, adapter, is_trainable=trainable, torch_device=device().type)


def is_whole(directory: Path) -> bool:
    """Whether a stage left a whole model, and no adapter."""
    return (directory / MODEL).is_file() and not (directory / ADAPTER).is_file()


def check_origin(directory: Path, pointer: Pointer, settings: ModelSettings) -> None:
    """Refuse what a stage made of another base, or of weights held otherwise; an adapter from elsewhere is believed.

    Raises:
        UserError: it did.
    """
    if not (directory / ABOUT).is_file():
        log.warning("%s does not say what it was trained on: it is taken to belong to this base.", directory)
        return
    about, wanted = read_json(directory / ABOUT), about_base(pointer, settings)
    if different := [key for key in wanted if about[key] != wanted[key]]:
        then, now = (_short(part[different[0]]) for part in (about, wanted))
        raise UserError(
            f"What is in {directory} was trained with another {different[0]} ({then}, not {now}): "
            "train it again, or go back to the model settings of then."
        )


def about_base(pointer: Pointer, settings: ModelSettings) -> dict[str, Any]:
    """What a stage's result belongs to: the base's weights, and how they were held."""
    weights = {name: digest for name, digest in pointer["files"].items() if name.endswith(".safetensors")}
    held = quantization(pointer, settings)
    double = held in FOUR_BITS and settings.double_quantization and not pointer.get("quantization")
    return {"base": weights, "quantization": held, "double_quantization": double}


def _quantised(path: Path, settings: ModelSettings, held: Quantization) -> dict[str, Any]:
    """Arguments that quantise a model, or that have one compute as wanted that is quantised already."""
    from transformers import AutoConfig, BitsAndBytesConfig

    if held == "none":
        return {}
    config = AutoConfig.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    if own := getattr(config, "quantization_config", None):
        config.quantization_config = {**own, "bnb_4bit_compute_dtype": _name(compute_dtype(settings))}
        return {"config": config}
    if held == "int8":
        return {"quantization_config": BitsAndBytesConfig(load_in_8bit=True)}
    return {
        "quantization_config": BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type=held,
            bnb_4bit_use_double_quant=settings.double_quantization,
            bnb_4bit_compute_dtype=compute_dtype(settings),
        )
    }


def _attention(path: Path, settings: ModelSettings) -> str:
    """As the settings say, where the model's family has it (Gemma 2 has no sdpa)."""
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, AutoConfig

    config = AutoConfig.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    if settings.attention == "sdpa" and type(config) in MODEL_FOR_CAUSAL_LM_MAPPING:
        family: Any = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
        return "sdpa" if family._supports_sdpa else "eager"
    return settings.attention


def _name(dtype: "torch.dtype") -> str:
    return str(dtype).removeprefix("torch.")


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
    if model.device.type == "cpu" and hasattr(model, "hf_device_map"):
        del model.hf_device_map


def _short(value: Any) -> str:
    text = " ".join(map(str, value.values())) if isinstance(value, dict) else str(value)
    return text[:12]
