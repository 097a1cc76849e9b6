"""Steps from a corpus to a base model."""

from pathlib import Path
from typing import Any

import polars as pl

from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.parameters.model import ModelSettings
from arabic_llm_pipeline.parameters.tokenize import TokenizeSettings
from arabic_llm_pipeline.parameters.training import PretrainSettings


def tokenize_for_pretraining(documents: ShardSet, tokenizer: Path, settings: TokenizeSettings, workspace: Path) -> Path:
    """The kept documents as tokens of that tokenizer."""
    from arabic_llm_pipeline.tokens.writing import write_documents

    return write_documents(documents, tokenizer, settings, workspace)


def pretrain(
    workspace: Path,
    tokenizer: Path,
    tokens: Path,
    model: ModelSettings,
    settings: PretrainSettings,
    seed: int,
    base_model: dict[str, Any] | None = None,
) -> tuple[Path, pl.DataFrame, dict[str, Any]]:
    """Train all weights: of a small Qwen2 or Llama from random ones, as the tokenizer asks for it, or of a base.

    Args:
        workspace: where checkpoints are left and found.
        tokenizer: made for it, or the base's.
        tokens: store of documents.
        model: what is computed in.
        settings: shape and training.
        seed: of weights and order.
        base_model: pointer to the base that is gone on from; None for random weights.

    Returns:
        Directory of the model (`model.name` of later runs), a row for every step, and what it cost.
    """
    from arabic_llm_pipeline.training.job import Job
    from arabic_llm_pipeline.training.methods import pretrain as method
    from arabic_llm_pipeline.training.stage import run_stage

    told = settings.model_dump(mode="json")
    given = {"workspace": workspace, "tokenizer": tokenizer, "tokens": tokens, "base": base_model or {}}
    return run_stage(method.train, Job(**given, settings=told, model=model, seed=seed), "pretrain")
