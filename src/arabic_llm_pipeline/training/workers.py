"""Several processes that train one model: who is who, what one does for all, what all of them know.

A worker is told its number by its environment (`launch` sets it). Where there is one process only, all of this costs
nothing and imports no torch.
"""

import json
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arabic_llm_pipeline.common.errors import UserError

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

    Array = NDArray[float64]

MEETING = "ARABIC_LLM_MEETING"  # folder, on this machine, in which workers find each other
PATIENCE = timedelta(days=30)  # for what one does while others wait; who launched them ends them all if it dies
_store: Any = None
_times = 0  # something was agreed on


def count() -> int:
    """How many there are."""
    return int(os.environ.get("WORLD_SIZE", "1")) if MEETING in os.environ else 1


def number() -> int:
    """Which one this is, from 0."""
    return int(os.environ.get("RANK", "0")) if MEETING in os.environ else 0


def is_first() -> bool:
    """Whether this is the one that writes and tells."""
    return number() == 0


def meet() -> None:
    """Find the other workers; once, before anything else here."""
    global _store
    if count() == 1:
        return
    import torch
    from torch import distributed

    _store = distributed.FileStore(  # type: ignore[attr-defined]
        str(Path(os.environ[MEETING]) / "store"), count()
    )
    _store.set_timeout(PATIENCE)
    on_card = torch.cuda.is_available()
    _store.set(f"card-{number()}", str(on_card))
    cards = [_store.get(f"card-{other}") == b"True" for other in range(count())]
    if len(set(cards)) > 1:
        raise UserError(
            f"devices.processes={count()}, but there are {sum(cards)} cards to be seen. Set it to that, or name the "
            "cards in devices.cards."
        )
    distributed.init_process_group(
        "cpu:gloo,cuda:nccl" if on_card else "gloo", store=_store, rank=number(), world_size=count()
    )


def part() -> None:
    """Leave the others."""
    if count() > 1:
        from torch import distributed

        distributed.destroy_process_group()


def agreed(name: str, find: Callable[[], Any]) -> Any:
    """What the first one finds, for all of them: anything that is JSON.

    Args:
        name: of what is looked for.
        find: is asked in the first one alone.
    """
    global _times
    if count() == 1:
        return find()
    _times += 1
    name = f"{name}-{_times}"
    if is_first():
        _store.set(name, json.dumps(find()))
    return json.loads(_store.get(name))


def everyone(name: str, mine: Any) -> list[Any]:
    """What each of them says, by their numbers: anything that is JSON.

    Args:
        name: of what is asked.
        mine: what this one says.
    """
    global _times
    if count() == 1:
        return [mine]
    _times += 1
    _store.set(f"{name}-{_times}-{number()}", json.dumps(mine))
    return [json.loads(_store.get(f"{name}-{_times}-{other}")) for other in range(count())]


def once(name: str, work: Callable[[], Any]) -> None:
    """Have the first one do something for all; all go on when it is done."""

    def done() -> None:
        work()

    agreed(name, done)


def together() -> None:
    """Wait for all of them."""
    if count() > 1:
        from torch import distributed

        distributed.barrier()


def total(value: float) -> float:
    """The sum over all of them."""
    if count() == 1:
        return value
    import torch
    from torch import distributed

    summed = torch.tensor(float(value), dtype=torch.float64)  # on the CPU: there gloo is quick enough for a number
    distributed.all_reduce(summed)
    return float(summed)


def sums(values: "Array") -> "Array":
    """The sums over all of them, place by place."""
    if count() == 1:
        return values
    import torch
    from torch import distributed

    summed = torch.from_numpy(values.copy())
    distributed.all_reduce(summed)
    return summed.numpy()


def any_of(flag: bool) -> bool:
    """Whether it is so for any of them."""
    return total(float(flag)) > 0
