"""Kahneman-Tversky optimisation, by TRL's trainer."""

from arabic_llm_pipeline.parameters.preference import KtoSettings
from arabic_llm_pipeline.training.job import Channel, Job


def train(job: Job, channel: Channel) -> None:
    """Train on answers that are good or bad; the stage before is the reference, or the base for a new adapter."""
    from arabic_llm_pipeline.training import finish, trainers
    from arabic_llm_pipeline.training.preference_batches import FeedbackRows
    from arabic_llm_pipeline.training.preference_trainers import feedback_trainer
    from arabic_llm_pipeline.training.schedule import schedule

    settings = KtoSettings(**job.settings)
    model = finish.stage_model(job)
    rows = FeedbackRows(job.tokens, settings, finish.vocabulary(model), job.seed)
    plan = schedule(rows.passes, settings, job.seed)
    losses = {
        "beta": settings.beta,
        "loss_type": settings.loss_type,
        "desirable_weight": settings.desirable_weight,
        "undesirable_weight": settings.undesirable_weight,
    }
    options = trainers.adapter_options(settings, settings.learning_rate)
    trainer = feedback_trainer(model, job, settings, plan, rows, **options, **losses)
    finish.finish_adapter(trainer, job, plan, channel, rows.about())
