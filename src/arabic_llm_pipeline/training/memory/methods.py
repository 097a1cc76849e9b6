"""What each method puts through the model in a step."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

Head = Literal["tiled", "whole", "score"]
SCORE: Final = "score"  # one number of each position, without an output layer


@dataclass(frozen=True)
class Method:
    """How a row of a method's data becomes forward passes."""

    sequences: int = 1  # of the window's length, in a row
    reference: bool = False  # a second pass without gradients, by the adapter of the stage before
    head: Head = "tiled"  # TRL's fused head; "whole": logits of all positions, as transformers' own loss has them
    smallest: int = 1  # rows in a forward pass
    padded: bool = True  # rows carry a mask, which attention expands to length x length
    extra: int = 0  # tokens beside the window


METHODS: dict[str, Method] = {
    "cpt": Method(padded=False),
    "sft": Method(padded=False),
    "dpo": Method(sequences=2, reference=True),
    "ipo": Method(sequences=2, reference=True),
    "kto": Method(reference=True, smallest=2),  # TRL asks for two
    "cpo": Method(sequences=2),
    "simpo": Method(sequences=2),
    "orpo": Method(sequences=2),
    "dno": Method(sequences=2, reference=True),
    "reward": Method(sequences=2, head=SCORE),
    "pretrain": Method(padded=False, extra=1),  # a window ends with the token the next begins with
}


def is_summed(method: str, settings: Mapping[str, Any]) -> bool:
    """Whether a method sums up over rows, so that how a batch is split differs by rounding alone; aot sorts a pass."""
    return method in METHODS and settings.get("loss_type") != "aot"


def method_of(target: str) -> str | None:
    """The method that a stage's function trains by: `...methods.preference:train_dpo` is dpo; None for another."""
    module, _, function = target.partition(":")
    name = function.removeprefix("train_") if function.startswith("train_") else module.rpartition(".")[2]
    return name if name in METHODS else None
