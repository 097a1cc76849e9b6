"""The plan of a stage: parts on the device, on the host and on the disk."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

import torch

from arabic_llm_pipeline.parameters.model import AdapterSettings, ModelSettings
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
            + self.activations + self.logits
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
    "weights", "embedding", "trained", "gradients", "optimizer", "reference", "activations", "logits", "context",
    "margin",
)  # fmt: skip


def plan(stage: Stage, config: Any, *, roughly: bool = False) -> Plan:
    """Work out what a stage takes; nothing is loaded.

    Args:
        stage: method, settings, length.
        config: of the base.
        roughly: from the two smallest micro-batches, as though what they take grew with them: quick where many are
            tried, and never too little.
    """
    kept = _holdings(config, stage)
    passing = _held_roughly(config, stage) if roughly else _held(config, stage)
    body = max(passing.layers, kept.step)
    allocated = sum(
        (kept.linear, kept.rest, kept.trained, kept.gradients, kept.optimizer, kept.reference, max(body, passing.head))
    )
    on_card = stage.on_card
    return Plan(
        stage=stage,
        weights=kept.linear,
        embedding=kept.rest,
        trained=kept.trained,
        gradients=kept.gradients,
        optimizer=kept.optimizer if on_card else kept.optimizer + kept.paged,
        reference=kept.reference,
        activations=body,
        logits=max(0.0, passing.head - body),
        context=CONTEXT if on_card else 0.0,
        margin=FRAGMENTATION * allocated if on_card else 0.0,
        host=CUDA_PROCESS + kept.paged if on_card else PROCESS + allocated + kept.paged,
        disk=_disk(kept, stage),
        parameters=kept.parameters,
        trainable=kept.trainable,
    )


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
    checkpoint = kept.trained + kept.optimizer + kept.paged
    base = stage.base_files or (2 * (kept.parameters - kept.trainable) if stage.lora else 0)
    return base + stage.stored + CHECKPOINTS * checkpoint + kept.trained


def _holdings(config: Any, stage: Stage) -> Holdings:
    whole = stage.lora is not None and stage.lora.kind == "full"  # of a model that is trained itself, always
    copied = METHODS[stage.method].reference and (stage.continues or whole) and not stage.precomputed
    scoring = METHODS[stage.method].head == SCORE
    return _once(holdings, config, stage.model, weights_of(stage), stage.lora, stage.optimizer, copied, scoring)


def _held(config: Any, stage: Stage) -> Held:
    method = METHODS[stage.method]
    if stage.head:
        method = replace(method, head=stage.head)  # type: ignore[arg-type]
    if stage.precomputed:
        method = replace(method, reference=False)
    passes = Passes(
        rows=stage.micro_batch * method.sequences,
        length=stage.length + method.extra,
        checkpointing=stage.checkpointing,
        method=method,
        dtype=dtype_of(stage),
        weights=weights_of(stage),
        on_card=stage.on_card,
    )
    return _once(held, config, stage.model, stage.lora, passes)


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
