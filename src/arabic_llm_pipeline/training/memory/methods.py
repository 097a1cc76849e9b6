"""What each method puts through the model in a step."""

from dataclasses import dataclass
from typing import Final, Literal

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
    "kto": Method(reference=True, smallest=2),  # its KL term compares the answers of a forward pass
    "cpo": Method(sequences=2),
    "simpo": Method(sequences=2),
    "orpo": Method(sequences=2),
    "dno": Method(sequences=2, reference=True),  # its answers' sampling, without gradients, takes less
    "reward": Method(sequences=2, head=SCORE),
    "pretrain": Method(padded=False, extra=1),  # a window ends with the token the next begins with
}


def method_of(target: str) -> str | None:
    """The method that a stage's function trains by: `...methods.preference:train_dpo` is dpo; None for another."""
    module, _, function = target.partition(":")
    name = function.removeprefix("train_") if function.startswith("train_") else module.rpartition(".")[2]
    return name if name in METHODS else None
