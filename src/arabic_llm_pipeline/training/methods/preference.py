"""Direct and identity preference optimisation of the stage before's adapter, by TRL's trainer."""

from typing import Any

from arabic_llm_pipeline.parameters.preference import DpoSettings, IpoSettings
from arabic_llm_pipeline.training.job import Channel, Job


def train_dpo(job: Job, channel: Channel) -> None:
    """Train on pairs by DPO or one of its variants; the stage before is the reference."""
    settings = DpoSettings(**job.settings)
    _train(job, channel, settings, loss_type=[settings.loss_type], label_smoothing=settings.label_smoothing)


def train_ipo(job: Job, channel: Channel) -> None:
    """Train on pairs by IPO; the stage before is the reference."""
    _train(job, channel, IpoSettings(**job.settings), loss_type=["ipo"])


def _train(job: Job, channel: Channel, settings: DpoSettings | IpoSettings, **losses: Any) -> None:
    """Train an adapter further, against what it is now; a new one is trained against the base."""
    from arabic_llm_pipeline.training import finish, trainers
    from arabic_llm_pipeline.training.preference_batches import PairRows
    from arabic_llm_pipeline.training.preference_trainers import pair_trainer
    from arabic_llm_pipeline.training.schedule import schedule

    model = finish.stage_model(job)
    rows = PairRows(job.tokens, settings, finish.vocabulary(model), job.seed)
    plan = schedule(rows.passes, settings, job.seed)
    options = trainers.adapter_options(settings, settings.learning_rate)
    options |= {"beta": settings.beta, **losses}
    trainer = pair_trainer(model, job, settings, plan, rows, settings.precompute_reference, **options)
    finish.finish_adapter(trainer, job, plan, channel, rows.about())
