"""Tasks done by Ray: in a cluster of this machine that lasts as long as the run, or in one that is there.

What travels is a function's name and a task: paths, and settings. Shards are read and written where they lie, so the
machines of a cluster share the project's folder under one path, and have the package installed. A task whose worker
dies is done again, which is safe because a file appears whole or not at all.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.corpus.workers import ONE_THREAD

Task = TypeVar("Task")
Result = TypeVar("Result")
QUIET = {"RAY_USAGE_STATS_ENABLED": "0"}  # read when Ray is imported
STORE_BYTES = 128 << 20  # of shared memory, for results: hashes and counts, never texts
TIMES = 3  # a task is begun again when its worker died


class RayRunner:
    """A `workers.Runner`; Ray starts, or is joined, with the first tasks."""

    def __init__(self, address: str | None, cores: int):
        """Say where the cluster is.

        Args:
            address: `host:port` of its head, or `auto`; None for one of this machine's own.
            cores: of that one of our own.

        Raises:
            UserError: Ray is not installed.
        """
        self.address, self.cores = address, cores
        self._ray: Any = _imported()
        self._held = ExitStack()

    def width(self, processes: int) -> int:
        """So many, or one for each core of the cluster."""
        if processes or self.address is None:
            return processes or self.cores
        self._start()
        return int(self._ray.cluster_resources().get("CPU", 1))

    def run(self, work: Callable[[Task], Result], tasks: Sequence[Task], processes: int) -> Iterator[Result]:
        """Do every task; few wait there, begun or done, for their turn to be handed over.

        Raises:
            UserError: the cluster is not there, or cannot do a task; else what the task itself raised.
        """
        self._start()
        remote = self._ray.remote(num_cpus=1, max_retries=TIMES)(_do)
        ahead = processes if self.address else 2 * processes  # a cluster of our own has no more cores than that
        waiting: deque[Any] = deque()
        try:
            for task in tasks:
                waiting.append(remote.remote(work, task))
                if len(waiting) >= ahead:
                    yield self._result(waiting.popleft())
            while waiting:
                yield self._result(waiting.popleft())
        finally:
            for one in waiting:
                self._ray.cancel(one, force=True)

    def close(self) -> None:
        """Leave the cluster; one of this machine's own ends."""
        self._held.close()

    def _start(self) -> None:
        if self._ray.is_initialized():
            return
        about = {"runtime_env": {"env_vars": ONE_THREAD}, "log_to_driver": False, "configure_logging": False}
        if self.address is None:
            folder = self._held.enter_context(TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True))
            about |= {"num_cpus": self.cores, "object_store_memory": STORE_BYTES, "_temp_dir": folder}
            about |= {"include_dashboard": False, "_node_ip_address": "127.0.0.1"}
        try:
            self._ray.init(address=self.address or "local", **about)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise UserError(
                f"There is no Ray cluster at {self.address or 'this machine'} to join: {error}\n"
                "Start one (ray start --head), name it in engine.address, or set engine.runner=processes."
            ) from error
        self._held.callback(self._ray.shutdown)

    def _result(self, reference: Any) -> Any:
        errors = self._ray.exceptions
        try:
            return self._ray.get(reference)
        except errors.RayTaskError as error:
            raise error.cause from None  # as if it had been done here
        except (errors.WorkerCrashedError, errors.OutOfMemoryError, errors.NodeDiedError) as error:
            raise UserError(
                f"Ray could not do a task, {TIMES + 1} times over: {error}\nIf memory was short: lower "
                "engine.rows_per_shard or engine.processes."
            ) from error


def _imported() -> Any:
    os.environ.update(QUIET)
    try:
        import ray
    except ImportError:
        raise UserError(
            "engine.runner=ray needs Ray, which is not installed: pip install 'arabic-llm-pipeline[ray]', "
            "or set engine.runner=processes."
        ) from None
    return ray


def _do(work: Callable[[Task], Result], task: Task) -> Result:
    return work(task)
