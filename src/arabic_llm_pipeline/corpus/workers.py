"""Tasks spread over processes of this machine, or by Ray; results come in the order of the tasks."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from arabic_llm_pipeline.common.files import File
from arabic_llm_pipeline.common.processes import available_cores, die_with_parent
from arabic_llm_pipeline.common.progress import track
from arabic_llm_pipeline.parameters.engine import EngineSettings

Task = TypeVar("Task")
Result = TypeVar("Result")
SMALL = 16 << 20  # bytes: less than this is done before a second process has started
ONE_THREAD = {"POLARS_MAX_THREADS": "1"}  # the processes share the cores already


class Runner(Protocol):
    """Who does tasks elsewhere than in this process."""

    def width(self, processes: int) -> int:
        """How many tasks it does at a time, where so many are asked for; 0: as many as it can."""

    def run(self, work: Callable[[Task], Result], tasks: Sequence[Task], processes: int) -> Iterator[Result]:
        """Do every task, at most so many at a time, and hand over the results in order."""

    def close(self) -> None:
        """Let go of whatever it started."""


class Processes:
    """Processes of this machine, begun for each list of tasks."""

    def width(self, processes: int) -> int:
        """See `Runner`."""
        return processes or available_cores()

    def run(self, work: Callable[[Task], Result], tasks: Sequence[Task], processes: int) -> Iterator[Result]:
        """See `Runner`."""
        with _pool(processes) as pool:
            futures = [pool.submit(work, task) for task in tasks]
            yield from map(Future.result, futures)

    def close(self) -> None:
        """Nothing lasts."""


_runner: Runner = Processes()


def begin(settings: EngineSettings) -> None:
    """From here on tasks are done as the settings say; nothing is started before there are tasks worth it.

    Raises:
        UserError: Ray is asked for, and not installed.
    """
    global _runner
    end()
    if settings.runner == "ray":
        from arabic_llm_pipeline.corpus.ray_runner import RayRunner

        _runner = RayRunner(settings.address, settings.processes or available_cores())


def end() -> None:
    """Let go of what was started since `begin`; from here on tasks are done by processes of this machine."""
    global _runner
    before, _runner = _runner, Processes()
    before.close()


def run_tasks(work: Callable[[Task], Result], tasks: Sequence[Task], processes: int, label: str) -> Iterator[Result]:
    """Do every task, in this process or elsewhere, and hand over the results in order.

    Args:
        work: a function of a module, so that a child finds it.
        tasks: what it is called with, one at a time; picklable where they are done elsewhere.
        processes: how many at most; 0 is as many as there are cores.
        label: what is being done, for the progress shown.
    """
    width = 1 if len(tasks) <= 1 else min(_runner.width(processes), len(tasks))
    results = map(work, tasks) if width <= 1 else _runner.run(work, tasks, width)
    yield from track(results, label, len(tasks))


def enough_for(paths: Iterable[File], processes: int) -> int:
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
