"""How much a step holds beside weights, by letting it run on tensors that have a shape and no data.

Every operation of forward and backward pass is seen; storages are counted while something refers to them. Layers are
alike, so that two short models tell what each further one adds.
"""

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from arabic_llm_pipeline.parameters.model import AdapterSettings, ModelSettings
from arabic_llm_pipeline.training.memory.architecture import build, output_layer, with_layers
from arabic_llm_pipeline.training.memory.heads import HEADS
from arabic_llm_pipeline.training.memory.methods import SCORE, Method

FEW, MORE = 1, 2  # layers of the models that are looked at


@dataclass(frozen=True)
class Passes:
    """A micro-batch: its shape, and what is kept of it for the backward pass."""

    rows: int
    length: int
    checkpointing: bool
    method: Method
    dtype: torch.dtype  # that is computed in
    weights: torch.dtype  # that weights are held in, where they are not quantised
    on_card: bool  # autocast, and TRL's kernels of a card; else as on a CPU
    flash: bool = False  # attention without a mask of length x length, which else is given or made of the positions


@dataclass(frozen=True)
class Held:
    """Bytes beside weights, their gradients and the optimizer's state."""

    saved: float  # at the end of the layers' forward pass
    layers: float  # most while layers run, forward or back
    head: float  # most while the output layer and the loss run

    @property
    def peak(self) -> float:
        """Most at any time."""
        return max(self.layers, self.head)

    def further(self, other: "Held", steps: float) -> "Held":
        """Where the line from this one through another is, so many times as far."""
        ends = [(getattr(self, name), getattr(other, name)) for name in ("saved", "layers", "head")]
        return Held(*(one + steps * (two - one) for one, two in ends))


def held(config: Any, model: ModelSettings, lora: AdapterSettings | None, passes: Passes) -> Held:
    """What a micro-batch holds.

    Args:
        config: of the base.
        model: how the base is held.
        lora: the adapter; None: everything is trained.
        passes: the micro-batch.
    """
    layers = config.get_text_config().num_hidden_layers
    if layers <= FEW:
        return _traced(config, model, lora, passes)
    few, more = (_traced(with_layers(config, count), model, lora, passes) for count in (FEW, MORE))
    return few.further(more, (layers - FEW) // (MORE - FEW))


def forward(config: Any, model: ModelSettings, lora: AdapterSettings | None, passes: Passes) -> float:
    """Bytes beside weights that a forward pass without gradients holds at most; the more layers, the same.

    Args:
        config: of the base.
        model: how the base is held.
        lora: the adapter; None: there is none.
        passes: the micro-batch.
    """
    made = _made(with_layers(config, FEW), model, lora, passes)
    with FakeTensorMode():
        _fill(made, quantised=model.quantization != "none" and lora is not None)
        batch = _batch(passes)
        live = Live([*made.parameters(), *made.buffers(), *batch.values()])
        with live, torch.no_grad(), _autocast(passes):
            _backbone(made.eval(), batch)
        return live.most


class Live(TorchDispatchMode):
    """Adds up the storages that are alive; `known` ones do not count."""

    def __init__(self, known: list[torch.Tensor]):
        super().__init__()
        self.now = self.most = 0
        self._alive: dict[int, Any] = {}
        self._known = [tensor.untyped_storage() for tensor in known]  # kept: an address is not given twice
        for storage in self._known:
            self._alive[storage._cdata] = storage

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            if isinstance(leaf, torch.Tensor):
                self._count(leaf.untyped_storage())
        return out

    def restart(self) -> int:
        """The most so far; what is seen from now on is counted apart."""
        most, self.most = self.most, self.now
        return most

    def _count(self, storage: Any) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key in self._alive:
            return
        self.now += size
        self.most = max(self.most, self.now)
        self._alive[key] = weakref.ref(storage, lambda _: self._gone(key, size))

    def _gone(self, key: int, size: int) -> None:
        self.now -= size
        del self._alive[key]


def _traced(config: Any, model: ModelSettings, lora: AdapterSettings | None, passes: Passes) -> Held:
    made = _made(config, model, lora, passes)
    with FakeTensorMode():
        _fill(made, quantised=model.quantization != "none" and lora is not None)
        made.train()
        if passes.checkpointing:
            made.gradient_checkpointing_enable({"use_reentrant": False})
            made.enable_input_require_grads()
        return _step(made, passes)


def _made(config: Any, model: ModelSettings, lora: AdapterSettings | None, passes: Passes) -> Any:
    if lora and (lora.freeze_top or lora.freeze_bottom):  # of few layers none would be left; so it is never too little
        lora = lora.model_copy(update={"freeze_top": 0, "freeze_bottom": 0})
    return build(config, passes.weights, model.attention, lora, scoring=passes.method.head == SCORE)


def _fill(model: Any, *, quantised: bool) -> None:
    """Give every parameter and buffer a tensor without data, shared ones the same; linear layers unpack weights."""
    made: dict[torch.nn.Parameter, torch.nn.Parameter] = {}
    head = model.get_output_embeddings()
    for module in model.modules():
        for name, old in list(module._parameters.items()):
            if old is not None and old not in made:
                made[old] = torch.nn.Parameter(torch.empty(old.shape, dtype=old.dtype), old.requires_grad)
                made[old].grad = torch.empty(old.shape, dtype=old.dtype) if old.requires_grad else None
            if old is not None:
                module._parameters[name] = made[old]
        for name, buffer in list(module._buffers.items()):
            if buffer is not None:
                module._buffers[name] = torch.empty(buffer.shape, dtype=buffer.dtype)
        if quantised and isinstance(module, torch.nn.Linear) and module is not head and not module.weight.requires_grad:
            module.__dict__["forward"] = _unpacking(module)


def _unpacking(layer: torch.nn.Linear) -> Any:
    return lambda inputs: _Unpacked.apply(inputs, layer.weight, layer.bias)


class _Unpacked(torch.autograd.Function):
    """A linear layer whose weights are made out of few bits each time, for the forward and for the backward pass."""

    @staticmethod
    def forward(ctx: Any, inputs: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        ctx.weight, ctx.dtype = weight, inputs.dtype
        return torch.nn.functional.linear(inputs.to(weight.dtype), weight.clone(), bias).to(inputs.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:
        return torch.matmul(gradient.to(ctx.weight.dtype), ctx.weight.clone()).to(ctx.dtype), None, None


def _step(model: Any, passes: Passes) -> Held:
    """A forward and a backward pass, watched."""
    batch = _batch(passes)
    known = [*model.parameters(), *model.buffers(), *batch.values()]
    live = Live([*known, *(part.grad for part in model.parameters() if part.grad is not None)])
    seen: dict[str, int] = {}
    with live:
        with _autocast(passes):
            hidden = _backbone(model, batch)
            seen["saved"], seen["forward"] = live.now, live.restart()
            hidden.register_hook(lambda _: seen.update(head=live.restart()))
            weight = output_layer(model).weight
            loss = HEADS[passes.method.head, passes.on_card](hidden, weight, batch["input_ids"])
            if passes.method.reference:
                with torch.no_grad():
                    HEADS["tiled", passes.on_card](_backbone(model, batch), weight, batch["input_ids"])
        del hidden
        loss.backward()
    return Held(seen["saved"], max(seen["forward"], live.most), seen["head"])


def _batch(passes: Passes) -> dict[str, torch.Tensor]:
    ids = torch.zeros((passes.rows, passes.length), dtype=torch.long)
    if passes.flash:
        return {"input_ids": ids}
    batch = {"input_ids": ids, "position_ids": torch.arange(passes.length).expand(passes.rows, -1)}
    if passes.method.padded:
        batch["attention_mask"] = torch.ones((passes.rows, 1, passes.length, passes.length), dtype=torch.bool)
    return batch


def _backbone(model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    inner = model.get_base_model() if hasattr(model, "peft_config") else model
    return inner.base_model(**batch, use_cache=False).last_hidden_state


@contextmanager
def _autocast(passes: Passes) -> Iterator[None]:
    """As the trainers have it on a card; tensors without data stand on a CPU here."""
    narrow = passes.on_card and passes.dtype != torch.float32
    with torch.autocast("cpu", dtype=passes.dtype if narrow else torch.bfloat16, enabled=narrow):
        yield
