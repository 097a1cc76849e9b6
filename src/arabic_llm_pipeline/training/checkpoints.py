"""Checkpoints of unfinished training: they appear whole, and are checked before one is taken."""

import json
import logging
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from arabic_llm_pipeline.common.errors import UserError, causes, no_room
from arabic_llm_pipeline.common.files import read_json, write_json
from arabic_llm_pipeline.common.neutral import is_neutral
from arabic_llm_pipeline.parameters.training import LoopSettings
from arabic_llm_pipeline.training import workers
from arabic_llm_pipeline.training.job import Job
from arabic_llm_pipeline.training.memory.methods import is_summed

log = logging.getLogger(__name__)
KEPT = 2
PREFIX, BROKEN = "checkpoint-", "broken-"
STATE = "trainer_state.json"
OPTIMIZER, SCHEDULER = "optimizer.pt", "scheduler.pt"
DRAWN, OF_EACH = "rng_state.pth", "rng_state_{}.pth"  # states of random numbers: of one worker, of each of several
SCALER = "scaler.pt"  # of float16 alone
WEIGHTS = "*.safetensors"  # of an adapter or a model, in one file or several, and what goes with them
INDEX = "model.safetensors.index.json"
ADAPTER, ALLOCATION = "adapter_config.json", "allocation.safetensors"
FULL = re.compile(r"PytorchStreamWriter failed|unexpected pos")  # torch.save, when the disk takes no more
MARK = "settings.json"  # what it is a checkpoint of
PROCESSES, SHARDING = "processes", "devices.sharding"
# What says how a batch is split
SPLIT = ("settings/micro_batch", "settings/accumulation", "settings/activation_checkpointing", PROCESSES)


@contextmanager
def arriving(folder: Path, step: int) -> Iterator[Path]:
    """A folder for a trainer to put `checkpoint-<step>` in; it takes its place when the block ends well.

    All workers come here, and the block has to end well in each.

    Older ones than the last two go then.
    """
    new, first = folder / ".new", workers.is_first()
    if first:
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
    workers.together()
    try:
        with told_when_full(folder, f"the checkpoint of step {step}"):
            yield new
            workers.together()
            if first:
                (new / f"{PREFIX}{step}").replace(folder / f"{PREFIX}{step}")
    finally:
        if first:
            shutil.rmtree(new, ignore_errors=True)
    for old in _by_step(folder)[KEPT:] if first else ():
        shutil.rmtree(old)


@contextmanager
def told_when_full(folder: Path, what: str) -> Iterator[None]:
    """End in one clear error where the disk has no room for what is written.

    Raises:
        UserError: it is full; with the checkpoint that a next run goes on from.
    """
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        if not any(no_room(cause) or FULL.search(str(cause)) for cause in causes(error)):
            raise
        there = next((f"goes on after step {step_of(kept)}" for kept in _by_step(folder)), "begins anew")
        raise UserError(
            f"the disk is full: there is no room in {folder} for {what}. What was written before is whole. Make room "
            f"and run again: it {there}."
        ) from error


def latest(folder: Path) -> Path | None:
    """The last checkpoint that is good; a broken one is set aside, with a word."""
    for checkpoint in _by_step(folder):
        lack = problem(checkpoint)
        if lack is None:
            return checkpoint
        aside = folder / f"{BROKEN}{checkpoint.name}"
        shutil.rmtree(aside, ignore_errors=True)
        checkpoint.replace(aside)
        log.warning("%s is broken (%s): set aside as %s, the one before it is taken", checkpoint.name, lack, aside.name)
    return None


def stamp(job: Job) -> dict[str, Any]:
    """What tells one training from another, but for the data: these are in its workspace's name."""
    weights = {name: digest for name, digest in job.base.get("files", {}).items() if name.endswith(".safetensors")}
    return {
        "settings": {name: value for name, value in job.settings.items() if not _changes_nothing(name, value)},
        "adapter": job.lora.model_dump(mode="json"),
        "model": job.model.model_dump(mode="json", exclude={"name", "revision", "adapter"}),
        "base": weights,
        "seed": job.seed,
        PROCESSES: workers.count(),
        SHARDING: job.devices.sharding,  # the optimizer's state is kept by names, or by numbers
    }


def _changes_nothing(name: str, value: Any) -> bool:
    """Whether a setting of some method changes no result, such as how often a checkpoint is written."""
    return any(is_neutral(field, value) for field in _named(name, LoopSettings))


def _named(name: str, settings: type[LoopSettings]) -> Iterator[Any]:
    """The fields of that name, of all methods."""
    if name in settings.model_fields:
        yield settings.model_fields[name]
    for method in settings.__subclasses__():
        yield from _named(name, method)


def mark(checkpoint: Path, of: dict[str, Any]) -> None:
    """Say in a checkpoint what it is of."""
    write_json(checkpoint / MARK, of)


def check(checkpoint: Path, wanted: dict[str, Any], method: str = "") -> None:
    """Refuse to go on from a checkpoint of other settings.

    A batch that is split otherwise is gone on with, and a warning, where the method's result differs by rounding.

    Args:
        checkpoint: a good one.
        wanted: the stamp of what is to be trained.
        method: by which; empty: not known.

    Raises:
        UserError: it is one of others; with the first difference.
    """
    found = {PROCESSES: 1, SHARDING: "none"} | read_json(checkpoint / MARK)
    different = [path for path in _paths(found, wanted) if _at(found, path) != _at(wanted, path)]
    if not different:
        return
    if set(different) <= set(SPLIT) and _splits_alike(found, wanted, method):
        log.warning(
            "Going on after step %d, from a checkpoint of %s, with %s: the batch is the same, the result is not to the "
            "bit.", step_of(checkpoint), _split(found), _split(wanted)
        )  # fmt: skip
        return
    first = next((path for path in different if path not in SPLIT), different[0])
    then, now = _at(found, first), _at(wanted, first)
    raise UserError(
        f"{checkpoint} is of a training with {first}={then}, now it is {now}: going on would make neither. "
        f"Go back to the settings of then, or remove {checkpoint.parent} to begin anew."
    )


def _splits_alike(found: dict[str, Any], wanted: dict[str, Any], method: str) -> bool:
    """Whether two ways to split a batch differ by rounding alone."""
    batches = [of["settings"]["micro_batch"] * of["settings"]["accumulation"] for of in (found, wanted)]
    same_rows = found["settings"]["micro_batch"] == wanted["settings"]["micro_batch"]
    same_workers = found[PROCESSES] == wanted[PROCESSES]
    return batches[0] == batches[1] and (is_summed(method, wanted["settings"]) or (same_rows and same_workers))


def _split(of: dict[str, Any]) -> str:
    loop = of["settings"]
    again = ", activations computed again" if loop.get("activation_checkpointing") else ""
    return f"{loop['micro_batch']} x {loop['accumulation']} rows in {of[PROCESSES]} processes{again}"


def _paths(*values: Any, prefix: str = "") -> list[str]:
    """Names of all that is said in any of the values, by path."""
    inside = [value for value in values if isinstance(value, dict)]
    if not inside:
        return [prefix]
    names = sorted({name for value in inside for name in value})
    return [
        path
        for name in names
        for path in _paths(*(value.get(name) for value in inside), prefix=f"{prefix}/{name}" if prefix else name)
    ]


def _at(value: Any, path: str) -> Any:
    for name in path.split("/"):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def step_of(checkpoint: Path) -> int:
    """The step after which it was written."""
    return int(checkpoint.name.removeprefix(PREFIX))


def oldest(folder: Path) -> int:
    """Step of the first checkpoint that is kept; 0 without any."""
    return min(map(step_of, _by_step(folder)), default=0)


def problem(checkpoint: Path) -> str | None:
    """Why training cannot go on from a checkpoint; None if it can. Everything is read, as training would."""
    import torch
    from transformers.trainer_pt_utils import safe_globals

    try:
        state = json.loads((checkpoint / STATE).read_text(encoding="utf-8"))
        if state["global_step"] != step_of(checkpoint):
            return f"{STATE} is of step {state['global_step']}"
        with safe_globals():
            for name in _torch_files(checkpoint):
                torch.load(checkpoint / name, map_location="cpu", weights_only=True)
        _read_weights(checkpoint)
        read_json(checkpoint / MARK)
    except (OSError, ValueError, KeyError, RuntimeError, EOFError, SafetensorError) as error:
        return " ".join(str(error).split())[:200]
    except Exception as error:  # torch.load lets through what unpickling raises, whatever that is
        return f"{type(error).__name__}: {error}"[:200]
    return None


def _torch_files(checkpoint: Path) -> list[str]:
    count = read_json(checkpoint / MARK).get(PROCESSES, 1)
    drawn = [DRAWN] if count == 1 else [OF_EACH.format(number) for number in range(count)]
    return [OPTIMIZER, SCHEDULER, *drawn, *([SCALER] if (checkpoint / SCALER).exists() else [])]


def _read_weights(checkpoint: Path) -> None:
    from safetensors.torch import load_file

    there = {path.name for path in checkpoint.glob(WEIGHTS)}
    index = checkpoint / INDEX
    named = set(read_json(index)["weight_map"].values()) if index.is_file() else set()
    main = {name for name in there if name.startswith(("adapter_model", "model"))}
    if missing := sorted(named - there):
        raise FileNotFoundError(f"{missing[0]} is not there")
    if not main:
        raise FileNotFoundError("no weights are there")
    if (checkpoint / ADAPTER).is_file() and read_json(checkpoint / ADAPTER)["peft_type"] == "ADALORA":
        there.add(ALLOCATION)
    for name in there:
        load_file(checkpoint / name)


def _by_step(folder: Path) -> list[Path]:
    """The last first."""
    return sorted(folder.glob(f"{PREFIX}*"), key=step_of, reverse=True)
