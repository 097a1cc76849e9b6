"""The row of every step for TensorBoard, MLflow and Weights & Biases: beside the log, and of no weight in a result."""

import math
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from arabic_llm_pipeline.common.errors import first_line
from arabic_llm_pipeline.parameters.tracking import TrackingSettings
from arabic_llm_pipeline.training import workers
from arabic_llm_pipeline.training.checkpoints import step_of
from arabic_llm_pipeline.training.costs import Row
from arabic_llm_pipeline.training.job import Job
from arabic_llm_pipeline.training.monitor import Monitor

BESIDES = {"step"}  # of a row, that is no figure
FLUSH_S = 5
Values = dict[str, float]
Write = Callable[[int, Values], None]
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "WANDB_SILENT": "true",
    "WANDB_ERROR_REPORTING": "false",
}


@contextmanager
def tracked(monitor: Monitor, job: Job, checkpoint: Path | None) -> Iterator[None]:
    """A block in which a monitor's rows go to whoever the job names; with none it does nothing.

    A tracker that fails is told of once and left: figures are in the log, and a training is worth more than its plots.
    """
    settings = job.tracking
    if settings is None or not workers.is_first():
        yield
        return
    os.environ.update(QUIET)
    begun = step_of(checkpoint) if checkpoint else 0
    writers: dict[str, Write] = {}
    with ExitStack() as open_ones:
        for name in settings.to:
            tracker = TRACKERS[name](settings, job, begun)
            with _told(name, monitor):
                writers[name] = tracker.__enter__()
                open_ones.push(partial(_close, tracker, name, monitor))
        monitor.track = lambda row: _write(writers, row, monitor)
        yield


@contextmanager
def _told(name: str, monitor: Monitor) -> Iterator[None]:
    """A block of a tracker's own code, whose errors are told and end there."""
    try:
        yield
    except Exception as error:
        monitor.channel.send("warning", f"{name} gets no more rows: {type(error).__name__}: {first_line(error)}")


def _close(tracker: Any, name: str, monitor: Monitor, *raised: Any) -> None:
    with _told(name, monitor):
        tracker.__exit__(*raised)


def _write(writers: dict[str, Write], row: Row, monitor: Monitor) -> None:
    values = {
        name: float(value)
        for name, value in row.items()
        if isinstance(value, (int, float)) and name not in BESIDES and math.isfinite(value)
    }
    for name in list(writers):
        write = writers.pop(name)
        with _told(name, monitor):
            write(int(row["step"]), values)
            writers[name] = write


def place(settings: TrackingSettings, tracker: str) -> Path:
    """Folder of a tracker's files."""
    return Path(settings.directory).resolve() / tracker


def mlflow_address(settings: TrackingSettings) -> str:
    """Where runs go: the server that is named, or a database in the folder of trackers."""
    return settings.mlflow_uri or f"sqlite:///{place(settings, 'mlflow') / 'mlflow.db'}"


@contextmanager
def tensorboard(settings: TrackingSettings, job: Job, begun: int) -> Iterator[Write]:
    """Event files in a folder of the stage and its fingerprint; of steps that are trained again the later count."""
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(place(settings, "tensorboard") / job.run, purge_step=begun + 1, flush_secs=FLUSH_S) as writer:

        def write(step: int, values: Values) -> None:
            for name, value in values.items():
                writer.add_scalar(name, value, step)

        yield write


@contextmanager
def mlflow(settings: TrackingSettings, job: Job, begun: int) -> Iterator[Write]:  # noqa: ARG001
    """A run of an experiment, on a server or in a local store; a stage that goes on goes on in its run."""
    from mlflow.entities import Metric, Param
    from mlflow.tracking import MlflowClient

    folder = place(settings, "mlflow")
    folder.mkdir(parents=True, exist_ok=True)
    client: Any = MlflowClient(mlflow_address(settings))
    files = None if settings.mlflow_uri else folder.as_uri()
    found = client.get_experiment_by_name(settings.project)
    experiment = found.experiment_id if found else client.create_experiment(settings.project, artifact_location=files)
    there = client.search_runs([experiment], f"tags.stage = '{job.run}'")
    run = there[0] if there else client.create_run(experiment, tags={"stage": job.run}, run_name=job.run)
    if not there:
        client.log_batch(run.info.run_id, params=[Param(name, str(value)) for name, value in told(job).items()])

    def write(step: int, values: Values) -> None:
        now = int(time.time() * 1000)
        client.log_batch(
            run.info.run_id,
            metrics=[Metric(re.sub(r"[^\w./ -]", "_", name), value, now, step) for name, value in values.items()],
        )

    yield write
    client.set_terminated(run.info.run_id)


@contextmanager
def wandb(settings: TrackingSettings, job: Job, begun: int) -> Iterator[Write]:  # noqa: ARG001
    """A run of a project, in files unless it is asked to be sent; no code, no machine's figures, no output goes in."""
    import wandb as library

    folder = place(settings, "wandb")
    folder.mkdir(parents=True, exist_ok=True)
    with library.init(
        project=settings.project,
        id=re.sub(r"\W", "-", job.run),
        name=job.run,
        resume="allow",
        dir=str(folder),
        mode=settings.wandb_mode,
        config=told(job),
        save_code=False,
        settings=library.Settings(console="off", disable_git=True, disable_code=True, x_disable_stats=True),
    ) as run:

        def write(step: int, values: Values) -> None:
            run.log(values, step=step)

        yield write


TRACKERS = {"tensorboard": tensorboard, "mlflow": mlflow, "wandb": wandb}


def told(job: Job) -> dict[str, Any]:
    """What a tracker is told of a training: settings, adapter, model, seed; no path of the machine."""
    groups = {"settings": job.settings, "adapter": job.lora.model_dump(), "model": job.model.model_dump()}
    flat = {f"{group}.{name}": value for group, values in groups.items() for name, value in values.items()}
    return {**flat, "seed": job.seed}
