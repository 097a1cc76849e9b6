"""Which attention a stage is trained with, where the settings leave it open."""

import logging
from typing import Any

from arabic_llm_pipeline.parameters.model import ModelSettings
from arabic_llm_pipeline.training.job import Job
from arabic_llm_pipeline.training.models import compute_dtype, device

log = logging.getLogger(__name__)
AMPERE = 8  # major compute capability that flash attention's kernels begin at (Dao 2023, arXiv 2307.08691)
FLASH = "flash_attention_2"


def of_stage(job: Job) -> ModelSettings:
    """The model's settings with `auto` settled: flash attention where all of it is there, else sdpa.

    Not for rows of several documents that are padded: there flash attention would not see their borders. Nor for a
    model trained as a whole, whose weights are in fp32: sampling and trials compute with them as they are, and flash
    attention takes 16 bits only.
    """
    if job.model.attention != "auto":
        return job.model
    bordered = job.settings.get("packing") and not job.settings.get("padding_free")
    unfit = bordered or job.lora.kind == "full"
    chosen = FLASH if not unfit and _flash_is_there(job.model) and _has_flash(job) else "sdpa"
    return job.model.model_copy(update={"attention": chosen})


def _flash_is_there(settings: ModelSettings) -> bool:
    """Whether package, card and type of numbers are those that it needs."""
    import torch
    from transformers.utils.import_utils import is_flash_attn_2_available

    if device().type != "cuda" or not is_flash_attn_2_available():
        return False
    sixteen = compute_dtype(settings) in (torch.bfloat16, torch.float16)
    return sixteen and torch.cuda.get_device_capability()[0] >= AMPERE


def _has_flash(job: Job) -> bool:
    """Whether transformers has it for this family."""
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING

    from arabic_llm_pipeline.training.base import base_path
    from arabic_llm_pipeline.training.models import configuration

    family: Any = MODEL_FOR_CAUSAL_LM_MAPPING.get(type(configuration(base_path(job.base))), None)
    return bool(family is not None and family._supports_flash_attn)
