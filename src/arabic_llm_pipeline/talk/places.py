"""From what a person types to where a model is: a stage's name, the base, or a directory."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.model import ModelSettings, Quantization
from arabic_llm_pipeline.parameters.preference import RULES
from arabic_llm_pipeline.recipes import BASE, CHAINS, parent, prefixes, scores_answers
from arabic_llm_pipeline.recipes import name as joined
from arabic_llm_pipeline.talk.speaker import Place

Load = Callable[[str], Any]  # of a catalog


def find(name: str, load: Load, exists: Callable[[str], bool], quantization: Quantization | None = None) -> Place:
    """Where a model is.

    Args:
        name: base, a stage such as sft_dpo, or a directory: an adapter of a stage, or a model with its tokenizer.
        load: gives what an entry of the catalog holds.
        exists: whether an entry holds anything.
        quantization: how the base's weights are held; None: as `model.quantization` says, or, of a model that stands
            by itself, as they are.

    Raises:
        UserError: there is no such model, or it was not trained yet.
    """
    directory = Path(name).expanduser()
    if directory.is_dir() and (directory / "tokenizer.json").is_file():
        return _whole(name, directory, quantization)
    stages = _stages()
    if not directory.is_dir() and name != BASE and name not in stages:
        raise UserError(
            f"{name} is no stage and no directory with a model. Stages: {', '.join(sorted([BASE, *stages]))}."
        )
    if name in stages and scores_answers(name):
        raise UserError(
            f"{name} is a reward model: it gives answers scores and writes none. Ask the stage before it, and have it "
            f"judge: kedro generate ... --model={parent(name)} --best-of=8 --judge={name}"
        )
    for entry in ("base_model", "tokenizer", *([f"{name}_adapter"] if name in stages else [])):
        if not exists(entry):
            raise UserError(f"There is no {entry} yet: kedro run --pipelines={name if name in stages else 'sft'}")
    adapter = None if name == BASE else load(f"{name}_adapter") if name in stages else directory
    settings = ModelSettings.model_validate(load("params:model"))
    if quantization:
        settings = settings.model_copy(update={"quantization": quantization})
    return Place(name, load("base_model"), adapter, load("tokenizer"), settings)


def find_judge(name: str, load: Load, exists: Callable[[str], bool]) -> str:
    """A judge as `training.judges` takes it: a rule's name, or a directory; a stage's is that which it left.

    Raises:
        UserError: the stage was not trained yet.
    """
    if name in RULES or name not in _stages() or Path(name).expanduser().is_dir():
        return name
    entry = f"{name}_adapter"
    if not exists(entry):
        raise UserError(f"There is no {entry} yet: kedro run --pipelines={name}")
    return str(load(entry))


def _stages() -> set[str]:
    return {joined(part) for chain in CHAINS.values() for part in prefixes(chain)}


def _whole(name: str, directory: Path, quantization: Quantization | None) -> Place:
    from arabic_llm_pipeline.training.base import resolve_base

    settings = ModelSettings(name=str(directory.resolve()), quantization=quantization or "none")
    return Place(name, resolve_base(settings, directory.resolve()), None, directory, settings)
