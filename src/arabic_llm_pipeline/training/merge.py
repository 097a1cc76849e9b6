"""A stage's result as a model that stands by itself: adapter and base in one, never in quantised weights.

Merged into weights of four bits most of an adapter is lost: what it adds is less than the step from one value to the
next. So the quantised weights are brought back to full precision first, or the original ones are taken.
"""

import gc
import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.files import read_json
from arabic_llm_pipeline.parameters.export import ExportSettings
from arabic_llm_pipeline.parameters.model import ModelSettings
from arabic_llm_pipeline.tokens.chat import Renderer
from arabic_llm_pipeline.tokens.tokenizer import load_tokenizer
from arabic_llm_pipeline.training import models
from arabic_llm_pipeline.training.base import NOTE, Pointer

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

log = logging.getLogger(__name__)
TOKENIZER = ("*.json", "*.jinja", "*.model", "*.txt")
NAMES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}  # as files of weights call them
# "What is the capital of Iraq, and why do people love reading?": what is compared is what the model says to it
PROBE = (
    "\u0645\u0627 \u0639\u0627\u0635\u0645\u0629 \u0627\u0644\u0639\u0631\u0627\u0642\u060c "
    "\u0648\u0644\u0645\u0627\u0630\u0627 \u064a\u062d\u0628 "
    "\u0627\u0644\u0646\u0627\u0633 \u0627\u0644\u0642\u0631\u0627\u0621\u0629\u061f"
)


def merge(
    pointer: Pointer, stage: Path, tokenizer: Path, model: ModelSettings, settings: ExportSettings, directory: Path
) -> dict[str, Any]:
    """Write a model that `AutoModelForCausalLM` loads, with tokenizer, chat template and generation config.

    It takes four bytes a weight of host memory, as sums are made in fp32 and rounded once.

    Args:
        pointer: the base model.
        stage: an adapter, or a whole model.
        tokenizer: directory.
        model: how the base was held in training.
        settings: into what is merged, and the type of the result.
        directory: is made.

    Returns:
        onto, dtype, parameters, quantization (in training), and difference: how far the logits of a short prompt are
        from those of base and adapter in training (mean and largest, and the share of places with the same first
        choice).

    Raises:
        UserError: the original weights are asked for, and there are none.
    """
    held = models.quantization(pointer, model)
    if settings.onto == "original" and pointer.get("quantization"):
        raise UserError(
            f"export.onto=original: {pointer['name']} comes quantised ({held}), the weights before that are not there. "
            "Set export.onto=dequantized."
        )
    loaded = load_tokenizer(tokenizer)
    renderer = Renderer(loaded)
    [prompt] = renderer.prompts([[{"role": "user", "content": PROBE}]])
    before = _logits(models.load_candidate(pointer, stage, model), prompt)
    gc.collect()
    whole: Any = merged(pointer, stage, model, settings.onto)
    whole = whole.to(_dtype(pointer, settings))
    _settle(whole, loaded, renderer.stop_ids)
    whole.save_pretrained(directory, max_shard_size=f"{settings.shard_gb}GB")
    _copy_tokenizer(tokenizer, directory)
    return {
        "onto": "trained as a whole" if models.is_whole(stage) else settings.onto if held != "none" else "original",
        "dtype": str(whole.dtype).removeprefix("torch."),
        "parameters": whole.num_parameters(),
        "quantization": held,
        "difference": difference(before, _logits(whole, prompt)),
    }


def merged(pointer: Pointer, stage: Path, model: ModelSettings, onto: str) -> "PreTrainedModel":
    """A stage's model in fp32 without anything beside its weights, in host memory.

    Args:
        pointer: the base model.
        stage: an adapter, or a whole model.
        model: how the base was held in training.
        onto: dequantized or original.
    """
    import torch
    from peft import PeftModel

    models.check_origin(stage, pointer, model)
    if models.is_whole(stage):
        return models.load_whole(stage, model, torch.float32, on_host=True)
    if onto == "original" or models.quantization(pointer, model) == "none":
        model = model.model_copy(update={"quantization": "none"})
        base = models.load_base(pointer, model, torch.float32, on_host=True)
    else:
        base = models.load_base(pointer, model.model_copy(update={"compute_dtype": "float32"}), on_host=True)
        base = base.dequantize(torch.float32).float()
    tuned: Any = PeftModel.from_pretrained(base, stage, torch_device="cpu")
    whole: PreTrainedModel = tuned.merge_and_unload(safe_merge=True)
    return whole


def difference(before: "torch.Tensor", after: "torch.Tensor") -> dict[str, float]:
    """How far logits are apart, [places, vocabulary] each."""
    apart = (before - after).abs()
    same = (before.argmax(-1) == after.argmax(-1)).float()
    return {"mean": float(apart.mean()), "largest": float(apart.max()), "same_first_choice": float(same.mean())}


def _logits(model: Any, prompt: Any) -> "torch.Tensor":
    import torch

    ids = torch.tensor([[int(token) for token in prompt]], device=model.device)
    with torch.inference_mode():
        return model.eval()(input_ids=ids, use_cache=False).logits[0].float().cpu()


def _dtype(pointer: Pointer, settings: ExportSettings) -> "torch.dtype":
    import torch

    stored = next((NAMES[part] for part in pointer["dtype"].split("+") if part in NAMES), "bfloat16")
    return getattr(torch, stored if settings.dtype == "auto" else settings.dtype)


def _settle(model: Any, tokenizer: Any, stops: list[int]) -> None:
    """What a user of the model needs to know: where it stops, what pads, that it may cache; and no quantisation."""
    from transformers import GenerationConfig

    model.config.use_cache = True
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    for flag in ("is_quantized", "hf_quantizer", "is_loaded_in_4bit", "is_loaded_in_8bit"):
        if hasattr(model, flag):
            setattr(model, flag, None if flag == "hf_quantizer" else False)
    ends = {"eos_token_id": stops, "pad_token_id": tokenizer.pad_token_id, "bos_token_id": tokenizer.bos_token_id}
    for name, value in ends.items():
        setattr(model.config, name, value)
    model.generation_config = GenerationConfig(**ends)


def _copy_tokenizer(tokenizer: Path, directory: Path) -> None:
    for pattern in TOKENIZER:
        for path in sorted(tokenizer.glob(pattern)):
            if path.name != NOTE:
                shutil.copyfile(path, directory / path.name)


def vllm_lacks(stage: Path) -> list[str]:
    """What of an adapter vLLM would not serve beside the base (its PEFTHelper); empty where it takes it as it is.

    Args:
        stage: directory of an adapter; a whole model is served by itself.
    """
    path = stage / models.ADAPTER
    if not path.is_file():
        return []
    config = read_json(path)
    found = []
    if config.get("use_dora"):
        found.append("DoRA")
    if config.get("modules_to_save"):
        found.append(f"modules saved whole ({', '.join(config['modules_to_save'])})")
    if config.get("bias", "none") != "none":
        found.append("biases")
    if config.get("peft_type") != "LORA" or not isinstance(config.get("target_modules"), list):
        found.append(f"an adapter of type {config.get('peft_type')} on {config.get('target_modules')}")
    if config["r"] > VLLM_RANKS[-1]:
        found.append(f"rank {config['r']}, above {VLLM_RANKS[-1]}")
    return found


def vllm_rank(stage: Path) -> int | None:
    """The least `--max-lora-rank` of vLLM that holds an adapter; None for a whole model, or one too high."""
    path = stage / models.ADAPTER
    rank = read_json(path)["r"] if path.is_file() else None
    return next((size for size in VLLM_RANKS if rank is not None and size >= rank), None)


VLLM_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
