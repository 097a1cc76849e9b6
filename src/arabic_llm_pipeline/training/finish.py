"""The same ending for every method: train from where it stands, then leave result, log and costs whole."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import transformers

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.files import write_json
from arabic_llm_pipeline.parameters.model import conflict
from arabic_llm_pipeline.tokens.show import bracketed
from arabic_llm_pipeline.tokens.store import Store
from arabic_llm_pipeline.tokens.tokenizer import digests, load_tokenizer
from arabic_llm_pipeline.training import adapters, attention, checkpoints, costs, models, rewards, sharding, workers
from arabic_llm_pipeline.training.batches import IGNORED, Batch
from arabic_llm_pipeline.training.job import LOG, RESOURCES, RESULT, Channel, InterruptedTrainingError, Job
from arabic_llm_pipeline.training.memory.record import planned
from arabic_llm_pipeline.training.monitor import Monitor
from arabic_llm_pipeline.training.schedule import Schedule
from arabic_llm_pipeline.training.tracking import tracked
from arabic_llm_pipeline.training.trainers import Watched

SHOWN = 2  # rows (of pairs: pairs), on the screen, before a training begins


def stage_model(job: Job, *, scoring: bool = False) -> Any:
    """The base with the adapter of the stage before, or with a new one; or, of kind full, the model to be trained.

    Args:
        job: of the stage.
        scoring: whether it is to give rewards: with a new head instead of the output layer.

    Raises:
        UserError: the settings do not go together, or not with this model.
    """
    sharding.check(job)
    held = job.model.model_copy(update={"quantization": models.quantization(job.base, job.model)})
    if lack := conflict(held, job.lora):
        raise UserError(lack)
    models.warn_of_emulation(job.model)
    return _begun(job.model_copy(update={"model": attention.of_stage(job)}), scoring)


def _begun(job: Job, scoring: bool) -> Any:
    dtype = torch.float32 if job.lora.kind == "full" else None  # small steps are lost in 16 bits
    on_host = sharding.is_asked(job)  # each worker takes its part of a layer from there, so no card holds all of them
    if job.adapter is not None and models.is_whole(job.adapter) != (job.lora.kind == "full"):
        before = "a whole model" if models.is_whole(job.adapter) else "an adapter"
        raise UserError(
            f"The stage before, in {job.adapter}, left {before}, and adapter.kind is {job.lora.kind}: a chain has one "
            "kind. Set adapter.kind to that of then, or take the merged model (export) as model.name."
        )
    if job.adapter is not None and models.is_whole(job.adapter):
        models.check_origin(job.adapter, job.base, job.model)
        base = models.load_whole(job.adapter, job.model, dtype, on_host=on_host, scoring=scoring)
    else:
        base = models.load_base(job.base, job.model, dtype, on_host=on_host, scoring=scoring)
    if scoring:
        rewards.draw_head(base, job.seed)
    if job.adapter is None or models.is_whole(job.adapter):
        return adapters.new_adapter(base, job.lora, job.seed, scoring=scoring)
    if scoring:
        models.check_origin(job.adapter, job.base, job.model)
        return adapters.for_scores(base, job.adapter, job.seed)
    return models.with_adapter(base, job.adapter, job.base, job.model, trainable=True)


def vocabulary(model: Any) -> int:
    """Rows of a model's embedding."""
    return int(model.get_input_embeddings().weight.shape[0])


def finish_adapter(
    trainer: Watched,
    job: Job,
    plan: Schedule,
    channel: Channel,
    data: dict[str, Any],
    more: Mapping[str, Any] | None = None,
) -> None:
    """Train an adapter to the end and leave it finished.

    Args:
        trainer: with its data.
        job: of the stage.
        plan: of the data.
        channel: to the parent.
        data: what it is trained on, in figures.
        more: what is to be known of the result beside its base and the stage that it was trained from.
    """
    name = job.base["hub"] or job.base["path"]
    about = {**models.about_base(job.base, job.model), models.FROM: models.weights_of(job.adapter), **(more or {})}
    finish(
        trainer,
        job,
        plan,
        channel,
        data,
        models.quantization(job.base, job.model),
        lambda path: adapters.save_adapter(trainer.model, path, name, about, trainer.whole),
    )


def first_rows(batch: Batch, tokenizer: Path) -> list[str]:
    """The rows of a batch as text, what counts in the loss in brackets; what comes after that is left out."""
    loaded = load_tokenizer(tokenizer)
    learned = batch["labels"] != IGNORED if "labels" in batch else batch["completion_mask"].bool()
    ends = [int(row.nonzero().max()) + 1 if row.any() else len(row) for row in learned]
    rows = zip(batch["input_ids"].tolist(), learned.tolist(), ends, strict=True)
    return [bracketed(loaded, ids[:end], on[:end]) for ids, on, end in rows]


def finish(
    trainer: Watched,
    job: Job,
    plan: Schedule,
    channel: Channel,
    data: dict[str, Any],
    quantization: str,
    save: Callable[[Path], Any],
) -> None:
    """Train to the end, from the last good checkpoint if there is one, and leave what is finished.

    Args:
        trainer: with its data.
        job: says where things go.
        plan: of the data, for the count of passes.
        channel: to the parent.
        data: what it is trained on, in figures.
        quantization: of the weights that are not trained.
        save: writes the result into a directory.

    Raises:
        InterruptedTrainingError: the user stopped it; a checkpoint is there.
        UserError: the store was made with another tokenizer or template.
    """
    Store(job.tokens).check_made_from(digests(job.tokenizer))
    torch.set_float32_matmul_precision("high" if job.model.tf32 else "highest")  # on a CPU the same
    monitor = Monitor(plan, channel, trainer.settings)
    trainer.watch(monitor, job)
    checkpoint = _begun_from(trainer, job, plan, channel)
    if monitor.validation:
        monitor.validation.begin(checkpoints.step_of(checkpoint) if checkpoint else 0)
    try:
        with tracked(monitor, job, checkpoint):
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    finally:
        monitor.gauges.close()
    if trainer.state.global_step < trainer.state.max_steps and not monitor.exhausted:
        raise InterruptedTrainingError
    validated = monitor.validation.take_best(trainer.state.log_history) if monitor.validation else {}
    trainer.whole = trainer.gathered()
    if workers.is_first():
        with checkpoints.told_when_full(job.checkpoints, "the result"):
            _leave(trainer, job, data, quantization, save, validated)
    if workers.any_of(monitor.interrupted):  # in the last step: what comes after this training does not begin
        raise InterruptedTrainingError


def _begun_from(trainer: Watched, job: Job, plan: Schedule, channel: Channel) -> Path | None:
    """The checkpoint to go on from, the same for all workers; where there is none, what begins a training."""
    found = workers.agreed("checkpoint", lambda: _str(checkpoints.latest(job.checkpoints)))
    if found:
        checkpoints.check(Path(found), trainer.stamp, job.method)
        return Path(found)
    transformers.set_seed(job.seed + workers.number())  # or all would drop the same of different rows
    channel.send("rows", first_rows(trainer.data_collator(plan.order()[:SHOWN].tolist()), job.tokenizer))
    return None


def _str(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _leave(
    trainer: Any,
    job: Job,
    data: dict[str, Any],
    quantization: str,
    save: Callable[[Path], Any],
    validated: dict[str, Any],
) -> None:
    new, monitor, history = job.workspace / ".finishing", trainer.monitor, trainer.state.log_history
    shutil.rmtree(new, ignore_errors=True)
    save(new / RESULT)
    log = costs.table(history)
    log.write_parquet(new / LOG)
    cost = costs.resources(
        log, trainer.model, models.compute_dtype(job.model), quantization, monitor.since, monitor.gauges
    )
    how = {"processes": workers.count(), "attention": trainer.model.config._attn_implementation}
    write_json(new / RESOURCES, {**cost, **how, **validated, **planned(job.workspace), "data": data})
    new.replace(job.finished)
