"""Models in memory: the base as a pointer names it, quantised or not, with or without an adapter."""

import logging
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.files import read_json
from arabic_llm_pipeline.common.memory import keep_freed
from arabic_llm_pipeline.parameters.model import ModelSettings, Quantization
from arabic_llm_pipeline.training.base import Pointer, base_path, resolve_base, sha256
from arabic_llm_pipeline.training.families import HEAD
from arabic_llm_pipeline.training.quiet import hush

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PreTrainedModel

__all__ = ["base_path", "load_base", "load_candidate", "resolve_base"]
log = logging.getLogger(__name__)
ABOUT = "training.json"  # beside what a stage made: what it was trained on
FROM = "from"  # in it: the weights that training began with, by file
ADAPTER, MODEL = "adapter_config.json", "config.json"  # one of them is in a stage's directory
WEIGHTS = "adapter_model.safetensors"
FOUR_BITS = ("nf4", "fp4")


def device() -> "torch.device":
    """The card if there is one, else the CPU."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def ready() -> None:
    """Called before a process computes with a model: tensors of a CPU come from memory that it keeps."""
    if device().type == "cpu":
        keep_freed()


def compute_dtype(settings: ModelSettings) -> "torch.dtype":
    """What is computed in. bfloat16 needs no scaled gradients; cards before Ampere only emulate it, slowly."""
    import torch

    if settings.compute_dtype != "auto":
        return getattr(torch, settings.compute_dtype)
    if device().type == "cpu":
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16


def warn_of_emulation(settings: ModelSettings) -> None:
    """Say so where bfloat16 is asked for on a card that only emulates it: it is computed all the same."""
    import torch

    if device().type != "cuda" or compute_dtype(settings) != torch.bfloat16:
        return
    if not torch.cuda.is_bf16_supported(including_emulation=False):
        log.warning(
            "model.compute_dtype=bfloat16, which the card (%s) only emulates, slowly. Set model.compute_dtype=float16, "
            "or auto, which takes it here.",
            torch.cuda.get_device_name(),
        )


def quantization(pointer: Pointer, settings: ModelSettings) -> Quantization:
    """How the weights are held: as the model's own files have them quantised, else as the settings say."""
    own: Quantization | None = pointer.get("quantization")
    return own or settings.quantization


def is_quantised(model: Any) -> bool:
    """Whether bitsandbytes holds a model's weights."""
    return bool(getattr(model, "is_loaded_in_4bit", False) or getattr(model, "is_loaded_in_8bit", False))


def load_base(
    pointer: Pointer,
    settings: ModelSettings,
    dtype: "torch.dtype | None" = None,
    *,
    on_host: bool = False,
    scoring: bool = False,
) -> "PreTrainedModel":
    """The base model on the device, for training: quantised alike on a CPU and a card, no cache of keys.

    Args:
        pointer: which one.
        settings: how it is held.
        dtype: of weights that are not quantised; None: what is computed in.
        on_host: not on the card, though there is one.
        scoring: with a head that gives one number instead of the output layer; its weights are random.

    Raises:
        UserError: its files are not there, or do not make such a model.
    """
    place = {"": "cpu"} if on_host else _place()
    held = quantization(pointer, settings)
    model = _load(base_path(pointer), settings, dtype or compute_dtype(settings), held, place, scoring)
    model.config.use_cache = False
    return model


def load_whole(
    directory: Path,
    settings: ModelSettings,
    dtype: "torch.dtype | None" = None,
    *,
    on_host: bool = False,
    scoring: bool = False,
) -> "PreTrainedModel":
    """A model that a stage trained as a whole, from its directory; arguments as of `load_base`.

    Raises:
        UserError: it is damaged.
    """
    place = {"": "cpu"} if on_host else _place()
    model = _load(directory, settings, dtype or compute_dtype(settings), "none", place, scoring)
    model.config.use_cache = False
    return model


def _place() -> dict[str, Any] | None:
    return {"": 0} if device().type == "cuda" else None


def _load(
    path: Path,
    settings: ModelSettings,
    dtype: "torch.dtype",
    held: Quantization,
    place: dict[str, Any] | None,
    scoring: bool,
) -> "PreTrainedModel":
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

    hush()
    kind: Any = AutoModelForSequenceClassification if scoring else AutoModelForCausalLM
    try:
        config = _config(path, settings, scoring)
        with _new_head_expected() if scoring else nullcontext():
            model = kind.from_pretrained(
                path,
                dtype=dtype,
                attn_implementation=_attention(path, settings),
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=False,
                device_map=place,
                config=config,
                **({} if hasattr(config, "quantization_config") else _quantised(settings, held, scoring)),
            )
    except ImportError as error:
        raise UserError(f"model.attention={settings.attention}: {error}. Set model.attention=sdpa.") from error
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"The model in {path} cannot be loaded: {error}. Set model.name to another.") from error
    _settle(model)
    return model


def _new_head_expected() -> Any:
    """Have transformers not report that a base has an output layer too many and no head."""
    from trl.trainer.reward_trainer import suppress_seqcls_warning

    return suppress_seqcls_warning()


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
    ready()
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
    model: "PreTrainedModel",
    adapter: Path,
    pointer: Pointer,
    settings: ModelSettings,
    *,
    trainable: bool,
    reward: bool = False,
) -> "PeftModel":
    """A base with the adapter of a finished stage, in fp32; `reward`: of one whose head gives rewards.

    Raises:
        UserError: the adapter was trained on another base, or on weights quantised otherwise.
    """
    from peft import PeftModel

    check_origin(adapter, pointer, settings, reward=reward)
    return PeftModel.from_pretrained(model, adapter, is_trainable=trainable, torch_device=model.device.type)


def is_whole(directory: Path) -> bool:
    """Whether a stage left a whole model, and no adapter."""
    return (directory / MODEL).is_file() and not (directory / ADAPTER).is_file()


def is_reward(directory: Path) -> bool:
    """Whether what is in a directory gives an answer a score, and writes none: a reward model."""
    if (directory / ADAPTER).is_file():
        return read_json(directory / ADAPTER).get("task_type") == "SEQ_CLS"
    heads = read_json(directory / MODEL).get("architectures") if (directory / MODEL).is_file() else None
    return any(str(name).endswith("ForSequenceClassification") for name in heads or ())


def check_origin(directory: Path, pointer: Pointer, settings: ModelSettings, *, reward: bool = False) -> None:
    """Refuse what a stage made of another base, or of weights held otherwise; an adapter from elsewhere is believed.

    Args:
        directory: what the stage left.
        pointer: the base it is to belong to.
        settings: how that is held.
        reward: whether a reward model is wanted, or one that writes.

    Raises:
        UserError: it did, or it is of the other kind.
    """
    if is_reward(directory) and not reward:
        raise UserError(
            f"{directory} holds a reward model: it gives answers scores and writes none, so that it can be neither "
            "asked nor merged nor trained further. It is a judge: dno.judge=, or kedro generate --best-of --judge=."
        )
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


def weights_of(directory: Path | None) -> dict[str, list[Any]] | None:
    """Bytes and SHA-256 of each file of weights in a directory, by name; None where there is no directory."""
    if directory is None:
        return None
    files = sorted(directory.glob("*.safetensors"))
    return {path.name: [path.stat().st_size, sha256(path)] for path in files}


def _config(path: Path, settings: ModelSettings, scoring: bool) -> Any:
    """A model's own configuration, so that one that is quantised already computes as wanted.

    Raises:
        UserError: transformers has no such model with a head for scores.
    """
    from transformers import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING

    config = configuration(path)
    if own := getattr(config, "quantization_config", None):
        config.quantization_config = {**own, "bnb_4bit_compute_dtype": _name(compute_dtype(settings))}
        if scoring:
            config.quantization_config["llm_int8_skip_modules"] = [*(own.get("llm_int8_skip_modules") or ()), HEAD]
    if scoring and type(config) not in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING:
        raise UserError(f"transformers has no {config.model_type} with a head for rewards. Set model.name to another.")
    if scoring:
        config.num_labels = 1
    return config


def _quantised(settings: ModelSettings, held: Quantization, scoring: bool) -> dict[str, Any]:
    """Arguments that quantise a model which is not yet quantised."""
    from transformers import BitsAndBytesConfig

    skipped = [HEAD] if scoring else None  # None: the output layer
    if held == "none":
        return {}
    if held == "int8":
        return {"quantization_config": BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=skipped)}
    return {
        "quantization_config": BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type=held,
            bnb_4bit_use_double_quant=settings.double_quantization,
            bnb_4bit_compute_dtype=compute_dtype(settings),
            llm_int8_skip_modules=skipped,
        )
    }


def _attention(path: Path, settings: ModelSettings) -> str:
    """As the settings say, where the model's family has it."""
    if settings.attention in {"auto", "sdpa"}:
        return "sdpa" if has_sdpa(configuration(path)) else "eager"
    return settings.attention


def has_sdpa(config: Any) -> bool:
    """Whether transformers has sdpa for a model of this configuration (Gemma 2 has none)."""
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING

    family: Any = MODEL_FOR_CAUSAL_LM_MAPPING.get(type(config), None)
    return family is None or bool(family._supports_sdpa)


def configuration(path: Path) -> Any:
    """A model's, from its folder."""
    from transformers import AutoConfig

    return AutoConfig.from_pretrained(path, local_files_only=True, trust_remote_code=False)


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
