"""Under what a run's stages train: limits and devices of this machine, which count in no fingerprint."""

from arabic_llm_pipeline.parameters.devices import DeviceSettings
from arabic_llm_pipeline.parameters.memory import MemorySettings
from arabic_llm_pipeline.training.job import Job

_memory, _devices = MemorySettings(), DeviceSettings()


def begin(memory: MemorySettings, devices: DeviceSettings) -> None:
    """From now on stages of this process start under these."""
    global _memory, _devices
    _memory, _devices = memory, devices


def of_this_run(job: Job) -> Job:
    """A job with what holds for this run."""
    return job.model_copy(update={"memory": _memory, "devices": _devices})
