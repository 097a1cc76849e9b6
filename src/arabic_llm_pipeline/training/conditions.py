"""Under what a run's stages train: limits and devices of this machine, and who is told; it changes no result.

So it counts in no fingerprint: it is no input of a stage's node.
"""

from pathlib import Path

from arabic_llm_pipeline.parameters.devices import DeviceSettings
from arabic_llm_pipeline.parameters.memory import MemorySettings
from arabic_llm_pipeline.parameters.tracking import TrackingSettings
from arabic_llm_pipeline.training.job import Job

_memory, _devices = MemorySettings(), DeviceSettings()
_tracking: TrackingSettings | None = None


def begin(
    memory: MemorySettings,
    devices: DeviceSettings,
    tracking: TrackingSettings | None = None,
    project: Path | None = None,
) -> None:
    """From now on stages of this process start under these.

    Args:
        memory: limits.
        devices: on what is trained.
        tracking: who gets the rows of steps; None: nobody.
        project: its folder, which paths start from.
    """
    global _memory, _devices, _tracking
    _memory, _devices, _tracking = memory, devices, tracking
    if tracking and project:
        _tracking = tracking.model_copy(update={"directory": str(project / tracking.directory)})


def of_this_run(job: Job, label: str = "stage") -> Job:
    """A job with what holds for this run.

    Args:
        job: of a stage; its workspace has the fingerprint in its name.
        label: of the stage.
    """
    name = f"{label}/{job.workspace.name.removeprefix('.work-')}"
    return job.model_copy(update={"memory": _memory, "devices": _devices, "tracking": _tracking, "run": name})
