"""The stages, thin: each hands its directories to a process of its own.

What all of them are given: `workspace`, where checkpoints are left and found; `base_model`, a pointer to the base;
`tokenizer` and `tokens`, directories; `seed`; `adapter`, directory of the stage before, or of one that the user begins
with, or None for a new one. A named stage also gets `changes`, what differs from its method's settings, and may get
`domain`, the sources that it is about. The limits of `memory` are none of it, or a stage would be made again for them:
`training.conditions` has them. All of them give the adapter's directory, a row for every step, and the costs.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.model import AdapterSettings, ModelSettings
from arabic_llm_pipeline.parameters.preference import (
    CpoSettings,
    DnoSettings,
    DpoSettings,
    IpoSettings,
    KtoSettings,
    OrpoSettings,
    RewardSettings,
    SimpoSettings,
)
from arabic_llm_pipeline.parameters.training import AdapterLoopSettings, CptSettings, SftSettings

Trained = tuple[Path, pl.DataFrame, dict[str, Any]]
Loop = TypeVar("Loop", bound=AdapterLoopSettings)


def train_cpt(settings: CptSettings, model: ModelSettings, lora: AdapterSettings, **given: Any) -> Trained:
    """Continued pretraining, on prose."""
    from arabic_llm_pipeline.training.methods import cpt

    return _run(cpt.train, settings, model, lora, **given)


def train_sft(settings: SftSettings, model: ModelSettings, lora: AdapterSettings, **given: Any) -> Trained:
    """Supervised fine-tuning, on documents."""
    from arabic_llm_pipeline.training.methods import sft

    return _run(sft.train, settings, model, lora, **given)


def train_dpo(settings: DpoSettings, model: ModelSettings, lora: AdapterSettings, **given: Any) -> Trained:
    """Direct preference optimisation, on pairs."""
    from arabic_llm_pipeline.training.methods import preference

    return _run(preference.train_dpo, settings, model, lora, **given)


def train_ipo(settings: IpoSettings, model: ModelSettings, lora: AdapterSettings, **given: Any) -> Trained:
    """Identity preference optimisation, on pairs."""
    from arabic_llm_pipeline.training.methods import preference

    return _run(preference.train_ipo, settings, model, lora, **given)


def train_kto(
    settings: KtoSettings, model: ModelSettings, lora: AdapterSettings, *, pairs: Path, feedback: Path, **given: Any
) -> Trained:
    """Kahneman-Tversky optimisation, on pairs taken apart or on feedback."""
    from arabic_llm_pipeline.training.methods import kto

    tokens = {"pairs": pairs, "feedback": feedback}[settings.feedback]
    return _run(kto.train, settings, model, lora, tokens=tokens, **given)


def train_cpo(settings: CpoSettings, model: ModelSettings, lora: AdapterSettings, **given: Any) -> Trained:
    """Contrastive preference optimisation, on pairs."""
    from arabic_llm_pipeline.training.methods import referenceless

    return _run(referenceless.train_cpo, settings, model, lora, **given)


def train_simpo(settings: SimpoSettings, model: ModelSettings, lora: AdapterSettings, **given: Any) -> Trained:
    """Simple preference optimisation, on pairs."""
    from arabic_llm_pipeline.training.methods import referenceless

    return _run(referenceless.train_simpo, settings, model, lora, **given)


def train_orpo(settings: OrpoSettings, model: ModelSettings, lora: AdapterSettings, **given: Any) -> Trained:
    """Odds ratio preference optimisation, on pairs."""
    from arabic_llm_pipeline.training.methods import referenceless

    return _run(referenceless.train_orpo, settings, model, lora, **given)


def train_reward(settings: RewardSettings, model: ModelSettings, lora: AdapterSettings, **given: Any) -> Trained:
    """A reward model, on pairs."""
    from arabic_llm_pipeline.training.methods import reward

    return _run(reward.train, settings, model, lora, **given)


def train_dno(
    settings: DnoSettings, model: ModelSettings, lora: AdapterSettings, *, judge: Path | None, **given: Any
) -> Trained:
    """Direct Nash optimisation, on answers of its own to the prompts of pairs, which an adapter judges or a rule."""
    from arabic_llm_pipeline.training.methods import dno

    if judge is not None:
        settings = settings.model_copy(update={"judge": str(judge)})
    return _run(dno.train, settings, model, lora, **given)


def changed(settings: Loop, changes: Mapping[str, Any], rate: float, sources: tuple[str, ...] | None) -> Loop:
    """A method's settings as a named stage has them.

    Args:
        settings: of the method.
        changes: what differs; a group of settings may be changed in part.
        rate: the learning rate is multiplied by it.
        sources: what is trained on, if not None.
    """
    found = settings.model_dump()
    for key, value in changes.items():
        found[key] = {**found[key], **value} if isinstance(value, Mapping) else value
    found["learning_rate"] *= rate
    if sources is not None:
        found["selection"]["sources"] = tuple(sources)
    return type(settings).model_validate(found)


def _in_store(sources: Sequence[str] | None, tokens: Path) -> tuple[str, ...] | None:
    """Those of a domain's sources that a store holds: one source has documents, another pairs.

    Raises:
        UserError: it holds none of them.
    """
    from arabic_llm_pipeline.tokens.store import Store, TaggedFile

    if sources is None:
        return None
    store: Store[TaggedFile] = Store(tokens)
    with store.split("train") as split:
        there = split.names("source")
    if found := tuple(name for name in sources if name in there):
        return found
    raise UserError(
        f"domain.sources={list(sources)}: {tokens} has none of them, but {', '.join(there)}. "
        "The recipe wants sources of documents and of pairs: name at least one of each."
    )


def _run(
    train: Callable[..., None],
    settings: AdapterLoopSettings,
    model: ModelSettings,
    lora: AdapterSettings,
    *,
    base_model: dict[str, Any],
    changes: Mapping[str, Any] | None = None,
    rate: float = 1.0,
    domain: Mapping[str, Any] | None = None,
    tokens: Path,
    **directories: Any,
) -> Trained:
    from arabic_llm_pipeline.training.job import Job
    from arabic_llm_pipeline.training.stage import run_stage

    of_stage = changed(settings, changes or {}, rate, _in_store((domain or {}).get("sources"), tokens))
    told = {"model": model, "lora": lora, "base": base_model, "settings": of_stage.model_dump(mode="json")}
    job = Job(**told, tokens=tokens, **directories)
    return run_stage(train, job, job.workspace.parent.name.removesuffix("_adapter"))
