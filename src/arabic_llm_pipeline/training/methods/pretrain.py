"""All weights of a model, from random ones or from those of a base: matrices by Muon, the rest by AdamW."""

import copy
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.training import PretrainSettings
from arabic_llm_pipeline.training.job import Channel, Job

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedModel

FLOOR = 0.02  # of the learning rate, at the end
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "special_tokens_map.json")


def train(job: Job, channel: Channel) -> None:
    """Train a base model on all text of the store; its directory can be `model.name`."""
    from arabic_llm_pipeline.training import compiled, finish, models, sharding, trainers
    from arabic_llm_pipeline.training.batches import WindowRows
    from arabic_llm_pipeline.training.optimizers import muon_and_adamw
    from arabic_llm_pipeline.training.schedule import schedule

    sharding.check(job)
    models.warn_of_emulation(job.model)
    settings = PretrainSettings(**job.settings)
    model = base_model(settings, job) if job.base else new_model(settings, job)
    ends = copy.deepcopy(model.generation_config) if job.base else endings(job.tokenizer)  # the trainer changes them
    rows = WindowRows(job.tokens, finish.vocabulary(model))
    plan = schedule(rows.passes, settings, job.seed)
    if settings.compile:
        compiled.compile_blocks(model)
    optimizers = muon_and_adamw(model, settings, lambda step: rate(settings, plan.steps, step))
    trainer = trainers.document_trainer(model, job, settings, plan, rows, optimizers=optimizers)
    finish.finish(trainer, job, plan, channel, rows.about(), "none", lambda path: save(model, ends, job, path))


def base_model(settings: PretrainSettings, job: Job) -> "PreTrainedModel":
    """The base in fp32, as small steps are lost in 16 bits, with further blocks if they are asked for.

    Raises:
        UserError: its weights are quantised, or it takes no such blocks.
    """
    import torch

    from arabic_llm_pipeline.training import growth, models

    if own := job.base["quantization"]:
        raise UserError(
            f"{job.base['name']} is quantised ({own}), and all weights are to be trained: name the original."
        )
    model = models.load_base(job.base, job.model.model_copy(update={"quantization": "none"}), torch.float32)
    if settings.added_layers == 0:
        return model
    added = growth.added_blocks(model.config.num_hidden_layers, settings.added_layers)
    deeper: Any = growth.deepened(model, settings.added_layers)
    if settings.train == "added":
        for name, part in deeper.named_parameters():
            part.requires_grad = growth.block_of(name) in added
    return deeper.to(model.device)


def new_model(settings: PretrainSettings, job: Job) -> "PreTrainedModel":
    """Random weights, as the seed has it; the embedding is the output layer, too.

    The type is one for which AutoTokenizer keeps the tokenizer: Qwen2, or Llama, which has no biases in attention.
    """
    from transformers import AutoConfig, AutoModelForCausalLM, set_seed

    from arabic_llm_pipeline.tokens.tokenizer import load_tokenizer, model_type

    tokenizer = load_tokenizer(job.tokenizer)
    set_seed(job.seed)
    config = AutoConfig.for_model(
        model_type(job.tokenizer),
        vocab_size=len(tokenizer),
        hidden_size=settings.width,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        num_key_value_heads=settings.key_value_heads,
        intermediate_size=settings.intermediate,
        max_position_embeddings=settings.positions,
        tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        bos_token_id=tokenizer.eos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        use_cache=False,
    )
    return AutoModelForCausalLM.from_config(config)


def rate(settings: PretrainSettings, steps: int, step: int) -> float:
    """Share of the learning rate in a step (from 0): a linear rise, a plateau, a linear fall to `FLOOR`."""
    rise = min(1.0, (step + 1) / max(1, settings.warmup_steps))
    left = (steps - step) / steps
    return rise * (1.0 if left >= settings.decay else max(FLOOR, left / settings.decay))


def endings(tokenizer: Path) -> "GenerationConfig":
    """How a new model generates: until the end of text or of a turn."""
    from transformers import GenerationConfig

    from arabic_llm_pipeline.tokens.tokenizer import END, load_tokenizer

    loaded = load_tokenizer(tokenizer)
    ends = [loaded.eos_token_id, loaded.convert_tokens_to_ids(END)]
    return GenerationConfig(bos_token_id=ends[0], eos_token_id=ends, pad_token_id=loaded.pad_token_id)


def save(model: Any, generation: "GenerationConfig", job: Job, directory: Path) -> None:
    """Write a base model, with its tokenizer: in bfloat16, or in what the base was in that it was made of."""
    import torch

    model.generation_config, model.config.use_cache = generation, True
    model.to(torch.float32 if job.base.get("dtype") == "F32" else torch.bfloat16).save_pretrained(directory)
    for name in TOKENIZER_FILES:
        if (job.tokenizer / name).is_file():
            shutil.copyfile(job.tokenizer / name, directory / name)
