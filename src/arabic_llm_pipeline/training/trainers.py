"""TRL's trainers, fed from the token store, with checkpoints that appear whole."""

from pathlib import Path
from typing import Any, Self

import torch
import transformers
from datasets import Dataset
from trl.trainer import utils as trl_utils
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.training import ARGUMENTS, AdapterLoopSettings, LoopSettings
from arabic_llm_pipeline.tokens.store import Ints
from arabic_llm_pipeline.tokens.tokenizer import load_tokenizer
from arabic_llm_pipeline.training import adalora, adapters, checkpoints, sharding, workers
from arabic_llm_pipeline.training.batches import Batch
from arabic_llm_pipeline.training.job import Job
from arabic_llm_pipeline.training.models import compute_dtype, device
from arabic_llm_pipeline.training.monitor import Monitor
from arabic_llm_pipeline.training.optimizers import ON_HOST, STEPS_ON_HOST, OnHost
from arabic_llm_pipeline.training.parts import MicroBatch, Names, Part, of_documents
from arabic_llm_pipeline.training.scaling import Scaling
from arabic_llm_pipeline.training.schedule import Schedule, decay_in_steps, equation_3
from arabic_llm_pipeline.training.validation import Validation, held_out

OURS = {"equation_3": True}  # a schedule that transformers does not have
TENTH = {"min_lr_rate": 0.1}  # where continued pretraining ends (Ibrahim et al. 2024)
SCHEDULES: dict[str, tuple[str, dict[str, Any]]] = {  # of transformers, and their arguments
    "equation_3": ("constant", OURS),
    "cosine_to_tenth": ("cosine_with_min_lr", TENTH),
}
PLACEHOLDER = Dataset.from_dict({"row": [0]})  # TRL's constructors take no other kind of data set


class Order(torch.utils.data.Dataset[int]):
    """The row of every place; what a row holds is read by the collator, a batch at a time."""

    def __init__(self, rows: Ints):
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> int:
        return int(self.rows[place])


class Watched:
    """What the trainers have in common: tokens are counted, checkpoints appear whole and hold the adapter alone."""

    monitor: Monitor
    data_collator: Any
    train: Any
    args: transformers.TrainingArguments
    model: Any
    state: transformers.TrainerState
    stamp: dict[str, Any]
    allocation: adalora.Allocation | None
    whole: dict[str, torch.Tensor] | None
    is_fsdp_enabled: bool
    optimizer: Any
    lr_scheduler: Any
    seen = MicroBatch([])  # the one under way
    settings = LoopSettings()
    rows: Any = None  # that are trained on
    held_out: Any = None  # rows to validate on

    def on(self, rows: Any, job: Job, settings: LoopSettings, plan: Schedule) -> Self:
        """Set what is trained on, in the order of the plan, and what is validated on."""
        self.rows, self.settings, self.held_out = rows, settings, held_out(rows, job, settings)
        setattr(self, "train_dataset", Order(plan.order()))  # noqa: B010  the trainer's
        return self

    def watch(self, monitor: Monitor, job: Job) -> None:
        """Set who watches, and what a checkpoint is stamped with."""
        self.monitor, self.stamp, self.allocation = monitor, checkpoints.stamp(job), None
        scaler = self.accelerator.scaler  # type: ignore[attr-defined]
        if scaler is not None:
            self.add_callback(Scaling(scaler))  # type: ignore[attr-defined]
        self.seen = MicroBatch([])
        if self.rows is not None:
            self._observe(monitor)
        if self.held_out is not None:
            monitor.validation = Validation(self, self.held_out, self.settings, job.checkpoints)
        self.remove_callback(transformers.PrinterCallback)  # type: ignore[attr-defined]
        if adalora.is_adalora(self.model):
            adalora.check_to_the_end(self.settings)
            self.allocation = adalora.Allocation(self.model, job.lora)
            self.add_callback(self.allocation)  # type: ignore[attr-defined]
        self.add_callback(monitor)  # type: ignore[attr-defined]

    def _observe(self, monitor: Monitor) -> None:
        """Have micro-batches know their rows, and keep what the forward passes give."""
        collate = self.data_collator
        self.data_collator = lambda rows: {**collate(rows), "rows": [_row(row) for row in rows]}
        names = monitor.names = Names(self.rows)
        monitor.parts = lambda micro: self.parts(micro, names)
        for model in (self.model, getattr(self, "ref_model", None)):
            if model is not None:
                model.register_forward_hook(lambda _module, _given, output: self.seen.see(output))

    def parts(self, micro: MicroBatch, names: Names) -> list[Part]:  # noqa: ARG002
        """Losses of a micro-batch's records, by what they have in common."""
        return []

    def whole_loss(self, micro: MicroBatch) -> tuple[float, float]:
        """The loss of a micro-batch, and how much it weighs among others."""
        return float(micro.loss), len(micro.rows)

    def compute_loss(self, model: Any, inputs: Batch, *args: Any, **more: Any) -> Any:
        """The method's loss, which is kept for the monitor."""
        loss = super().compute_loss(model, inputs, *args, **more)  # type: ignore[misc]
        self.seen.inputs, self.seen.loss = inputs, loss.detach()
        return loss

    def create_optimizer(self, model: Any = None) -> Any:
        """The optimizer: one of transformers, with its state in the machine's memory where that is asked for."""
        made = super().create_optimizer(model)  # type: ignore[misc]
        if self.args.optim_args != STEPS_ON_HOST or isinstance(made, OnHost):
            return made
        self.optimizer = OnHost(made)
        return self.optimizer

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """The schedule: one of transformers, or ours where `adapter_options` asks for it."""
        told: Any = self.args.lr_scheduler_kwargs or {}
        warmup = self.args.get_warmup_steps(num_training_steps)
        if told != OURS:
            self.args.lr_scheduler_kwargs = decay_in_steps(told, warmup, num_training_steps)
            return super().create_scheduler(num_training_steps, optimizer)  # type: ignore[misc]
        made = torch.optim.lr_scheduler.LambdaLR(
            optimizer or self.optimizer,
            lambda done: equation_3(min(done + 1, num_training_steps), warmup, num_training_steps),
        )
        self.lr_scheduler = made
        return made

    def training_step(self, model: Any, inputs: Batch, *args: Any) -> torch.Tensor:
        """A forward and backward pass."""
        self.monitor.tokens += inputs.pop("tokens")
        self.seen = MicroBatch(inputs.pop("rows", []))
        self.monitor.micro_batches.append(self.seen)
        return super().training_step(model, inputs, *args)  # type: ignore[misc]

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        folder = Path(self.args.output_dir)  # type: ignore[arg-type]
        with checkpoints.arriving(folder, self.state.global_step) as new:
            self.args.output_dir = str(new)
            try:
                transformers.Trainer._save_checkpoint(self, model, trial)  # type: ignore[arg-type]
            finally:
                self.args.output_dir = str(folder)
        if self.monitor.validation and workers.is_first():
            self.monitor.validation.prune(self.state.log_history, checkpoints.oldest(folder))

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:  # noqa: ARG002
        """The trained weights and nothing else; transformers adds the tokenizer and a pickle of the arguments."""
        state = self.gathered()
        if not workers.is_first():
            return
        directory = Path(output_dir or self.args.output_dir)  # type: ignore[arg-type]
        if hasattr(self.model, "peft_config"):
            adapters.save_weights(self.model, directory, state)
        else:
            self.model.save_pretrained(directory, state_dict=state)
        if self.allocation:
            self.allocation.save(directory)
        checkpoints.mark(directory, self.stamp)

    def gathered(self) -> dict[str, torch.Tensor] | None:
        """What is saved, where it is divided among workers; None where each has all of it."""
        return sharding.gathered(self.model) if self.is_fsdp_enabled else None

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Write the trained weights; of a divided model, too, only those."""
        if self.is_fsdp_enabled:
            self._save(output_dir)
        else:
            super().save_model(output_dir, _internal_call)  # type: ignore[misc]

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        if not self.is_fsdp_enabled:
            super()._save_optimizer_and_scheduler(output_dir)  # type: ignore[misc]
            return
        sharding.save_optimizer(self.model, self.optimizer.optimizer, Path(output_dir) / checkpoints.OPTIMIZER)
        if workers.is_first():
            torch.save(self.lr_scheduler.state_dict(), Path(output_dir) / checkpoints.SCHEDULER)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if not self.is_fsdp_enabled or checkpoint is None:
            super()._load_optimizer_and_scheduler(checkpoint)  # type: ignore[misc]
            return
        sharding.load_optimizer(self.model, self.optimizer.optimizer, Path(checkpoint) / checkpoints.OPTIMIZER)
        self.lr_scheduler.load_state_dict(torch.load(Path(checkpoint) / checkpoints.SCHEDULER, weights_only=True))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        if self.is_fsdp_enabled:
            sharding.load_trained(model, Path(resume_from_checkpoint))
            return
        super()._load_from_checkpoint(resume_from_checkpoint, model)  # type: ignore[misc]
        if self.allocation:
            self.allocation.load(Path(resume_from_checkpoint))


def _row(place: int | tuple[int, int]) -> int:
    """Of a place in the order; some orders name a row's partner, too."""
    return place if isinstance(place, int) else place[0]


class DocumentTrainer(Watched, SFTTrainer):
    """Learns documents."""

    def parts(self, micro: MicroBatch, names: Names) -> list[Part]:
        """The loss of each document."""
        return of_documents(micro, names.rows)

    def whole_loss(self, micro: MicroBatch) -> tuple[float, float]:
        """The mean over the tokens that are learned, and their number."""
        learned = int(micro.passes[0]["label_mask"].sum())
        return -float(micro.passes[0]["log_probs"].double().sum()) / learned, learned


def document_trainer(
    model: Any, job: Job, settings: LoopSettings, plan: Schedule, rows: Any, **options: Any
) -> DocumentTrainer:
    """A trainer for rows of documents or of running text; `options` are further arguments of transformers."""
    score_only_what_is_learned()
    optimizers = options.pop("optimizers", (None, None))
    args = SFTConfig(**arguments(job, settings, plan), **options, dataset_kwargs={"skip_prepare_dataset": True})
    with adapters.kept_exact(model):
        trainer = DocumentTrainer(
            model,
            args,
            rows.collate,
            PLACEHOLDER,
            processing_class=load_tokenizer(job.tokenizer),
            optimizers=optimizers,
        )
    return trainer.on(rows, job, settings, plan)


def score_only_what_is_learned() -> None:
    """Send only positions that have a label through the output layer, on a CPU too.

    TRL 1.16 does so on a card; elsewhere it sends all of them, for devices that compile anew for every shape. With
    instructions most positions have none: on a CPU a step of a small model takes 0.6 of the time.
    """
    setattr(trl_utils, "_use_triton", lambda _: True)  # noqa: B010  the name by which its forward pass asks


def adapter_options(settings: AdapterLoopSettings, learning_rate: float) -> dict[str, Any]:
    """The arguments of optimizer and schedule, of methods that train an adapter.

    Raises:
        UserError: the schedule would end above where it begins.
    """
    more = settings.scheduler_arguments
    if settings.scheduler == "polynomial" and more.lr_end >= learning_rate:
        raise UserError(
            f"scheduler_arguments.lr_end is {more.lr_end}, where polynomial ends, and the learning rate is only "
            f"{learning_rate}. Lower lr_end."
        )
    own = {name: getattr(more, name) for name in ARGUMENTS.get(settings.scheduler, ())}
    schedule, told = SCHEDULES.get(settings.scheduler, (settings.scheduler, own))
    return {
        "learning_rate": learning_rate,
        "lr_scheduler_type": schedule,
        "lr_scheduler_kwargs": told,
        "warmup_steps": settings.warmup,
        "weight_decay": settings.weight_decay,
        **optimizer_options(settings.optimizer),
    }


def optimizer_options(optimizer: str) -> dict[str, Any]:
    """As transformers takes it; of ours that of theirs which it is made from."""
    return {"optim": "adamw_torch", "optim_args": STEPS_ON_HOST} if optimizer == ON_HOST else {"optim": optimizer}


def arguments(job: Job, settings: LoopSettings, plan: Schedule) -> dict[str, Any]:
    """The arguments of transformers that all methods have in common."""
    dtype, on_card = compute_dtype(job.model), device().type == "cuda"
    return {
        "output_dir": str(job.checkpoints),
        "per_device_train_batch_size": settings.micro_batch,
        "gradient_accumulation_steps": settings.accumulation // workers.count(),  # of each; together all of them
        "ddp_find_unused_parameters": False,
        "ddp_broadcast_buffers": False,  # they are computed alike everywhere
        "max_grad_norm": settings.max_grad_norm,
        "gradient_checkpointing": settings.activation_checkpointing,
        "gradient_checkpointing_kwargs": {"use_reentrant": False},
        "max_steps": plan.steps,
        "save_steps": settings.save_steps,
        "save_strategy": "steps",
        "logging_steps": 1,
        "logging_nan_inf_filter": False,  # it would show a mean of earlier losses in the place of what is not a number
        "train_sampling_strategy": "sequential",  # the order is ours
        "remove_unused_columns": False,
        "max_length": None,
        "seed": job.seed,
        "bf16": dtype == torch.bfloat16,  # on a CPU, too: with avx512_bf16 or amx matrices are multiplied faster
        "fp16": on_card and dtype == torch.float16,
        "use_cpu": not on_card,
        "dataloader_pin_memory": on_card,
        "disable_tqdm": True,
        **sharding.arguments(job),
        "report_to": "none",
    }
