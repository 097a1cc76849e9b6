"""The stages, thin: each hands its directories to a process of its own."""

from pathlib import Path
from typing import Any

import polars as pl

from arabic_llm_pipeline.parameters.model import AdapterSettings, ModelSettings
from arabic_llm_pipeline.parameters.training import AdapterLoopSettings, DpoSettings, SftSettings

Trained = tuple[Path, pl.DataFrame, dict[str, Any]]


def train_sft(
    workspace: Path,
    base_model: dict[str, Any],
    tokenizer: Path,
    tokens: Path,
    model: ModelSettings,
    lora: AdapterSettings,
    settings: SftSettings,
    seed: int,
    adapter: Path | None = None,
) -> Trained:
    """Supervised fine-tuning.

    Args:
        workspace: where checkpoints are left and found.
        base_model: pointer to the base.
        tokenizer: of the run.
        tokens: store of documents.
        model: how the base is loaded.
        lora: shape of a new adapter.
        settings: of the method.
        seed: of initial weights and order.
        adapter: of the stage before, if there is one.

    Returns:
        Directory of the adapter, a row for every step, and what it cost.
    """
    from arabic_llm_pipeline.training.methods import sft

    job = _job(workspace, base_model, tokenizer, tokens, model, settings, seed, adapter)
    return _run(sft.train, {**job, "lora": lora})


def train_dpo(
    workspace: Path,
    base_model: dict[str, Any],
    tokenizer: Path,
    tokens: Path,
    model: ModelSettings,
    lora: AdapterSettings,
    settings: DpoSettings,
    seed: int,
    adapter: Path,
) -> Trained:
    """Direct preference optimisation of the stage before, which is its reference.

    Args:
        workspace: where checkpoints are left and found.
        base_model: pointer to the base.
        tokenizer: of the run.
        tokens: store of pairs.
        model: how the base is loaded.
        lora: what is trained: an adapter, or all weights.
        settings: of the method.
        seed: of the order.
        adapter: of the stage before.

    Returns:
        Directory of the adapter, a row for every step, and what it cost.
    """
    from arabic_llm_pipeline.training.methods import preference

    job = _job(workspace, base_model, tokenizer, tokens, model, settings, seed, adapter)
    return _run(preference.train, {**job, "lora": lora})


def _job(
    workspace: Path,
    base: dict[str, Any],
    tokenizer: Path,
    tokens: Path,
    model: ModelSettings,
    settings: AdapterLoopSettings,
    seed: int,
    adapter: Path | None,
) -> dict[str, Any]:
    directories = {"workspace": workspace, "tokenizer": tokenizer, "tokens": tokens, "adapter": adapter}
    return {**directories, "base": base, "model": model, "settings": settings.model_dump(mode="json"), "seed": seed}


def _run(train: Any, job: dict[str, Any]) -> Trained:
    from arabic_llm_pipeline.training.job import Job
    from arabic_llm_pipeline.training.stage import run_stage

    return run_stage(train, Job(**job), Path(job["workspace"]).parent.name.removesuffix("_adapter"))
