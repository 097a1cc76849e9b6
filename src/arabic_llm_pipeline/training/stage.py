"""A stage in a process of its own: started, watched, stopped and resumed; clean memory at every start."""

import importlib
import importlib.util
import logging
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import polars as pl

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.files import read_json
from arabic_llm_pipeline.common.processes import die_with_parent
from arabic_llm_pipeline.common.progress import progress
from arabic_llm_pipeline.tokens.show import CLOSE, OPEN
from arabic_llm_pipeline.training import conditions, launch, models, workers
from arabic_llm_pipeline.training.job import LOG, RESOURCES, RESULT, Channel, InterruptedTrainingError, Job
from arabic_llm_pipeline.training.memory import relief
from arabic_llm_pipeline.training.memory.methods import method_of
from arabic_llm_pipeline.training.memory.shortage import is_shortage
from arabic_llm_pipeline.training.quiet import offline, pass_on

log = logging.getLogger(__name__)
SHOWN = 1_000  # characters of a row
MEMORY = "memory"  # on the channel: there was too little
FAILURES = ("error", MEMORY)
LAST_LINES = 15  # of a child's own words, in the error it ends in
Train = Callable[[Job, Channel], None]
Failure = tuple[str, str]  # what kind, and what is said


def run_stage(train: Train, job: Job, label: str) -> tuple[Path, pl.DataFrame, dict[str, Any]]:
    """Train in a child process, from the last good checkpoint in the workspace if there is one.

    Args:
        train: a method's function, such as `methods.sft.train`; the child imports it by name.
        job: what it gets.
        label: what is trained, for the screen.

    Returns:
        The finished directory inside the workspace (adapter or model), a row for every step, and what it cost.

    Raises:
        UserError: something the user can mend, memory above all.
        RuntimeError: the child ended otherwise; with its last lines.
    """
    if not (job.finished / RESULT).is_dir():
        shutil.rmtree(job.finished, ignore_errors=True)
        _run(train, job, label)
    return job.finished / RESULT, pl.read_parquet(job.finished / LOG), read_json(job.finished / RESOURCES)


def _run(train: Train, job: Job, label: str) -> None:
    target = f"{train.__module__}:{train.__name__}"
    job = _asked(job, label).model_copy(update={"method": method_of(target) or ""})
    while less := _tried(target, job, label):
        job = less


def _tried(target: str, job: Job, label: str) -> Job | None:
    """Start it; gives None when it has ended well, or what to go on with where it ran out of memory.

    Raises:
        UserError: it ended otherwise, or there is nothing to go on with.
    """
    told = job.workspace / "job.json"
    told.write_text(job.model_dump_json(indent=1), encoding="utf-8")
    numbers = range(job.devices.processes)
    said = [job.workspace / (f"stage-{number}.log" if number else "stage.log") for number in numbers]
    with launch.started(["-m", __name__, str(told), target, str(os.getpid())], job.devices, said) as crew:
        error = _watch(crew.answers(), label)
    number, code = crew.failure()
    if code == 0 and not error:
        return None
    is_memory = error[0] == MEMORY if error else code == -signal.SIGKILL
    change = next(iter(relief.ways(job)), None) if job.memory.retry and is_memory else None
    if change is None:
        _fail(label, code, error, said[number], job)
    log.warning("%s: memory is short. It goes on with %s, at the same batch.", label, relief.as_typed(change))
    return job.model_copy(update={"memory": job.memory.model_copy(update=change)})


def _asked(job: Job, label: str) -> Job:
    """The job under what holds for this run.

    Raises:
        UserError: a tracker is to be told that is not installed.
    """
    found = conditions.of_this_run(job, label)
    for name in found.tracking.to if found.tracking else ():
        if importlib.util.find_spec(name) is None:
            raise UserError(
                f"tracking.to names {name}, which is not installed. Leave it out, or install it: "
                f"pip install 'arabic-llm-pipeline[{name}]'"
            )
    return found


def _watch(answers: Iterator[tuple[str, Any]], label: str) -> Failure | None:
    """Show progress until they end; gives the first failure that one of them told of."""
    failures: list[Failure] = []
    for kind, value in answers:
        if kind == "plan":
            failures += _show(answers, label, *value)
        elif kind in FAILURES:
            failures.append((kind, str(value)))
        elif kind == "rows":
            _show_rows(label, value)
        else:
            log.warning("%s: %s", label, value)
    return next(iter(failures), None)


def _show_rows(label: str, rows: list[str]) -> None:
    for number, text in enumerate(rows, 1):
        shown = text if len(text) <= SHOWN else f"{text[:SHOWN]} \u2026"  # HORIZONTAL ELLIPSIS
        log.info("%s: row %d of the first batch, what is learned in %s%s:\n%s", label, number, OPEN, CLOSE, shown)


def _show(answers: Iterator[tuple[str, Any]], label: str, first: int, steps: int) -> list[Failure]:
    failures = []
    if first:
        log.info("%s: going on after step %d of %d", label, first, steps)
    with progress(label, steps, first) as advance:
        for kind, value in answers:
            if kind in FAILURES:
                failures.append((kind, str(value)))
            elif kind == "row":
                advance(1, _now(value))
            else:
                log.warning("%s: %s", label, value)
    return failures


def _now(row: dict[str, Any]) -> str:
    """A step in a few words."""
    held = row.get("device_memory_mb") or row.get("process_memory_now_mb")
    validated = row.get("validation_loss")
    return (
        f"loss {row['loss']:.3f}, {row['tokens_per_second']:,.0f} tokens/s"
        + (f", {held:,.0f} MB" if held else "")
        + (f", held-out loss {validated:.3f}" if validated is not None else "")
    )


def _fail(label: str, code: int, failure: Failure | None, said: Path, job: Job) -> NoReturn:
    if failure:
        kind, text = failure
        raise UserError(f"{label}: {text} {relief.advice(job)}" if kind == MEMORY else f"{label}: {text}")
    if code == -signal.SIGKILL:
        raise UserError(
            f"{label} was killed from outside, as the system does when memory is short. "
            f"Run again as it is, and it goes on from the last checkpoint. {relief.advice(job)}"
        )
    last = "\n".join(said.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:])
    raise RuntimeError(f"{label} ended with code {code}; its last lines:\n{last}\nAll of them: {said}")


def main(told: str, target: str, parent: str) -> int:
    """The child, or one of several: does the job, and answers on the channel. Gives the exit code."""
    die_with_parent(int(parent))
    channel = Channel(None if workers.is_first() else FAILURES)
    offline()
    models.ready()
    module, _, name = target.partition(":")
    job = Job.model_validate_json(Path(told).read_text(encoding="utf-8"))
    try:
        pass_on(lambda text: channel.send("warning", text))
        workers.meet()
        getattr(importlib.import_module(module), name)(_checked(job, target), channel)
        workers.part()
    except UserError as error:
        channel.send("error", str(error))
        return 1
    except (InterruptedTrainingError, KeyboardInterrupt):
        return 128 + signal.SIGINT
    except Exception as error:
        if not is_shortage(error):
            raise
        seen = next(iter(str(error).splitlines()), "out of memory")
        channel.send(MEMORY, f"memory is short ({seen}).")
        return 1
    return 0


def _checked(job: Job, target: str) -> Job:
    """The job after the memory plan, the same for all workers; what is no method of ours has none."""
    if method_of(target) is None:
        return job
    # by name, so that they do not count as code of the stage: they change how a batch is split, not what is learned
    check: Any = importlib.import_module("arabic_llm_pipeline.training.memory.check")
    limits: Any = importlib.import_module("arabic_llm_pipeline.training.memory.limits")
    settings = workers.agreed("settings", lambda: check.checked(job, target).settings)
    limits.cap(job.memory)  # each worker has an allocator of its own
    return job.model_copy(update={"settings": settings})


def _leave(arguments: list[str]) -> NoReturn:
    """End, without waiting for what libraries have begun together with a worker that is gone."""
    try:
        code = main(*arguments)
    except BaseException:
        traceback.print_exc()
        code = 1
    for out in (sys.stdout, sys.stderr):
        out.flush()
    os._exit(code)


if __name__ == "__main__":
    _leave(sys.argv[1:]) if workers.count() > 1 else sys.exit(main(*sys.argv[1:]))
