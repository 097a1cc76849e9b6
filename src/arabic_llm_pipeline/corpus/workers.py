"""Tasks spread over processes of one machine; results come in the order of the tasks."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from arabic_llm_pipeline.common.processes import available_cores, die_with_parent
from arabic_llm_pipeline.common.progress import track

Task = TypeVar("Task")
Result = TypeVar("Result")
SMALL = 16 << 20  # bytes: less than this is done before a second process has started
ONE_THREAD = {"POLARS_MAX_THREADS": "1"}  # the processes share the cores already


def run_tasks(work: Callable[[Task], Result], tasks: Sequence[Task], processes: int, label: str) -> Iterator[Result]:
    """Do every task, in this process or in several, and hand over the results in order.

    Args:
        work: a function of a module, so that a child finds it.
        tasks: what it is called with, one at a time; picklable where there are several processes.
        processes: how many at most; 0 is one for each core.
        label: what is being done, for the progress shown.
    """
    processes = min(processes or available_cores(), len(tasks))
    if processes <= 1:
        yield from map(work, track(tasks, label))
        return
    with _pool(processes) as pool:
        futures = [pool.submit(work, task) for task in tasks]
        yield from map(Future.result, track(futures, label))


def enough_for(paths: Iterable[Path], processes: int) -> int:
    """How many processes to use for these files: one, if they are small."""
    return processes if sum(path.stat().st_size for path in paths) >= SMALL else 1


@contextmanager
def _pool(processes: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that go when this one goes; what has not begun is dropped when one task fails."""
    context = multiprocessing.get_context("spawn")  # a fork would inherit the locks of polars' threads
    with _environment(ONE_THREAD):
        pool = ProcessPoolExecutor(processes, context, _begin, (os.getpid(),))
        try:
            yield pool
        finally:
            pool.shutdown(cancel_futures=True)


def _begin(parent: int) -> None:
    die_with_parent(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Set before the children start, because polars reads it when it is imported."""
    before: dict[str, Any] = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)
