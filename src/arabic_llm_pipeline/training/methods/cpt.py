"""Continued pretraining: language modelling on prose, by an adapter or by all weights of a base."""

from arabic_llm_pipeline.parameters.training import CptSettings
from arabic_llm_pipeline.training.job import Channel, Job


def train(job: Job, channel: Channel) -> None:
    """Train a new adapter, or the stage before's further, on prose, with some of what was known before."""
    from arabic_llm_pipeline.training.methods.sft import train_on_documents
    from arabic_llm_pipeline.training.replayed_rows import ReplayedRows

    train_on_documents(job, channel, CptSettings(**job.settings), ReplayedRows)
