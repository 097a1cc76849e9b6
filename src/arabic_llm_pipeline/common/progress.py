"""Progress of long work: a bar in a terminal, a line now and then in a log."""

import logging
import time
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import Protocol, TypeVar

log = logging.getLogger(__name__)
T = TypeVar("T")
LINE_S = 10.0  # a log that is no terminal gets a line at most this often


class Advance(Protocol):
    """Called after each unit of work, with a few words to show beside the bar."""

    def __call__(self, amount: float = 1, note: str = "") -> None:
        """Move on by `amount` units."""


def track(items: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
    """Iterate while showing how far it has come.

    Args:
        items: what to go through.
        label: what is being done, in a few words.
        total: how many there are, where `len(items)` does not say.
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    with progress(label, total) as advance:
        for item in items:
            yield item
            advance()


@contextmanager
def progress(label: str, total: float | None, done: float = 0) -> Iterator[Advance]:
    """A bar (terminal) or lines (log) that the caller moves on; of `total`, so much was `done` at another time."""
    from rich import get_console

    if get_console().is_terminal:
        with _bar(label, total, done) as advance:
            yield advance
    else:
        yield _Lines(label, total, done)


@contextmanager
def _bar(label: str, total: float | None, done: float) -> Iterator[Advance]:
    from rich import get_console
    from rich import progress as rich

    columns = (
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.MofNCompleteColumn(),
        rich.TimeElapsedColumn(),
        rich.TimeRemainingColumn(),
        rich.TextColumn("{task.fields[note]}"),
    )
    with rich.Progress(*columns, console=get_console()) as bar:
        task = bar.add_task(label, total=total, completed=int(done), note="")

        def advance(amount: float = 1, note: str = "") -> None:
            bar.update(task, advance=amount, note=note)

        yield advance


class _Lines:
    """Stands in for the bar where nobody watches: one log line at most every `LINE_S` seconds, and one at the end."""

    def __init__(self, label: str, total: float | None, done: float = 0):
        self.label, self.total, self.done = label, total, done
        self.begun, self.started = done, time.monotonic()
        self.next = self.started + LINE_S

    def __call__(self, amount: float = 1, note: str = "") -> None:
        self.done += amount
        now = time.monotonic()
        if now >= self.next or (self.total and self.done >= self.total):
            self.next = now + LINE_S
            of = f" of {self.total:g}" if self.total else ""
            log.info("%s: %g%s %s%s", self.label, self.done, of, note, self._left(now - self.started))

    def _left(self, seconds: float) -> str:
        """What is left, if it goes on as it went."""
        made = self.done - self.begun
        if not self.total or made <= 0 or self.done >= self.total:
            return ""
        return f", {spell(seconds / made * (self.total - self.done))} left"


def spell(seconds: float) -> str:
    """Seconds as one would say them of what is yet to come: 40 s, 12 min, 3 h 20 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
