"""A small Qwen2 or Llama from random weights: matrices by Muon, the rest by AdamW."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arabic_llm_pipeline.parameters.training import PretrainSettings
from arabic_llm_pipeline.training.job import Channel, Job

if TYPE_CHECKING:
    from transformers import PreTrainedModel

FLOOR = 0.02  # of the learning rate, at the end
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "special_tokens_map.json")


def train(job: Job, channel: Channel) -> None:
    """Train a base model on all text of the store; its directory can be `model.name`."""
    from arabic_llm_pipeline.training import finish, trainers
    from arabic_llm_pipeline.training.batches import WindowRows
    from arabic_llm_pipeline.training.optimizers import muon_and_adamw
    from arabic_llm_pipeline.training.schedule import schedule

    settings = PretrainSettings(**job.settings)
    model = new_model(settings, job)
    rows = WindowRows(job.tokens, finish.vocabulary(model))
    plan = schedule(rows.passes, settings, job.seed)
    optimizers = muon_and_adamw(model, settings, lambda step: rate(settings, plan.steps, step))
    trainer = trainers.document_trainer(model, job, settings, plan, rows, optimizers=optimizers)
    finish.finish(trainer, job, plan, channel, rows.about(), "none", lambda path: save(model, job.tokenizer, path))


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


def save(model: Any, tokenizer: Path, directory: Path) -> None:
    """Write a base model in bfloat16, with its tokenizer and the tokens that end its turns."""
    import torch

    from arabic_llm_pipeline.tokens.tokenizer import END, load_tokenizer

    loaded = load_tokenizer(tokenizer)
    ends = [loaded.eos_token_id, loaded.convert_tokens_to_ids(END)]
    model.config.use_cache = True
    model.generation_config.eos_token_id = ends
    model.to(torch.bfloat16).save_pretrained(directory)
    for name in TOKENIZER_FILES:
        if (tokenizer / name).is_file():
            shutil.copyfile(tokenizer / name, directory / name)
