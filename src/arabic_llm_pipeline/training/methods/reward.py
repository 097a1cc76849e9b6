"""A reward model from preference pairs, by TRL's trainer."""

from arabic_llm_pipeline.parameters.preference import RewardSettings
from arabic_llm_pipeline.training.job import Channel, Job


def train(job: Job, channel: Channel) -> None:
    """Train an adapter and a head of one number: the chosen answer's is to be higher than the rejected one's.

    The loss is -log sigmoid(r_chosen - r_rejected - margin) (Bradley and Terry 1952; Ouyang et al. 2022, equation 1;
    with a margin Touvron et al. 2023, equation 2), and a coefficient times (r_chosen + r_rejected) squared
    (Eisenstein et al. 2023, equation 2).
    """
    from arabic_llm_pipeline.tokens.tokenizer import load_tokenizer
    from arabic_llm_pipeline.training import finish, rewards
    from arabic_llm_pipeline.training.preference_batches import RewardRows
    from arabic_llm_pipeline.training.reward_trainer import reward_trainer
    from arabic_llm_pipeline.training.schedule import schedule

    settings = RewardSettings(**job.settings)
    model = finish.stage_model(job, scoring=True)
    padding = int(load_tokenizer(job.tokenizer).pad_token_id)
    rows = RewardRows(job.tokens, settings, finish.vocabulary(model), job.seed, padding)
    plan = schedule(rows.passes, settings, job.seed)
    trainer = reward_trainer(model, job, settings, plan, rows)
    finish.finish_adapter(trainer, job, plan, channel, rows.about(), rewards.about(job.base, job.tokenizer, padding))
