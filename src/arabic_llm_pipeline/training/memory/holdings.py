"""What is held from the first step to the last: weights, what is trained, gradients, the optimizer's state."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch

from arabic_llm_pipeline.parameters.model import AdapterSettings, ModelSettings
from arabic_llm_pipeline.training.families import HEAD
from arabic_llm_pipeline.training.memory.architecture import build, output_layer
from arabic_llm_pipeline.training.optimizers import ON_HOST

BLOCK, DOUBLE_BLOCK = 64, 256  # weights under one scale, and scales under one of theirs (bitsandbytes' own)
STATE_BLOCK = 256  # values of 8-bit optimizer state under one scale
SMALL = 4096  # parameters with fewer values keep fp32 state (bitsandbytes: min_8bit_size)
PAGED_FROM = 100_000  # values from which on bitsandbytes lets a state move to the host
FP32 = 4


@dataclass(frozen=True)
class Holdings:
    """Bytes, and how many weights they stand for."""

    linear: float  # frozen weights of linear layers, quantised or not
    rest: float  # embedding, output layer, norms, biases
    trained: float
    gradients: float
    optimizer: float  # state on the device
    paged: float  # state that may move to the host
    hosted: float  # what an optimizer on the host has there: state, and copies of weights and gradients
    step: float  # what the optimizer's step takes for itself
    reference: float
    parameters: int
    trainable: int


def holdings(
    config: Any,
    model: ModelSettings,
    dtype: torch.dtype,
    lora: AdapterSettings | None,
    optimizer: str,
    copied: bool,
    scoring: bool = False,
) -> Holdings:
    """What a stage holds throughout.

    Args:
        config: of the base.
        model: how the base is quantised.
        dtype: of weights that are not quantised.
        lora: the adapter; None: everything is trained.
        optimizer: its name.
        copied: whether the reference is a frozen copy.
        scoring: whether a reward model's head is in the place of the output layer.
    """
    made = build(config, dtype, model.attention, lora, scoring=scoring)
    trained = [part for part in made.parameters() if part.requires_grad]
    packed = _packed(made) if lora else []
    frozen = {id(part): part for part in made.parameters() if not part.requires_grad}
    linear = {id(part) for part in packed}
    rest = [part for name, part in frozen.items() if name not in linear]
    size, whole = sum(map(_size, trained)), model.quantization == "none"
    counts = [part.shape for part in trained]
    return Holdings(
        linear=sum(_size(part) if whole else part.numel() * bytes_a_weight(model, part.shape) for part in packed),
        rest=sum(map(_size, rest)),
        trained=size,
        gradients=size,
        optimizer=sum(state_bytes(optimizer, shape) for shape in counts if not is_paged(optimizer, shape)),
        hosted=sum(2 * _two(shape) for shape in counts) if optimizer == ON_HOST else 0.0,
        paged=sum(state_bytes(optimizer, shape) for shape in counts if is_paged(optimizer, shape)),
        step=size if optimizer in SCRATCH else 0.0,
        reference=_copy(made, lora) if copied else 0.0,
        parameters=sum(part.numel() for part in (*frozen.values(), *trained)),
        trainable=sum(part.numel() for part in trained),
    )


def bytes_a_weight(model: ModelSettings, shape: Iterable[int]) -> float:
    """Of a quantised linear layer, its scales among them.

    4 bits: a scale in fp32 for 64 weights, or (double quantisation) in 8 bits, with one in fp32 for 256 of those
    (Dettmers et al. 2023). 8 bits: a scale in fp32 for each row.
    """
    if model.quantization == "int8":
        return 1 + FP32 / list(shape)[-1]
    scale = 1 + FP32 / DOUBLE_BLOCK if model.double_quantization else FP32
    return 0.5 + scale / BLOCK


def _packed(model: Any) -> list[torch.Tensor]:
    """Weights that are quantised: of frozen linear layers, but for the output layer and a head for scores."""
    head = output_layer(model).weight
    named = [(name, module) for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)]
    layers = [module for name, module in named if HEAD not in name.split(".")]  # a frozen copy is kept of the trained
    return [layer.weight for layer in layers if not layer.weight.requires_grad and layer.weight is not head]


def _copy(model: torch.nn.Module, lora: AdapterSettings | None) -> int:
    """Of an adapter what is trained; of a model that is trained itself all, as its copy has the frozen layers, too."""
    whole = lora is None or lora.kind == "full"
    return sum(_size(part) for part in model.parameters() if whole or part.requires_grad)


def _size(part: torch.Tensor) -> int:
    return part.numel() * part.element_size()


def _two(shape: torch.Size) -> float:
    return 2 * FP32 * math.prod(shape)


def _one(shape: torch.Size) -> float:
    return FP32 * math.prod(shape)


def _bytes(states: int, shape: torch.Size) -> float:
    values = math.prod(shape)
    return states * (FP32 * values if values < SMALL else values * (1 + FP32 / STATE_BLOCK))


def _factored(shape: torch.Size) -> float:
    """Adafactor keeps a row and a column of a matrix's second moments (Shazeer and Stern 2018)."""
    return FP32 * (math.prod(shape[:-1]) + math.prod((*shape[:-2], shape[-1]))) if len(shape) > 1 else _one(shape)


def _muon(shape: torch.Size) -> float:
    return _one(shape) if len(shape) == 2 else _two(shape)


STATES: dict[str, Callable[[torch.Size], float]] = {
    "adamw_torch": _two,
    "adamw_torch_fused": _two,
    "adamw_8bit": lambda shape: _bytes(2, shape),
    "paged_adamw_8bit": lambda shape: _bytes(2, shape),
    "paged_adamw_32bit": _two,
    "lion_32bit": _one,
    "paged_lion_32bit": _one,
    "lion_8bit": lambda shape: _bytes(1, shape),
    "paged_lion_8bit": lambda shape: _bytes(1, shape),
    "adafactor": _factored,
    "sgd": lambda _: 0.0,
    ON_HOST: lambda _: 0.0,
    "muon": _muon,  # what `pretrain` uses: Muon for matrices, AdamW for the rest
}
SCRATCH = ("adamw_torch", "adafactor", "muon")  # work on all parameters at once, through a copy as large as they are


def state_bytes(optimizer: str, shape: torch.Size) -> float:
    """State of a parameter of this shape; of an optimizer that is not known, AdamW's."""
    return STATES.get(optimizer, _two)(shape)


def is_paged(optimizer: str, shape: torch.Size) -> bool:
    """Whether the state of such a parameter lies where the driver may move it to the host's memory."""
    return optimizer.startswith("paged_") and math.prod(shape) >= PAGED_FROM
