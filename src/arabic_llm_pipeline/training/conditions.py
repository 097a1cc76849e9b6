"""Under what a run's stages train: limits of this machine, and who is told; it changes no result.

So it counts in no fingerprint: it is no input of a stage's node.
"""

from pathlib import Path

from arabic_llm_pipeline.parameters.memory import MemorySettings
from arabic_llm_pipeline.parameters.tracking import TrackingSettings
from arabic_llm_pipeline.training.job import Job

_memory = MemorySettings()
_tracking: TrackingSettings | None = None


def begin(memory: MemorySettings, tracking: TrackingSettings, project: Path) -> None:
    """From now on stages of this process start under these.

    Args:
        memory: limits.
        tracking: who gets the rows of steps.
        project: its folder, which paths start from.
    """
    global _memory, _tracking
    _memory = memory
    _tracking = tracking.model_copy(update={"directory": str(project / tracking.directory)})


def of_this_run(job: Job, label: str) -> Job:
    """A job with what holds for this run.

    Args:
        job: of a stage; its workspace has the fingerprint in its name.
        label: of the stage.
    """
    name = f"{label}/{job.workspace.name.removeprefix('.work-')}"
    return job.model_copy(update={"memory": _memory, "tracking": _tracking, "run": name})
