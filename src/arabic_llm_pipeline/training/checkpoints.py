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
from arabic_llm_pipeline.parameters.training import LoopSettings
from arabic_llm_pipeline.training.job import Job

log = logging.getLogger(__name__)
KEPT = 2
PREFIX, BROKEN = "checkpoint-", "broken-"
STATE = "trainer_state.json"
TORCH_FILES = ("optimizer.pt", "scheduler.pt", "rng_state.pth")
WEIGHTS = "*.safetensors"  # of an adapter or a model, in one file or several, and what goes with them
INDEX = "model.safetensors.index.json"
ADAPTER, ALLOCATION = "adapter_config.json", "allocation.safetensors"
FULL = re.compile(r"PytorchStreamWriter failed|unexpected pos")  # torch.save, when the disk takes no more
MARK = "settings.json"  # what it is a checkpoint of


@contextmanager
def arriving(folder: Path, step: int) -> Iterator[Path]:
    """A folder for a trainer to put `checkpoint-<step>` in; it takes its place when the block ends well.

    Older ones than the last two go then.
    """
    new = folder / ".new"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    try:
        with told_when_full(folder, f"the checkpoint of step {step}"):
            yield new
            (new / f"{PREFIX}{step}").replace(folder / f"{PREFIX}{step}")
    finally:
        shutil.rmtree(new, ignore_errors=True)
    for old in _by_step(folder)[KEPT:]:
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
        "settings": {name: value for name, value in job.settings.items() if name not in _neutral(LoopSettings)},
        "adapter": job.lora.model_dump(mode="json"),
        "model": job.model.model_dump(mode="json", exclude={"name", "revision", "adapter"}),
        "base": weights,
        "seed": job.seed,
    }


def _neutral(settings: type[LoopSettings]) -> set[str]:
    """Fields of all methods that change no result, such as how often a checkpoint is written."""
    fields = settings.model_fields.items()
    own = {name for name, field in fields if isinstance(field.json_schema_extra, dict) and field.json_schema_extra}
    return own.union(*map(_neutral, settings.__subclasses__()))


def mark(checkpoint: Path, of: dict[str, Any]) -> None:
    """Say in a checkpoint what it is of."""
    write_json(checkpoint / MARK, of)


def check(checkpoint: Path, wanted: dict[str, Any]) -> None:
    """Refuse to go on from a checkpoint of other settings.

    Raises:
        UserError: it is one; with the first difference.
    """
    found = read_json(checkpoint / MARK)
    if different := [path for path in _paths(found, wanted) if _at(found, path) != _at(wanted, path)]:
        then, now = _at(found, different[0]), _at(wanted, different[0])
        raise UserError(
            f"{checkpoint} is of a training with {different[0]}={then}, now it is {now}: going on would make neither. "
            f"Go back to the settings of then, or remove {checkpoint.parent} to begin anew."
        )


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
            for name in TORCH_FILES:
                torch.load(checkpoint / name, map_location="cpu", weights_only=True)
        _read_weights(checkpoint)
        read_json(checkpoint / MARK)
    except (OSError, ValueError, KeyError, RuntimeError, EOFError, SafetensorError) as error:
        return " ".join(str(error).split())[:200]
    except Exception as error:  # torch.load lets through what unpickling raises, whatever that is
        return f"{type(error).__name__}: {error}"[:200]
    return None


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
