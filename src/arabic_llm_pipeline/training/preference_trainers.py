"""TRL's trainers of preferences, fed from the token store; none of them holds logits of the whole vocabulary."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from safetensors.numpy import load_file, save_file
from trl.experimental.cpo import CPOConfig, CPOTrainer
from trl.experimental.orpo import ORPOConfig, ORPOTrainer
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer
from trl.trainer.kto_config import KTOConfig
from trl.trainer.kto_trainer import KTOTrainer
from trl.trainer.utils import add_fused_lm_head

from arabic_llm_pipeline.parameters.training import LoopSettings
from arabic_llm_pipeline.tokens.store import Ints
from arabic_llm_pipeline.tokens.tokenizer import load_tokenizer
from arabic_llm_pipeline.training import adapters, replay, workers
from arabic_llm_pipeline.training.batches import IGNORED, Batch
from arabic_llm_pipeline.training.job import Job
from arabic_llm_pipeline.training.parts import MicroBatch, Names, Part
from arabic_llm_pipeline.training.preference_batches import FeedbackRows, PairRows
from arabic_llm_pipeline.training.schedule import Schedule
from arabic_llm_pipeline.training.trainers import PLACEHOLDER, Watched, arguments, score_only_what_is_learned
from arabic_llm_pipeline.training.whole_step import KL_PREFIX, REFERENCE, DivergenceOfStep, LikelihoodOfStep, Partnered

REFERENCE_FILE = "reference.safetensors"  # in the workspace
HELD_OUT_REFERENCE_FILE = "held_out_reference.safetensors"
BOTH = 2  # by the model, by the reference


class Compared(Watched):
    """What the trainers of preferences have in common: a loss that is a mean over pairs or answers."""

    def parts(self, micro: MicroBatch, names: Names) -> list[Part]:
        """The loss of the records that are alike in source and dialect, as if they were the micro-batch."""
        return replay.of_groups(self, micro, names)

    def chosen_passes(self, held: MicroBatch, group: Ints, records: int) -> tuple[Batch, list[Batch]]:
        """Inputs and passes of the model for some of a micro-batch's records, with the reference's among the inputs."""
        raise NotImplementedError

    @staticmethod
    def loss_of(trainer: Any, inputs: Batch) -> torch.Tensor:
        """The method's loss by a trainer of its kind."""
        return trainer._compute_loss(trainer.model, inputs, False)


class PairTrainer(Compared, DPOTrainer):
    """Learns from pairs, against a reference."""

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        return dataset

    def chosen_passes(self, held: MicroBatch, group: Ints, records: int) -> tuple[Batch, list[Batch]]:
        """The second pass is the reference's, where its figures do not come with the pairs."""
        inputs = held.inputs
        if "ref_chosen_logps" not in inputs:
            chosen, rejected = _halves(held.passes[1]["log_probs"].sum(1))
            inputs = {**inputs, "ref_chosen_logps": chosen, "ref_rejected_logps": rejected}
        return replay.some(inputs, group, records), [replay.some(held.passes[0], group, records)]


class FeedbackTrainer(DivergenceOfStep, Compared, KTOTrainer):  # type: ignore[misc]
    """Learns from answers that are good or bad, against a reference."""

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        return dataset

    def chosen_passes(self, held: MicroBatch, group: Ints, records: int) -> tuple[Batch, list[Batch]]:
        """The divergence is that of the whole step; of held-out answers, of the micro-batch.

        Passes are those of the answers, by the model and by the reference; before each, where the divergence is not
        known from the step, one of other answers.
        """
        policy, reference = held.passes[len(held.passes) // 2 - 1], held.passes[-1]
        inputs = replay.some({**held.inputs, "ref_logps": reference["log_probs"].sum(1)}, group, records)
        inputs |= {name: part for name, part in held.inputs.items() if name.startswith(KL_PREFIX)}
        chosen = [replay.some(policy, group, records)]
        if not self.calculate_KL:
            return inputs, chosen
        by_model, by_reference = self._divergences(held)
        return {**inputs, "ref_KL_logps": by_reference}, [{"log_probs": by_model[:, None]}, *chosen]

    def _divergences(self, held: MicroBatch) -> tuple[torch.Tensor, torch.Tensor]:
        """What KTO takes the mean difference of, by the model and by the reference."""
        if len(held.passes) == 2 * BOTH:
            others, _, others_by_reference, _ = held.passes
            return others["log_probs"].sum(1), others_by_reference["log_probs"].sum(1)
        mean = self.divergence.cpu()
        return mean, torch.zeros_like(mean)


class Unreferenced(LikelihoodOfStep, Compared):
    """What the trainers without a reference have in common: log-probabilities in tiles, from the rows DPO takes.

    TRL's own keep the logits of every position for the whole vocabulary: 1.2 GB in fp32 for a pair of 1,024 tokens and
    Qwen2's vocabulary, before gradients.
    """

    averaged: bool  # whether an answer's log-probability is the mean over its tokens, or their sum
    learns_prompt = False  # whether the likelihood beside the preference counts the prompt
    aux_loss_enabled: bool
    store_metrics: Any

    def chosen_passes(self, held: MicroBatch, group: Ints, records: int) -> tuple[Batch, list[Batch]]:
        """There is one pass."""
        return replay.some(held.inputs, group, records), [replay.some(held.passes[0], group, records)]

    @staticmethod
    def loss_of(trainer: Any, inputs: Batch) -> torch.Tensor:
        """The method's loss by a trainer of its kind."""
        return trainer.get_batch_loss_metrics(trainer.model, inputs)[0]

    def scored(self, batch: Batch) -> torch.Tensor:
        """The chosen answers' tokens; with their prompts', if these are learned, too."""
        mask = batch["attention_mask" if self.learns_prompt else "completion_mask"]
        return mask[: len(mask) // 2]

    def concatenated_forward(self, model: Any, batch: Batch) -> tuple[torch.Tensor, ...]:
        """Log-probabilities of chosen and rejected answers, their mean logits, and the chosen ones' likelihood."""
        answers, learned = batch["completion_mask"], self.scored(batch)
        count, scored = len(learned), answers.clone()
        scored[:count] = learned
        labels = batch["input_ids"].masked_fill(scored == 0, IGNORED)
        found = model(
            input_ids=batch["input_ids"],
            attention_mask=batch["attention_mask"],
            labels=labels,
            fused_lm_head=True,
            use_cache=False,
        )
        answers = answers[:, 1:]
        self.store_metrics({"entropy": (found.entropy.detach() * answers).sum() / answers.sum()})
        logs = (found.log_probs * answers).sum(-1)
        if self.averaged:
            logs = logs / answers.sum(-1)
        logits = [part[mask.bool()] for part, mask in zip(_halves(found.mean_logits), _halves(answers), strict=True)]
        likelihood = self.likelihood(found.log_probs[:count], learned[:, 1:])
        made = (*_halves(logs), *logits, likelihood)
        return (*made, found.aux_loss) if self.aux_loss_enabled else made


class ContrastiveTrainer(Unreferenced, CPOTrainer):  # type: ignore[misc]
    """CPO, or SimPO."""

    @property
    def averaged(self) -> bool:  # type: ignore[override]
        """SimPO's reward is a mean."""
        return self.loss_type == "simpo"


class OddsTrainer(Unreferenced, ORPOTrainer):  # type: ignore[misc]
    """ORPO."""

    averaged = True


def pair_trainer(
    model: Any, job: Job, settings: LoopSettings, plan: Schedule, rows: PairRows, precompute: bool, **options: Any
) -> Any:
    """A trainer for rows of pairs; the reference is what the model is now.

    Args:
        model: with the adapter that is trained.
        job: where things are.
        settings: of the loop.
        plan: order of the rows.
        rows: of pairs; told the reference's log-probabilities where these are computed before.
        precompute: whether they are.
        options: further arguments of TRL.
    """
    args = DPOConfig(**arguments(job, settings, plan), **options)
    trainer = _made(PairTrainer, model, job, args, rows.collate).on(rows, job, settings, plan)
    if precompute:
        held_out = trainer.held_out
        rows.reference = _reference(trainer, rows, np.unique(plan.order()), job.workspace / REFERENCE_FILE)
        if held_out is not None:
            every = np.arange(len(held_out.rows))
            held_out.reference = _reference(trainer, held_out, every, job.workspace / HELD_OUT_REFERENCE_FILE)
        trainer.precompute_ref_logps = True
    return _referenced(trainer, job, kept=not precompute)


def feedback_trainer(
    model: Any, job: Job, settings: LoopSettings, plan: Schedule, rows: FeedbackRows, **options: Any
) -> Any:
    """A trainer for rows of feedback; the reference is what the model is now."""
    args = KTOConfig(**arguments(job, settings, plan), **options)
    made = _made(FeedbackTrainer, model, job, args, rows.collate).on(rows, job, settings, plan)
    trainer = _referenced(made, job)
    trainer.train_dataset = Partnered(plan.order(), plan.batch)
    return trainer


def contrastive_trainer(
    model: Any, job: Job, settings: LoopSettings, plan: Schedule, rows: PairRows, **options: Any
) -> Any:
    """A trainer of CPO or SimPO for rows of pairs."""
    args = _config(CPOConfig, job, settings, plan, options)
    return _tiled(_made(ContrastiveTrainer, model, job, args, rows.collate)).on(rows, job, settings, plan)


def odds_trainer(
    model: Any, job: Job, settings: LoopSettings, plan: Schedule, rows: PairRows, learn_prompt: bool, **options: Any
) -> Any:
    """A trainer of ORPO for rows of pairs."""
    trainer = _made(OddsTrainer, model, job, _config(ORPOConfig, job, settings, plan, options), rows.collate)
    trainer.learns_prompt = learn_prompt
    return _tiled(trainer).on(rows, job, settings, plan)


def _config(kind: Any, job: Job, settings: LoopSettings, plan: Schedule, options: dict[str, Any]) -> Any:
    """Its arguments; a length is asked for, and cuts nothing: rows come cut from the store."""
    return kind(**{**arguments(job, settings, plan), "max_length": 1}, **options)


def _made(kind: Any, model: Any, job: Job, args: Any, collate: Any) -> Any:
    score_only_what_is_learned()
    if issubclass(kind, Unreferenced):
        given: dict[str, Any] = {"train_dataset": _Mapped(PLACEHOLDER)}
    else:
        adapters.check_reference(model)
        given = {"train_dataset": PLACEHOLDER, "ref_model": None if _adapted(model) else adapters.frozen_copy(model)}
    with adapters.kept_exact(model):
        return kind(model, args=args, data_collator=collate, processing_class=load_tokenizer(job.tokenizer), **given)


def _adapted(model: Any) -> bool:
    return hasattr(model, "peft_config")


class _Mapped:
    """A data set that TRL's constructors of methods without a reference leave as it is: rows are tokens already."""

    def __init__(self, rows: Dataset):
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> Any:
        return self.rows[place]

    def map(self, *_: Any, **__: Any) -> "_Mapped":
        return self


def _tiled(trainer: Any) -> Any:
    model = trainer.model.get_base_model() if _adapted(trainer.model) else trainer.model
    add_fused_lm_head(model, outputs=("log_probs", "entropy", "mean_logits"))
    return trainer


def _referenced(trainer: Any, job: Job, kept: bool = True) -> Any:
    """Drop the frozen copy where it is not needed: a new adapter's is the base, reached by switching adapters off."""
    if not kept:
        trainer.ref_model = None
    if _adapted(trainer.model) and (job.adapter is None or not kept):
        trainer.model.delete_adapter(REFERENCE)
    return trainer


def _reference(trainer: PairTrainer, rows: PairRows, places: Ints, file: Path) -> np.ndarray:
    """Log-probabilities of both answers of the rows that will come, by the reference; [rows, 2], zeros elsewhere.

    They are kept in the workspace: a training that goes on after a kill is against the very same numbers.
    """
    workers.once("reference", lambda: None if file.is_file() else _score(trainer, rows, places, file))
    return load_file(file)["reference"]


def _score(trainer: PairTrainer, rows: PairRows, places: Ints, file: Path) -> None:
    found = np.zeros((len(rows.rows), 2), dtype=np.float32)
    for start in range(0, len(places), trainer.args.per_device_train_batch_size):
        part = places[start : start + trainer.args.per_device_train_batch_size]
        batch = trainer._prepare_inputs(rows.collate(part.tolist()))
        batch.pop("tokens")
        logs = trainer.compute_ref_log_probs(trainer.ref_model or trainer.model, batch)
        found[part] = torch.stack(logs, 1).float().cpu().numpy()
    new = file.with_suffix(".new")
    save_file({"reference": found}, new)
    new.replace(file)


def _halves(rows: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Chosen, rejected."""
    return rows.chunk(2, dim=0)
