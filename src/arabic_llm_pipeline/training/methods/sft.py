"""Supervised fine-tuning: LoRA on documents, by TRL's trainer."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from arabic_llm_pipeline.parameters.training import DocumentLoopSettings, SftSettings
from arabic_llm_pipeline.training.job import Channel, Job

if TYPE_CHECKING:
    from arabic_llm_pipeline.training.batches import DocumentRows


def train(job: Job, channel: Channel) -> None:
    """Train a new adapter, or the stage before's further, on what the assistant says."""
    from arabic_llm_pipeline.training.batches import DocumentRows

    settings = SftSettings(**job.settings)
    train_on_documents(job, channel, settings, DocumentRows, neftune_noise_alpha=settings.neftune_alpha)


def train_on_documents(
    job: Job, channel: Channel, settings: DocumentLoopSettings, rows_of: "Callable[..., DocumentRows]", **more: Any
) -> None:
    """Train on documents, in rows that `rows_of` makes of a store, settings, vocabulary and seed.

    `more` are further arguments of transformers.
    """
    from arabic_llm_pipeline.training import finish, trainers
    from arabic_llm_pipeline.training.neighbours import check_neighbours
    from arabic_llm_pipeline.training.schedule import schedule

    model = finish.stage_model(job)
    check_neighbours(model, settings)
    rows = rows_of(job.tokens, settings, finish.vocabulary(model), job.seed)
    plan = schedule(rows.passes, settings, job.seed)
    options = trainers.adapter_options(settings, settings.learning_rate)
    trainer = trainers.document_trainer(model, job, settings, plan, rows, **options, **more)
    finish.finish_adapter(trainer, job, plan, channel, rows.about())
