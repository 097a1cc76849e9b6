"""Under what a run's stages train: limits of this machine, which change no result and count in no fingerprint."""

from arabic_llm_pipeline.parameters.memory import MemorySettings
from arabic_llm_pipeline.training.job import Job

_memory = MemorySettings()


def begin(memory: MemorySettings) -> None:
    """From now on stages of this process start under these."""
    global _memory
    _memory = memory


def of_this_run(job: Job) -> Job:
    """A job with what holds for this run."""
    return job.model_copy(update={"memory": _memory})
