"""TRL's trainer of reward models, fed from the token store."""

from typing import Any

import torch
from datasets import Dataset
from trl.trainer.reward_config import RewardConfig
from trl.trainer.reward_trainer import RewardTrainer as TrlRewardTrainer

from arabic_llm_pipeline.parameters.preference import RewardSettings
from arabic_llm_pipeline.tokens.store import Ints
from arabic_llm_pipeline.tokens.tokenizer import load_tokenizer
from arabic_llm_pipeline.training import adapters, replay
from arabic_llm_pipeline.training.batches import Batch
from arabic_llm_pipeline.training.families import HEAD
from arabic_llm_pipeline.training.job import Job
from arabic_llm_pipeline.training.parts import MicroBatch
from arabic_llm_pipeline.training.preference_batches import RewardRows
from arabic_llm_pipeline.training.preference_trainers import Compared
from arabic_llm_pipeline.training.schedule import Schedule
from arabic_llm_pipeline.training.trainers import PLACEHOLDER, adapter_options, arguments

OF_THE_LOSS = ("margin", "completion_mask")  # in a batch, and nothing for the model
NAMES = {"accuracy": "rewards/accuracies", "margin": "rewards/margins"}  # as the other methods log them


class RewardTrainer(Compared, TrlRewardTrainer):
    """Learns which of two answers was chosen."""

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        return dataset

    def chosen_passes(self, held: MicroBatch, group: Ints, records: int) -> tuple[Batch, list[Batch]]:
        """There is one pass, of a number for each sequence."""
        return replay.some(held.inputs, group, records), [replay.some(held.passes[0], group, records)]

    @staticmethod
    def loss_of(trainer: Any, inputs: Batch) -> torch.Tensor:
        """TRL's loss."""
        return TrlRewardTrainer.compute_loss(trainer, trainer.model, inputs)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """A row of the log, by the names of the other methods."""
        for mode in self._metrics.values():
            for theirs, ours in NAMES.items():
                if theirs in mode:
                    mode[ours] = mode.pop(theirs)
        super().log(logs, start_time)


def reward_trainer(model: Any, job: Job, settings: RewardSettings, plan: Schedule, rows: RewardRows) -> RewardTrainer:
    """A trainer for rows of pairs.

    Args:
        model: with a head of one number, and an adapter or all of its weights to train.
        job: where things are.
        settings: of the method.
        plan: order of the rows.
        rows: of pairs.
    """
    weight = settings.center_rewards_coefficient
    options = adapter_options(settings, settings.learning_rate) | {"center_rewards_coefficient": weight or None}
    args = RewardConfig(**arguments(job, settings, plan), **options)
    for name, part in model.named_parameters():
        if part.requires_grad and f".{HEAD}." in f".{name}":
            part.data = part.data.float()
    with adapters.kept_exact(model):
        trainer = RewardTrainer(model, args, rows.collate, PLACEHOLDER, processing_class=load_tokenizer(job.tokenizer))
    trainer.model.register_forward_pre_hook(_for_the_model, with_kwargs=True)
    return trainer.on(rows, job, settings, plan)


def _for_the_model(_: Any, args: tuple[Any, ...], given: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return args, {name: value for name, value in given.items() if name not in OF_THE_LOSS}
