"""Fields of the training methods."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from arabic_llm_pipeline.parameters.base import Settings, neutral
from arabic_llm_pipeline.parameters.sources import Dialect

Scheduler = Literal[
    "linear", "cosine", "cosine_with_restarts", "polynomial", "constant", "constant_with_warmup", "inverse_sqrt",
    "warmup_stable_decay", "cosine_to_tenth", "equation_3",
]  # fmt: skip
ARGUMENTS: dict[str, tuple[str, ...]] = {  # that a schedule takes
    "cosine_with_restarts": ("num_cycles",),
    "polynomial": ("lr_end", "power"),
    "inverse_sqrt": ("timescale",),
    "warmup_stable_decay": ("num_decay_steps", "decay_type", "min_lr_ratio"),
}
Optimizer = Literal["adamw_torch", "adamw_8bit", "paged_adamw_8bit", "paged_adamw_32bit", "adamw_host"]
Kind = Literal["prose", "instruction", "conversation"]
Weight = Annotated[float, Field(ge=0)]


class PairSelection(Settings):
    """Which rows of the store are trained on: those that have one of the named values; null: any."""

    sources: tuple[str, ...] | None = Field(None, description="Names of sources.")
    dialects: tuple[Dialect, ...] | None = Field(None, description="MSA, EGY, GLF, LEV, MGR, unknown.")


class DocumentSelection(PairSelection):
    """Which documents are trained on."""

    kinds: tuple[Kind, ...] | None = Field(
        ("instruction", "conversation"), description="prose, instruction, conversation."
    )


class Mixture(Settings):
    """How often the chosen rows come, by source and dialect; without weights and at temperature 1 each comes once."""

    temperature: float = Field(
        1.0,
        description="A source of n rows comes in proportion to n^(1/temperature) (arXiv 1907.05019): higher evens out.",
        gt=0,
    )
    sources: dict[str, Weight] = Field({}, description="Weights of sources; one that is not named weighs 1.")
    dialects: dict[Dialect, Weight] = Field({}, description="Weights of dialects; one that is not named weighs 1.")

    @property
    def even(self) -> bool:
        """Whether every row comes once in a pass."""
        weights = {*self.sources.values(), *self.dialects.values()}
        return self.temperature == 1 and weights <= {1.0}


class LoopSettings(Settings):
    """What every method has in common: how long, how much at once, how checkpoints are kept."""

    steps: int = Field(0, description="Optimizer steps; 0: as many as the epochs make.", ge=0)
    epochs: float = Field(1.0, description="Passes over the data, where steps is 0.", gt=0)
    micro_batch: int = Field(32, description="Rows (documents, packed windows or pairs) in one forward pass.", ge=1)
    accumulation: int = Field(1, description="Forward passes that one optimizer step adds up.", ge=1)
    max_grad_norm: float = Field(1.0, description="Gradients are scaled down to this norm.", gt=0)
    activation_checkpointing: bool = Field(
        False, description="Compute activations again in the backward pass: a third more time, less memory."
    )
    save_steps: int = neutral(50, "Steps between checkpoints: what a kill costs at most.", ge=1)
    eval_steps: int = Field(0, description="Steps between losses on held-out rows (the dev split); 0: never.", ge=0)
    eval_rows: int = Field(128, description="Held-out rows that are scored: evenly spread over those chosen.", ge=1)
    keep_best: bool = Field(
        False, description="The result is what the model was at its lowest held-out loss, not at the last step."
    )
    patience: int = Field(0, description="Held-out losses without a new lowest that end training; 0: none does.", ge=0)
    on_spike: Literal["warn", "stop"] = neutral(
        "warn", "What a step does whose loss leaps: told with the ids of its rows, or the stage stops there."
    )
    spike_window: int = neutral(50, "Steps before, whose median and deviation a loss is held against.", ge=10)
    spike_deviations: float = neutral(10.0, "A spike is above the median by so many median absolute deviations.", gt=0)

    @property
    def batch(self) -> int:
        """Rows of an optimizer step."""
        return self.micro_batch * self.accumulation

    @model_validator(mode="after")
    def _something_to_go_by(self) -> Self:
        if not self.eval_steps and (self.keep_best or self.patience):
            asked = "keep_best" if self.keep_best else f"patience={self.patience}"
            raise ValueError(f"{asked} goes by the held-out loss, and eval_steps=0 never takes it; set eval_steps")
        return self


class SchedulerArguments(Settings):
    """What schedules of transformers take, by its names and with its defaults; each is of one schedule."""

    num_cycles: int = Field(1, description="Of cosine_with_restarts: times that it falls from the highest rate.", ge=1)
    lr_end: float = Field(1e-7, description="Of polynomial: the learning rate in the end.", ge=0)
    power: float = Field(1.0, description="Of polynomial: 1 falls in a straight line, 2 sooner.", gt=0)
    timescale: int | None = Field(
        None, description="Of inverse_sqrt: by three times as many steps it has halved; null: the warm-up's.", ge=1
    )
    num_decay_steps: float = Field(
        0.1,
        description="Of warmup_stable_decay: the last steps, in which it falls: a share of all below 1, else their "
        "number. transformers has no default; a tenth is that of MiniCPM (Hu et al. 2024).",
        gt=0,
    )
    decay_type: Literal["linear", "cosine", "1-sqrt"] = Field(
        "cosine", description="Of warmup_stable_decay: how it falls."
    )
    min_lr_ratio: float = Field(
        0.0, description="Of warmup_stable_decay: where it begins and ends, as a share of the highest rate.", ge=0, lt=1
    )

    @model_validator(mode="after")
    def _decay_in_whole_steps(self) -> Self:
        if self.num_decay_steps >= 1 and self.num_decay_steps != int(self.num_decay_steps):
            raise ValueError(f"num_decay_steps is {self.num_decay_steps}: a share below 1, or a whole number of steps")
        return self


class AdapterLoopSettings(LoopSettings):
    """What the methods that train an adapter have in common."""

    scheduler: Scheduler = Field(
        "linear",
        description="How the learning rate falls after the warm-up: transformers' schedules (constant has no warm-up), "
        "equation_3, the cosine of Aryan 2024, counted from step 1, or cosine_to_tenth, which ends at a tenth of the "
        "highest rate.",
    )
    scheduler_arguments: SchedulerArguments = Field(SchedulerArguments(), description="Of some of these schedules.")
    warmup: float = Field(
        0.03, description="Steps in which the learning rate rises: a share of all below 1, else their number.", ge=0
    )
    weight_decay: float = Field(0.0, description="Of AdamW.", ge=0)
    optimizer: Optimizer = Field(
        "adamw_torch",
        description="AdamW in fp32, or with 8-bit or paged state; adamw_host: its state and its step in the machine's "
        "memory.",
    )
    mixture: Mixture = Field(Mixture(), description="How often rows of each source and dialect come.")

    @model_validator(mode="after")
    def _warm_up_in_whole_steps(self) -> Self:
        if self.warmup >= 1 and self.warmup != int(self.warmup):
            raise ValueError(f"warmup is {self.warmup}: a share below 1, or a whole number of steps")
        return self

    @model_validator(mode="after")
    def _arguments_are_used(self) -> Self:
        set_, usual = self.scheduler_arguments.model_dump(), SchedulerArguments().model_dump()
        for schedule, names in ARGUMENTS.items():
            unused = [name for name in names if set_[name] != usual[name]]
            if unused and schedule != self.scheduler:
                raise ValueError(
                    f"scheduler_arguments.{unused[0]} is of {schedule}, and scheduler is {self.scheduler}: it would do "
                    f"nothing; set scheduler to {schedule}, or take it out"
                )
        return self


class DocumentLoopSettings(AdapterLoopSettings):
    """What the methods have in common that learn from documents."""

    learning_rate: float = Field(description="Highest learning rate.", gt=0)
    packing: bool = Field(
        False, description="Fill rows up to the window with several documents that do not see each other."
    )
    padding_free: bool = Field(
        False, description="Lay the rows of a forward pass one after the other instead of padding them to the longest."
    )
    too_long: Literal["cut", "turn", "drop", "split"] = Field(
        "cut",
        description="Conversations longer than the window: cut their end, cut after the last answer that fits, drop "
        "them, or go on in a further row.",
    )
    selection: DocumentSelection = Field(default_factory=DocumentSelection, description="Which documents.")


class SftSettings(DocumentLoopSettings):
    """Supervised fine-tuning: the adapter learns what the assistant says, and all of prose."""

    learning_rate: float = Field(4e-3, description="Highest learning rate.", gt=0)
    steps: int = Field(450, description="As in all methods.", ge=0)
    neftune_alpha: float | None = Field(
        None,
        description="Noise on the embeddings while training (NEFTune, Jain et al. 2023): uniform within alpha / "
        "sqrt(length x width) of the padded rows; null: none.",
        gt=0,
    )


class Replay(Settings):
    """What is learned again beside the new text, against forgetting (Ibrahim et al. 2024, arXiv 2403.08763)."""

    share: float = Field(0.0, description="Of the rows of a pass; 0: nothing is learned again.", ge=0, lt=1)
    selection: DocumentSelection = Field(
        DocumentSelection(kinds=None), description="Which documents; those that are learned anyway are left out."
    )


class CptSettings(DocumentLoopSettings):
    """Continued pretraining: the adapter, or all weights, learn prose as the base did."""

    learning_rate: float = Field(2e-3, description="Highest learning rate.", gt=0)
    scheduler: Scheduler = Field(
        "cosine_to_tenth", description="As in all methods; the learning rate rises anew, and falls to a tenth."
    )
    warmup: float = Field(0.01, description="As in all methods.", ge=0)
    packing: bool = Field(True, description="As of sft.")
    selection: DocumentSelection = Field(DocumentSelection(kinds=("prose",)), description="Which documents.")
    replay: Replay = Field(Replay(), description="What is learned again.")


class PretrainSettings(LoopSettings):
    """All weights of a model: a small Qwen2 or Llama from random ones, or those of a base.

    Of a base, width to positions are its own.
    """

    width: int = Field(256, description="Of the hidden states.", ge=16)
    layers: int = Field(6, description="Blocks of attention and feed-forward.", ge=1)
    heads: int = Field(4, description="Attention heads; the width is divided among them.", ge=1)
    key_value_heads: int = Field(2, description="Heads of keys and values, each shared by several of queries.", ge=1)
    intermediate: int = Field(768, description="Width inside the feed-forward.", ge=16)
    positions: int = Field(1024, description="Longest sequence the model is declared for.", ge=16)
    added_layers: int = Field(
        0,
        description="Blocks put between those of a base: copies whose output is zero, so that nothing changes before "
        "the first step (LLaMA Pro, Wu et al. 2024).",
        ge=0,
    )
    train: Literal["all", "added"] = Field("all", description="Which weights: all, or of the added blocks alone.")
    muon_learning_rate: float = Field(0.02, description="Of the matrices inside the blocks (Muon).", gt=0)
    adamw_learning_rate: float = Field(3e-3, description="Of embeddings, norms and biases (AdamW).", gt=0)
    weight_decay: float = Field(0.01, description="Of the matrices.", ge=0)
    warmup_steps: int = Field(50, description="Steps in which the learning rates rise.", ge=0)
    decay: float = Field(
        0.4, description="Share of the steps, at the end, in which they fall to a fiftieth.", ge=0, le=1
    )
    save_steps: int = neutral(200, "Steps between checkpoints: what a kill costs at most.", ge=1)
    compile: bool = Field(
        False,
        description="Blocks by torch.compile: half a minute before the first step, which needs a C++ compiler on a CPU "
        "and Triton on a card, and shorter steps after it. Rounds otherwise than without.",
    )

    @model_validator(mode="after")
    def _divide_evenly(self) -> Self:
        if self.width % (2 * self.heads):
            raise ValueError(f"width {self.width} does not make {self.heads} heads of even width")
        if self.heads % self.key_value_heads:
            raise ValueError(f"{self.heads} heads cannot share {self.key_value_heads} key_value_heads")
        if self.train == "added" and not self.added_layers:
            raise ValueError("train is added, and added_layers is 0: there is nothing to train")
        return self
