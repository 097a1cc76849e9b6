"""A stage in a process of its own: started, watched, stopped and resumed; clean memory at every start."""

import importlib
import importlib.util
import json
import logging
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, NoReturn, cast

import polars as pl

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.files import read_json
from arabic_llm_pipeline.common.processes import available_cores, die_with_parent
from arabic_llm_pipeline.common.progress import progress
from arabic_llm_pipeline.tokens.show import CLOSE, OPEN
from arabic_llm_pipeline.training import conditions
from arabic_llm_pipeline.training.job import LOG, RESOURCES, RESULT, Channel, InterruptedTrainingError, Job
from arabic_llm_pipeline.training.memory.methods import method_of
from arabic_llm_pipeline.training.quiet import OFFLINE, offline, pass_on

log = logging.getLogger(__name__)
SAVING_S = 120.0  # after Ctrl-C: what a child may take to write its checkpoint
SHOWN = 1_000  # characters of a row
BLOCK = 1 << 16  # bytes read of a child's words at a time
LAST_LINES = 15  # of a child's own words, in the error it ends in
# Threads of a small model meet thousands of times a step. By default they wait for each other by spinning: 18% faster
# on idle cores, and 2 to 25 times slower as soon as anything else wants one of them.
THREADS = {"GOMP_SPINCOUNT": "1000"}
Train = Callable[[Job, Channel], None]


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
    told, said = job.workspace / "job.json", job.workspace / "stage.log"
    told.write_text(_asked(job, label).model_dump_json(indent=1), encoding="utf-8")
    target = f"{train.__module__}:{train.__name__}"
    command = [sys.executable, "-m", __name__, str(told), target, str(os.getpid())]
    with said.open("wb") as words:
        child = subprocess.Popen(  # noqa: S603  its words are ours
            command, stdout=subprocess.PIPE, stderr=words, env=_environment(), start_new_session=True
        )
    try:
        error = _watch(child, label)
        code = child.wait()
    except KeyboardInterrupt:
        _let_save(child)
        raise
    finally:
        child.kill()
        child.wait()
    if code != 0 or error:
        _fail(label, code, error, said)


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


def _environment() -> dict[str, str]:
    """All cores unless the user says otherwise; one card at most; the package found however this process found it."""
    home = str(Path(__file__).parents[2])
    paths = [home, *filter(None, [os.environ.get("PYTHONPATH")])]
    card = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    told = {"PYTHONPATH": os.pathsep.join(paths), "CUDA_VISIBLE_DEVICES": card}
    return {**THREADS, "OMP_NUM_THREADS": str(available_cores()), **os.environ, **OFFLINE, **told}


def _watch(child: "subprocess.Popen[bytes]", label: str) -> str | None:
    """Show progress until the child closes its end; gives the error it told of."""
    answers = _answers(cast(IO[bytes], child.stdout))
    for kind, value in answers:
        if kind == "plan":
            return _show(answers, label, *value)
        if kind == "error":
            return str(value)
        if kind == "rows":
            _show_rows(label, value)
        else:
            log.warning("%s: %s", label, value)
    return None


def _show_rows(label: str, rows: list[str]) -> None:
    for number, text in enumerate(rows, 1):
        shown = text if len(text) <= SHOWN else f"{text[:SHOWN]} \u2026"  # HORIZONTAL ELLIPSIS
        log.info("%s: row %d of the first batch, what is learned in %s%s:\n%s", label, number, OPEN, CLOSE, shown)


def _show(answers: Iterator[tuple[str, Any]], label: str, first: int, steps: int) -> str | None:
    if first:
        log.info("%s: going on after step %d of %d", label, first, steps)
    with progress(label, steps, first) as advance:
        for kind, value in answers:
            if kind == "error":
                return str(value)
            if kind == "row":
                advance(1, _now(value))
            else:
                log.warning("%s: %s", label, value)
    return None


def _now(row: dict[str, Any]) -> str:
    """A step in a few words."""
    held = row.get("device_memory_mb") or row.get("process_memory_now_mb")
    validated = row.get("validation_loss")
    return (
        f"loss {row['loss']:.3f}, {row['tokens_per_second']:,.0f} tokens/s"
        + (f", {held:,.0f} MB" if held else "")
        + (f", held-out loss {validated:.3f}" if validated is not None else "")
    )


def _answers(out: IO[bytes]) -> Iterator[tuple[str, Any]]:
    """What the child says, line by line, until it closes its end.

    polars asks for reads to go on after a signal: in one, Ctrl-C would wait for the child's next word. A select is
    never gone on with, whoever asks (signal(7)).
    """
    begun = b""
    while select.select([out], [], []) and (block := os.read(out.fileno(), BLOCK)):
        *lines, begun = (begun + block).split(b"\n")
        for line in lines:
            yield from json.loads(line).items()


def _let_save(child: "subprocess.Popen[bytes]") -> None:
    """Ask the child to stop after its step, and wait for its checkpoint."""
    log.warning("Stopping after this step; a checkpoint is kept. Ctrl-C again to stop at once.")
    child.send_signal(signal.SIGINT)
    try:
        child.wait(SAVING_S)
    except subprocess.TimeoutExpired:
        log.warning("The checkpoint took too long: the one before it stays.")


def _fail(label: str, code: int, error: str | None, said: Path) -> NoReturn:
    if error:
        raise UserError(f"{label}: {error}")
    if code == -signal.SIGKILL:
        raise UserError(
            f"{label} was killed from outside, as the system does when memory is short. "
            "Run again as it is, and it goes on from the last checkpoint. With a lower micro_batch (and a higher "
            "accumulation), or with activation_checkpointing=true, it takes less, and begins anew."
        )
    last = "\n".join(said.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:])
    raise RuntimeError(f"{label} ended with code {code}; its last lines:\n{last}\nAll of them: {said}")


def main(told: str, target: str, parent: str) -> int:
    """The child: does the job, and answers on the channel. Gives the exit code."""
    die_with_parent(int(parent))
    channel = Channel()
    offline()
    module, _, name = target.partition(":")
    job = Job.model_validate_json(Path(told).read_text(encoding="utf-8"))
    try:
        pass_on(lambda text: channel.send("warning", text))
        getattr(importlib.import_module(module), name)(_checked(job, target), channel)
    except UserError as error:
        channel.send("error", str(error))
        return 1
    except (InterruptedTrainingError, KeyboardInterrupt):
        return 128 + signal.SIGINT
    except Exception as error:
        if not _is_memory(error):
            raise
        seen = next(iter(str(error).splitlines()), "out of memory")
        channel.send("error", f"memory is short ({seen}). Lower micro_batch and raise accumulation.")
        return 1
    return 0


def _checked(job: Job, target: str) -> Job:
    """The job after the memory plan; what is no method of ours has none."""
    if method_of(target) is None:
        return job
    # by its name, so that it does not count as code of the stage: it changes how a batch is split, not what is learned
    found: Job = importlib.import_module("arabic_llm_pipeline.training.memory.check").checked(job, target)
    return found


def _is_memory(error: Exception) -> bool:
    torch = sys.modules.get("torch")
    known = (MemoryError, *((torch.OutOfMemoryError,) if torch else ()))
    return isinstance(error, known) or "can't allocate memory" in str(error)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
