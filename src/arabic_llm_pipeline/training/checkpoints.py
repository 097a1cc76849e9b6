"""Checkpoints of unfinished training: they appear whole, and are checked before one is taken."""

import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

log = logging.getLogger(__name__)
KEPT = 2
PREFIX, BROKEN = "checkpoint-", "broken-"
STATE = "trainer_state.json"
TORCH_FILES = ("optimizer.pt", "scheduler.pt", "rng_state.pth")
WEIGHTS = ("adapter_model.safetensors", "model.safetensors")


@contextmanager
def arriving(folder: Path, step: int) -> Iterator[Path]:
    """A folder for a trainer to put `checkpoint-<step>` in; it takes its place when the block ends well.

    Older ones than the last two go then.
    """
    new = folder / ".new"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    try:
        yield new
        (new / f"{PREFIX}{step}").replace(folder / f"{PREFIX}{step}")
    finally:
        shutil.rmtree(new, ignore_errors=True)
    for old in _by_step(folder)[KEPT:]:
        shutil.rmtree(old)


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


def step_of(checkpoint: Path) -> int:
    """The step after which it was written."""
    return int(checkpoint.name.removeprefix(PREFIX))


def problem(checkpoint: Path) -> str | None:
    """Why training cannot go on from a checkpoint; None if it can. Everything is read, as training would."""
    import torch
    from safetensors import SafetensorError
    from transformers.trainer_pt_utils import safe_globals

    try:
        state = json.loads((checkpoint / STATE).read_text(encoding="utf-8"))
        if state["global_step"] != step_of(checkpoint):
            return f"{STATE} is of step {state['global_step']}"
        with safe_globals():
            for name in TORCH_FILES:
                torch.load(checkpoint / name, map_location="cpu", weights_only=True)
        _read_weights(checkpoint)
    except (OSError, ValueError, KeyError, RuntimeError, EOFError, SafetensorError) as error:
        return " ".join(str(error).split())[:200]
    except Exception as error:  # torch.load lets through what unpickling raises, whatever that is
        return f"{type(error).__name__}: {error}"[:200]
    return None


def _read_weights(checkpoint: Path) -> None:
    from safetensors.torch import load_file

    name = next((name for name in WEIGHTS if (checkpoint / name).is_file()), None)
    if name is None:
        raise FileNotFoundError(f"none of {', '.join(WEIGHTS)} is there")
    load_file(checkpoint / name)


def _by_step(folder: Path) -> list[Path]:
    """The last first."""
    return sorted(folder.glob(f"{PREFIX}*"), key=step_of, reverse=True)
