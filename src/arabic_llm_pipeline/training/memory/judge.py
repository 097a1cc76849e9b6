"""What a judge has in memory beside the policy: where it is there, and before it is trained."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from arabic_llm_pipeline.artifacts import digests
from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.files import read_json
from arabic_llm_pipeline.parameters.model import AdapterSettings, ModelSettings
from arabic_llm_pipeline.parameters.preference import RULES
from arabic_llm_pipeline.recipes import Chain, chain_of, name, scores_answers
from arabic_llm_pipeline.training import models, rewards
from arabic_llm_pipeline.training.base import Pointer, base_path, own_quantization
from arabic_llm_pipeline.training.memory import architecture
from arabic_llm_pipeline.training.memory.holdings import holdings

NO_ADAPTER = AdapterSettings(r=1)
ENTRY = "_adapter"  # ends the catalog's name of what a stage leaves
Shares = Callable[[Path], bool]


@dataclass(frozen=True)
class Judge:
    """What is known of a judge before any stage is run."""

    held: float = 0.0  # bytes
    note: str = ""  # what was assumed, or is not counted: for people


def judge_bytes(
    judge: str, config: Any, model: ModelSettings, shares: Shares, *, whole: bool, dtype: torch.dtype
) -> float:
    """Weights that a judge has in memory beside the policy's; none of a rule, and of what is not there.

    Args:
        judge: a rule, or a directory.
        config: of the policy's base.
        model: how that is held.
        shares: whether the reward model in a directory is an adapter on that base, held like this.
        whole: whether the policy is trained as a whole, so that no adapter is lent its base.
        dtype: of weights that are not quantised.

    Raises:
        UserError: the base that a reward model names is not on this machine.
    """
    directory = Path(judge).expanduser()
    if judge in RULES or not directory.is_dir():
        return 0.0
    reward = models.is_reward(directory)
    if models.is_whole(directory):
        return _whole(architecture.shape_of(directory), model, dtype, scoring=reward)
    known, beside = _about(directory), _adapters(directory, reward=reward)
    if (shared := not reward or shares(directory)) and not whole:
        return beside
    own = None if shared else known.get(rewards.REWARD, {}).get("base")
    held: dict[str, Any] = {name: known[name] for name in ("quantization", "double_quantization") if name in known}
    stands_on = architecture.shape_of(base_path(own)) if own else config
    return beside + _weights(stands_on, model.model_copy(update=held), dtype, scoring=reward)


def planned_judge(
    judge: str, base: Path | None, config: Any, model: ModelSettings, lora: AdapterSettings, dtype: torch.dtype
) -> Judge:
    """What can be known of a judge before the stages of a run: it may be one of them, not trained yet.

    Args:
        judge: a rule, or a directory.
        base: folder of the policy's base; None: it is on the hub, and known by its name.
        config: of the policy's base.
        model: how that is held.
        lora: what stages train.
        dtype: of weights that are not quantised.
    """
    directory = Path(judge).expanduser()
    called, chain = "/".join(directory.parts[-2:]), _made_by(directory)
    if judge in RULES:
        return Judge()
    if directory.is_dir():
        return _there(directory, called, base, config, model, lora, dtype)
    if not chain:
        return Judge(note=f"the judge is not counted: there is no {called}, and no stage makes it")
    note = f"the judge {called} is not trained yet: counted as the stage {name(chain)} makes it with these settings"
    return Judge(_to_come(chain, config, model, lora, dtype), note)


def _there(
    directory: Path, called: str, base: Path | None, config: Any, model: ModelSettings, lora: AdapterSettings,
    dtype: torch.dtype,
) -> Judge:  # fmt: skip
    shares, whole = partial(_shares, base=base, model=model), lora.kind == "full"
    if not (directory / models.ADAPTER).is_file() and not models.is_whole(directory):
        return Judge(note=f"the judge is not counted: {called} holds neither a reward model nor an adapter")
    try:
        held = judge_bytes(str(directory), config, model, shares, whole=whole, dtype=dtype)
    except UserError as error:
        return Judge(note=f"the judge is not counted: {error}")
    by_name = base is None and models.is_reward(directory) and not models.is_whole(directory) and shares(directory)
    return Judge(held, f"the judge {called} is on this base by name: its files are not here" if by_name else "")


def _made_by(directory: Path) -> Chain:
    """The chain whose last stage leaves such a directory: `.../sft_reward_adapter/default`; none: no stage does."""
    entry = directory.parent.name
    return chain_of(entry.removesuffix(ENTRY)) if entry.endswith(ENTRY) else ()


def _to_come(chain: Chain, config: Any, model: ModelSettings, lora: AdapterSettings, dtype: torch.dtype) -> float:
    reward = scores_answers(name(chain))
    if lora.kind == "full":
        return _whole(config, model, dtype, scoring=reward)
    found = holdings(config, model, torch.float32, lora, "sgd", copied=False, scoring=reward)
    return found.trained * (2 if not reward and len(chain) > 1 else 1)  # beside what it was trained from


def _shares(judge: Path, base: Path | None, model: ModelSettings) -> bool:
    """Whether a reward model is an adapter on a base of which no pointer is made yet."""
    if base is not None:
        memory = digests.memory()  # which has read the base already: it is an input of the plan
        files = {path.name: memory.content(path) for path in sorted(base.glob("*.safetensors"))}
        return rewards.shares_base(judge, _pointer(files, own_quantization(read_json(base / models.MODEL))), model)
    known = _about(judge)
    own = known.get(rewards.REWARD, {}).get("base", {})
    files = known["base"] if own.get("hub") == model.name else {}
    return rewards.shares_base(judge, _pointer(files, own.get("quantization")), model)


def _pointer(files: dict[str, str], quantization: str | None) -> Pointer:
    return {"files": files, "quantization": quantization}


def _whole(config: Any, model: ModelSettings, dtype: torch.dtype, *, scoring: bool) -> float:
    return _weights(config, model.model_copy(update={"quantization": "none"}), dtype, scoring=scoring)


def _weights(config: Any, model: ModelSettings, dtype: torch.dtype, *, scoring: bool) -> float:
    found = holdings(config, model, dtype, NO_ADAPTER, "sgd", copied=False, scoring=scoring)
    return found.linear + found.rest


def _adapters(directory: Path, *, reward: bool) -> float:
    """An adapter, and beside one that learned preferences what it was trained from."""
    before = () if reward else (_about(directory).get(models.FROM) or {}).values()
    own = sum(path.stat().st_size for path in directory.glob("*.safetensors"))
    return float(own + sum(size for size, _ in before))


def _about(directory: Path) -> dict[str, Any]:
    path = directory / models.ABOUT
    found: dict[str, Any] = read_json(path) if path.is_file() else {}
    return found
