"""Supervised fine-tuning: LoRA on documents, by TRL's trainer."""

from arabic_llm_pipeline.parameters.training import SftSettings
from arabic_llm_pipeline.training.job import Channel, Job


def train(job: Job, channel: Channel) -> None:
    """Train a new adapter, or the stage before's further, on what the assistant says."""
    from arabic_llm_pipeline.training import finish, trainers
    from arabic_llm_pipeline.training.batches import DocumentRows
    from arabic_llm_pipeline.training.neighbours import check_neighbours
    from arabic_llm_pipeline.training.schedule import schedule

    settings = SftSettings(**job.settings)
    model = finish.stage_model(job)
    check_neighbours(model, settings)
    rows = DocumentRows(job.tokens, settings, finish.vocabulary(model), job.seed)
    plan = schedule(rows.passes, settings, job.seed)
    options = trainers.adapter_options(settings, settings.learning_rate)
    trainer = trainers.document_trainer(model, job, settings, plan, rows, **options)
    finish.finish_adapter(trainer, job, plan, channel, rows.about())
