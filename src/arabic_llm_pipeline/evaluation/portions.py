"""Sequences of many lengths through a model in batches, as many at once as memory holds."""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.progress import progress
from arabic_llm_pipeline.training.memory.shortage import is_shortage

log = logging.getLogger(__name__)
T = TypeVar("T")
_ROOM: WeakKeyDictionary[Any, dict[str, int]] = WeakKeyDictionary()  # model -> kind of work -> padded tokens that fit


def in_portions(
    model: Any,
    widths: Sequence[int],
    work: Callable[[list[int]], Sequence[T]],
    *,
    size: int,
    kind: str,
    label: str,
    tokens: int | None = None,
) -> list[T]:
    """What `work` gives for each place, in the order of the places.

    Places go by falling width, so that what needs most memory comes first and neighbours are of like length. Where
    memory runs out (of the card or of the host), half as many are tried; what fitted then is the most for all later
    work of this kind with this model, and is said once.

    Args:
        model: for whose work the size is remembered.
        widths: tokens that each place takes.
        work: results of a batch of places, one each.
        size: places at once, at most.
        kind: of work: passes of one kind take alike much memory for a token.
        label: what is being done, for the progress shown.
        tokens: in a batch of several places, at most, when padded to the widest.

    Raises:
        UserError: memory runs out with one place alone.
    """
    found: list[T | None] = [None] * len(widths)
    waiting = sorted(range(len(widths)), key=lambda place: -widths[place])
    room, failed = min(filter(None, (tokens, _room(model).get(kind))), default=None), 0
    with progress(label, len(waiting)) as advance:
        while waiting:
            batch = waiting[: _fitting(waiting, widths, size, room)]
            results = tried(partial(work, batch))
            if results is None:
                room, failed = _halved(batch, widths, label), failed or len(batch)
                continue
            if failed:
                _remember(model, kind, room, failed, len(batch), label)
                failed = 0
            for place, result in zip(batch, results, strict=True):
                found[place] = result
            del waiting[: len(batch)]
            advance(len(batch))
    return found  # type: ignore[return-value]


def _fitting(waiting: Sequence[int], widths: Sequence[int], size: int, room: int | None) -> int:
    """How many of those that wait, widest first, go at once: one at least."""
    return max(1, min(size, size if room is None else room // max(1, widths[waiting[0]])))


def tried(work: Callable[[], T]) -> T | None:
    """What `work` gives, or None where memory ran out."""
    from accelerate.utils.memory import clear_device_cache

    try:
        return work()
    except (MemoryError, RuntimeError) as error:
        if not is_shortage(error):
            raise
    clear_device_cache(garbage_collection=True)  # only here has the traceback let go of what it held
    return None


def _halved(batch: Sequence[int], widths: Sequence[int], label: str) -> int:
    """Padded tokens of half a batch."""
    width = widths[batch[0]]
    if len(batch) == 1:
        raise UserError(
            f"{label}: memory runs out with a single sequence of {width} tokens. Lower the window or "
            "max_new_tokens, set model.quantization=nf4, or end other programs that use the card."
        )
    return (len(batch) // 2) * max(1, width)


def _room(model: Any) -> dict[str, int]:
    return _ROOM.setdefault(model, {})


def _remember(model: Any, kind: str, room: int | None, asked: int, fitted: int, label: str) -> None:
    known = _room(model)
    say = log.debug if kind in known else log.warning
    say(
        "%s: memory ran out with %d sequences at once; it goes on with %d of this length, and keeps to that. A smaller "
        "batch_size would spare the attempt.",
        label,
        asked,
        fitted,
    )
    known[kind] = room or 1
