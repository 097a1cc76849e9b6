"""Methods that need no reference: CPO, SimPO, ORPO, by TRL's losses on log-probabilities that are made in tiles."""

from collections.abc import Callable
from typing import Any

from arabic_llm_pipeline.parameters.preference import CpoSettings, OrpoSettings, PreferenceSettings, SimpoSettings
from arabic_llm_pipeline.training.job import Channel, Job


def train_cpo(job: Job, channel: Channel) -> None:
    """Train on pairs by contrastive preference optimisation."""
    from arabic_llm_pipeline.training.preference_trainers import contrastive_trainer

    settings = CpoSettings(**job.settings)
    losses = {"loss_type": settings.loss_type, "label_smoothing": settings.label_smoothing}
    _train(job, channel, settings, contrastive_trainer, cpo_alpha=settings.nll_weight, **losses)


def train_simpo(job: Job, channel: Channel) -> None:
    """Train on pairs by simple preference optimisation."""
    from arabic_llm_pipeline.training.preference_trainers import contrastive_trainer

    settings = SimpoSettings(**job.settings)
    losses = {"loss_type": "simpo", "simpo_gamma": settings.gamma, "cpo_alpha": settings.nll_weight}
    _train(job, channel, settings, contrastive_trainer, **losses)


def train_orpo(job: Job, channel: Channel) -> None:
    """Train on pairs by odds ratio preference optimisation."""
    from arabic_llm_pipeline.training.preference_trainers import odds_trainer

    settings = OrpoSettings(**job.settings)
    _train(job, channel, settings, odds_trainer, learn_prompt=settings.learn_prompt)


def _train(job: Job, channel: Channel, settings: PreferenceSettings, make: Callable[..., Any], **losses: Any) -> None:
    """Train the adapter of the stage before further, or a new one."""
    from arabic_llm_pipeline.training import finish, trainers
    from arabic_llm_pipeline.training.preference_batches import PairRows
    from arabic_llm_pipeline.training.schedule import schedule

    model = finish.stage_model(job)
    rows = PairRows(job.tokens, settings, finish.vocabulary(model), job.seed)
    plan = schedule(rows.passes, settings, job.seed)
    options = trainers.adapter_options(settings, settings.learning_rate)
    trainer = make(model, job, settings, plan, rows, beta=settings.beta, **options, **losses)
    finish.finish_adapter(trainer, job, plan, channel, rows.about())
