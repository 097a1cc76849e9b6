"""Direct preference optimisation of the stage before's adapter, by TRL's trainer."""

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.training import DpoSettings
from arabic_llm_pipeline.training.job import Channel, Job


def train(job: Job, channel: Channel) -> None:
    """Train the adapter of the stage before further, on pairs; that stage is the reference, as a frozen copy.

    Raises:
        UserError: there is no stage before.
    """
    from arabic_llm_pipeline.training import finish, trainers
    from arabic_llm_pipeline.training.batches import PairRows
    from arabic_llm_pipeline.training.schedule import schedule

    if job.adapter is None:
        raise UserError("dpo needs a stage before it, which is its reference. Put sft first in the chain.")
    settings = DpoSettings(**job.settings)
    model = finish.stage_model(job)
    rows = PairRows(job.tokens, settings, finish.vocabulary(model), job.seed)
    plan = schedule(rows.passes, settings, job.seed)
    options = trainers.adapter_options(settings, settings.learning_rate)
    losses = {"beta": settings.beta, "loss_type": [settings.loss_type]}
    trainer = trainers.pair_trainer(model, job, settings, plan, rows.collate, **options, **losses)
    finish.finish_adapter(trainer, job, plan, channel, rows.about())
