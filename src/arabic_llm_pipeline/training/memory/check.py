"""A stage against its room: refused with advice, or made to fit, before its base is loaded."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.files import read_json, write_json
from arabic_llm_pipeline.parameters.model import ModelSettings
from arabic_llm_pipeline.parameters.training import PretrainSettings
from arabic_llm_pipeline.tokens.columns import ColumnFile
from arabic_llm_pipeline.tokens.tokenizer import load_tokenizer, model_type
from arabic_llm_pipeline.training import attention, models, rewards
from arabic_llm_pipeline.training.base import base_path
from arabic_llm_pipeline.training.job import Job
from arabic_llm_pipeline.training.memory import architecture, fit, split
from arabic_llm_pipeline.training.memory.drawing import drawing
from arabic_llm_pipeline.training.memory.judge import judge_bytes
from arabic_llm_pipeline.training.memory.limits import Room, room
from arabic_llm_pipeline.training.memory.methods import is_summed, method_of
from arabic_llm_pipeline.training.memory.plan import GB, MIB, PARTS, Plan, Stage, dtype_of, plan
from arabic_llm_pipeline.training.memory.record import CHOSEN, PLAN

log = logging.getLogger(__name__)


def checked(job: Job, target: str) -> Job:
    """The job as it can be run here, with its plan in the workspace.

    Args:
        job: of a stage.
        target: the function that trains.

    Returns:
        The job itself, or with the settings that `memory.fit` chose.

    Raises:
        UserError: it cannot fit; says what would make it fit.
    """
    method = method_of(target)
    if method is None:
        return job
    job = split.shared(split.lighter(job, method), method)
    limits = room(job.memory, on_card=models.device().type == "cuda")
    try:
        stage, config = describe(job, method)
        found = plan(stage, config)
    except UserError:
        raise
    except Exception:  # an architecture that cannot be run without data is no reason not to train it
        log.warning("What %s takes in memory cannot be worked out for this model; it is tried as it is", method)
        log.debug("because of", exc_info=True)
        return job
    chosen = _fitted(found, config, limits, job) if job.memory.fit else found
    _insist(chosen, config, limits)
    write_json(job.workspace / PLAN, {"chosen": chosen is not found, **_settings(chosen.stage), **chosen.row()})
    return job.model_copy(update={"settings": {**job.settings, **_settings(chosen.stage)}})


def describe(job: Job, method: str) -> tuple[Stage, Any]:
    """What a job is, as a plan takes it, and its base's configuration."""
    about = _about(job.tokens)
    loop = job.settings
    stage = Stage(
        method=method,
        model=_model(job),
        lora=None if method == "pretrain" else job.lora,
        micro_batch=loop["micro_batch"],
        accumulation=loop["accumulation"],
        checkpointing=loop["activation_checkpointing"],
        optimizer=loop.get("optimizer", "muon"),
        length=int(about["window"]),
        continues=job.adapter is not None,
        precomputed=bool(loop.get("precompute_reference")),
        on_card=models.device().type == "cuda",
        stored=_folder(job.tokens),
        base_files=_folder(base_path(job.base)) if job.base else 0,
        compared=not is_summed(method, loop),
        processes=job.devices.processes,
        sharded=job.devices.sharding == "full",
    )
    if "judge" in loop:
        stage = replace(stage, drawing=drawing(loop, _judge(job, stage)))
    if method == "pretrain" and job.base:
        config = architecture.read_config(base_path(job.base))
        return stage, architecture.with_layers(config, config.num_hidden_layers + loop["added_layers"])
    if method == "pretrain":
        vocabulary = len(load_tokenizer(job.tokenizer))
        return stage, architecture.pretrain_config(PretrainSettings(**loop), vocabulary, model_type(job.tokenizer))
    return stage, architecture.read_config(base_path(job.base))


def _judge(job: Job, stage: Stage) -> float:
    """Bytes of the judge of a job's answers, beside the policy."""

    def shares(directory: Path) -> bool:
        return rewards.shares_base(directory, job.base, stage.model)

    config, whole = architecture.read_config(base_path(job.base)), job.lora.kind == "full"
    return judge_bytes(job.settings["judge"], config, stage.model, shares, whole=whole, dtype=dtype_of(stage))


def _model(job: Job) -> ModelSettings:
    """As it will be held and computed here."""
    settings = attention.of_stage(job) if job.base else job.model
    return settings.model_copy(update={"quantization": models.quantization(job.base, job.model)})


def refusal(found: Plan, config: Any, limits: Room) -> str:
    """Why a plan does not fit, and what would: for people. Empty: it fits."""
    lack = limits.lack(found)
    if not lack:
        return ""
    lines = fit.advice(found.stage, config, limits.has)
    told = f"{found.stage.method} would take {lack}.\n    {_parts(found)}\n"
    if not lines:
        return f"{told}Nothing here makes it fit: take a smaller base (model.name), or a larger card."
    return f"{told}It fits with one of:\n" + "\n".join(f"    {line}" for line in lines)


def _insist(found: Plan, config: Any, limits: Room) -> None:
    if told := refusal(found, config, limits):
        raise UserError(told)


def _fitted(found: Plan, config: Any, limits: Room, job: Job) -> Plan:
    """The plan that fits best, or the one that was asked for where none does; once begun, training keeps its choice."""
    before = job.workspace / PLAN
    asked = job.memory.micro_batch or job.memory.activation_checkpointing
    begun = any(job.workspace.rglob("checkpoint-*"))  # of DNO they lie in the folders of its rounds
    if not asked and begun and before.is_file():
        kept = read_json(before)
        names = {"micro_batch": "micro_batch", "accumulation": "accumulation"}
        again = {name: kept[key] for name, key in names.items()}
        return plan(replace(found.stage, checkpointing=kept["activation_checkpointing"], **again), config)
    limit = job.memory.micro_batch
    best = fit.choose(found.stage, config, limits.has, limit, again=job.memory.activation_checkpointing)
    if best is None:
        return found
    if best.stage != found.stage:
        log.warning("memory.fit chooses %s (%.2f GB planned)", fit.settings_of(best.stage), best.device / GB)
    return best


def _settings(stage: Stage) -> dict[str, Any]:
    return dict(zip(CHOSEN, (stage.micro_batch, stage.accumulation, stage.checkpointing), strict=True))


def _parts(found: Plan) -> str:
    parts = {name: getattr(found, name) for name in PARTS}
    return ", ".join(f"{name} {value / MIB:,.0f} MiB" for name, value in parts.items() if value >= MIB)


def _about(tokens: Path) -> dict[str, Any]:
    return ColumnFile(next(iter(sorted(tokens.glob("*.h5"))))).about


def _folder(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
