"""The plan of a stage: parts on the device, on the host and on the disk."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

import torch

from arabic_llm_pipeline.parameters.model import AdapterSettings, ModelSettings
from arabic_llm_pipeline.training.memory.drawing import Drawing, drawn
from arabic_llm_pipeline.training.memory.holdings import Holdings, holdings
from arabic_llm_pipeline.training.memory.methods import METHODS, SCORE
from arabic_llm_pipeline.training.memory.trace import Held, Passes, held

Found = TypeVar("Found")
MIB, GB = 2**20, 1e9
# Assumed, not measured here: what CUDA and its libraries take before the first tensor, and how much more the allocator
# holds than it has handed out. Of both the cards' own figures differ.
CONTEXT = 400 * MIB
FRAGMENTATION = 0.05
PROCESS = 900 * MIB  # torch, transformers, TRL and bitsandbytes in memory: 0.8 to 0.9 GiB measured on a CPU
CUDA_PROCESS = 1_500 * MIB  # the same with CUDA's libraries; assumed
DIVIDED = ("linear", "rest", "trained", "gradients", "optimizer", "paged", "hosted", "step", "reference")
AHEAD = 2  # layers that FSDP holds whole at a time
CHECKPOINTS = 3  # two that are kept, one that is being written


@dataclass(frozen=True)
class Stage:
    """What is planned: a method on a base with its settings."""

    method: str
    model: ModelSettings
    lora: AdapterSettings | None
    micro_batch: int
    accumulation: int
    checkpointing: bool
    optimizer: str
    length: int  # tokens in a sequence
    continues: bool = False  # from an adapter: its frozen copy is then the reference
    precomputed: bool = False  # the reference's log-probabilities are
    on_card: bool = True
    head: str = ""  # another one than the method's: "whole" to compare
    stored: int = 0  # bytes of the token store
    base_files: int = 0  # bytes of the base on disk; 0: as large as its parameters in 16 bits
    drawing: Drawing | None = None  # of answers, between rounds of training
    compared: bool = False  # its loss compares the rows of a pass: another micro-batch would be another training
    processes: int = 1  # that share a step; the plan is of one of them, host and disk are of all
    sharded: bool = False  # weights, gradients and state are divided among them

    @property
    def batch(self) -> int:
        """Rows of an optimizer step."""
        return self.micro_batch * self.accumulation


@dataclass(frozen=True)
class Plan:
    """Bytes by part; the sums are the plan."""

    stage: Stage
    weights: float
    embedding: float
    trained: float
    gradients: float
    optimizer: float
    reference: float
    activations: float
    logits: float
    sampling: float  # what drawing answers and having them judged takes beyond training
    context: float
    margin: float
    host: float
    disk: float
    parameters: int
    trainable: int

    @property
    def allocated(self) -> float:
        """What torch will have handed out at most: `max_memory_allocated` on a card."""
        return (
            self.weights + self.embedding + self.trained + self.gradients + self.optimizer + self.reference
            + self.activations + self.logits + self.sampling
        )  # fmt: skip

    @property
    def device(self) -> float:
        """What a card shows as taken: with CUDA itself and what the allocator holds in reserve."""
        return self.allocated + self.context + self.margin

    def row(self) -> dict[str, Any]:
        """The plan in MiB, as a row of a table."""
        parts = {name: value for name, value in asdict(self).items() if name in PARTS}
        sums = {"allocated": self.allocated, "device": self.device, "host": self.host, "disk": self.disk}
        return {f"{name}_mib": round(value / MIB, 1) for name, value in {**parts, **sums}.items()}


PARTS = (
    "weights", "embedding", "trained", "gradients", "optimizer", "reference", "activations", "logits", "sampling",
    "context", "margin",
)  # fmt: skip


def plan(stage: Stage, config: Any, *, roughly: bool = False) -> Plan:
    """Work out what a stage takes; nothing is loaded.

    Args:
        stage: method, settings, length.
        config: of the base.
        roughly: from the two smallest micro-batches, as though what they take grew with them: quick where many are
            tried, and never too little.
    """
    whole = _holdings(config, stage)
    kept = _divided(whole, stage, config)
    passing = _held_roughly(config, stage) if roughly else _held(config, stage)
    body = max(passing.layers, kept.step)
    allocated = sum(
        (kept.linear, kept.rest, kept.trained, kept.gradients, kept.optimizer, kept.reference, max(body, passing.head))
    )
    sampling = max(0.0, _drawn(config, stage, kept) - allocated)
    allocated += sampling
    on_card = stage.on_card
    return Plan(
        stage=stage,
        weights=kept.linear,
        embedding=kept.rest,
        trained=kept.trained,
        gradients=kept.gradients,
        optimizer=kept.optimizer if on_card else kept.optimizer + kept.paged + kept.hosted,
        reference=kept.reference,
        activations=body,
        logits=max(0.0, passing.head - body),
        sampling=sampling,
        context=CONTEXT if on_card else 0.0,
        margin=FRAGMENTATION * allocated if on_card else 0.0,
        host=stage.processes * (_host(kept, allocated, on_card=on_card) + _loading(whole, stage)),
        disk=_disk(kept, stage),
        parameters=kept.parameters,
        trainable=kept.trainable,
    )


def _divided(kept: Holdings, stage: Stage, config: Any) -> Holdings:
    """What one of several processes holds.

    DDP keeps a second copy of the gradients in the buckets that it sends. FSDP (Zhao et al. 2023, arXiv 2304.11277)
    divides everything, and gathers a layer while it is used and the next one ahead of it; embedding and output layer
    stay gathered. The latter is an estimate that no card has confirmed.
    """
    if stage.processes == 1:
        return kept
    if not stage.sharded:
        return replace(kept, gradients=2 * kept.gradients)
    layers = config.get_text_config().num_hidden_layers
    parts = {name: getattr(kept, name) / stage.processes for name in DIVIDED}
    parts["linear"] += min(AHEAD / layers, 1.0) * kept.linear
    return replace(kept, **{**parts, "rest": parts["rest"] + kept.rest})


def _host(kept: Holdings, allocated: float, *, on_card: bool) -> float:
    """Of one process."""
    own = CUDA_PROCESS if on_card else PROCESS + allocated
    return own + kept.paged + kept.hosted


def _loading(whole: Holdings, stage: Stage) -> float:
    """What a worker reads into the machine's memory, to take its part of it to the card."""
    return whole.linear + whole.rest + whole.trained if stage.sharded else 0.0


def dtype_of(stage: Stage) -> torch.dtype:
    """What is computed in: by default 16 bits on a card (which of them takes no more or less), 32 on a CPU."""
    if stage.model.compute_dtype != "auto":
        return getattr(torch, stage.model.compute_dtype)
    return torch.bfloat16 if stage.on_card else torch.float32


def weights_of(stage: Stage) -> torch.dtype:
    """What weights are held in: what is computed in, or fp32 where they are trained themselves."""
    whole = stage.lora is None or stage.lora.kind == "full"
    return torch.float32 if whole else dtype_of(stage)


def _disk(kept: Holdings, stage: Stage) -> float:
    """The base, the store, checkpoints with the optimizer's state, and what is left of the stage."""
    state = kept.optimizer + kept.paged + kept.hosted / 2  # of what lies on the host half is no state
    checkpoint = (kept.trained + state) * (stage.processes if stage.sharded else 1)
    base = stage.base_files or (2 * (kept.parameters - kept.trainable) if stage.lora else 0)
    return base + stage.stored + CHECKPOINTS * checkpoint + kept.trained


def _holdings(config: Any, stage: Stage) -> Holdings:
    whole = stage.lora is not None and stage.lora.kind == "full"  # of a model that is trained itself, always
    copied = METHODS[stage.method].reference and (stage.continues or whole) and not stage.precomputed
    scoring = METHODS[stage.method].head == SCORE
    return _once(holdings, config, stage.model, weights_of(stage), stage.lora, stage.optimizer, copied, scoring)


def _held(config: Any, stage: Stage) -> Held:
    return _once(held, config, stage.model, stage.lora, _passes(stage))


def _drawn(config: Any, stage: Stage, kept: Holdings) -> float:
    """All that is held while answers are drawn and judged: there are no gradients, and no reference, yet."""
    if stage.drawing is None:
        return 0.0
    passes = replace(_passes(stage), rows=1, checkpointing=False)  # which are training's: one answer for all of them
    beside = _once(drawn, config, stage.model, stage.lora, passes, stage.drawing)
    return kept.linear + kept.rest + kept.trained + beside


def _passes(stage: Stage) -> Passes:
    method = METHODS[stage.method]
    if stage.head:
        method = replace(method, head=stage.head)  # type: ignore[arg-type]
    if stage.precomputed:
        method = replace(method, reference=False)
    return Passes(
        rows=stage.micro_batch * method.sequences,
        length=stage.length + method.extra,
        checkpointing=stage.checkpointing,
        method=replace(method, sequences=1, smallest=1, extra=0),  # are in rows and length: two answers are a pair
        dtype=dtype_of(stage),
        weights=weights_of(stage),
        on_card=stage.on_card,
        flash=stage.model.attention == "flash_attention_2",
    )


def _held_roughly(config: Any, stage: Stage) -> Held:
    least = METHODS[stage.method].smallest
    one, two = (_held(config, replace(stage, micro_batch=size)) for size in (least, 2 * least))
    return one.further(two, stage.micro_batch / least - 1)


_known: dict[tuple[str, ...], Any] = {}


def _once(work: Callable[..., Found], config: Any, *rest: Any) -> Found:
    """What a function gives, worked out once for equal values."""
    key = (work.__name__, config.to_json_string(use_diff=False), *map(repr, rest))
    if key not in _known:
        _known[key] = work(config, *rest)
    return _known[key]
