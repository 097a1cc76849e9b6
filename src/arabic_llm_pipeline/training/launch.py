"""The processes of a stage, as the one that waits for them sees them: started, listened to, ended together."""

import json
import logging
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from arabic_llm_pipeline.common.processes import available_cores
from arabic_llm_pipeline.parameters.devices import DeviceSettings
from arabic_llm_pipeline.training.quiet import OFFLINE
from arabic_llm_pipeline.training.workers import MEETING

log = logging.getLogger(__name__)
SAVING_S = 120.0  # after Ctrl-C: what they may take to write a checkpoint
FOLLOWING_S = 5.0  # after one has failed: what the others may take to say why they cannot go on
BLOCK = 1 << 16  # bytes read of a child's words at a time
# Threads of a small model meet thousands of times a step. By default they wait for each other by spinning: 18% faster
# on idle cores, and 2 to 25 times slower as soon as anything else wants one of them.
THREADS = {"GOMP_SPINCOUNT": "1000"}
# What launchers of other programs say to theirs: libraries would take a stage for one of several processes.
OTHERS = (
    "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "PMI_SIZE", "PMI_RANK",
    "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK",
    "MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK", "MPI_LOCALNRANKS", "MPI_LOCALRANKID",
)  # fmt: skip


class Crew:
    """The processes of one stage; one of them is the usual case."""

    def __init__(self) -> None:
        self.children: list[subprocess.Popen[bytes]] = []
        self.codes: dict[int, int] = {}  # by number, of those that ended by themselves

    def answers(self) -> Iterator[tuple[str, Any]]:
        """What they say, line by line, until all have ended; when one has failed, the others have a moment to follow.

        polars asks for reads to go on after a signal: in one, Ctrl-C would wait for the child's next word. A select is
        never gone on with, whoever asks (signal(7)).
        """
        begun = {cast(IO[bytes], child.stdout): (number, b"") for number, child in enumerate(self.children)}
        last: float | None = None
        while begun:
            left = None if last is None else max(0.0, last - time.monotonic())
            ready, _, _ = select.select(list(begun), [], [], left)
            if not ready:
                break
            for out in ready:
                number, words = begun.pop(out)
                block = os.read(out.fileno(), BLOCK)
                *lines, rest = (words + block).split(b"\n")
                for line in lines:
                    yield from json.loads(line).items()
                if block:
                    begun[out] = number, rest
                    continue
                self.codes[number] = self.children[number].wait()
                if self.codes[number] and last is None:
                    last = time.monotonic() + FOLLOWING_S

    def let_save(self) -> None:
        """Ask them to stop after their step, and wait for the checkpoint."""
        log.warning("Stopping after this step; a checkpoint is kept. Ctrl-C again to stop at once.")
        for child in self.children:
            child.send_signal(signal.SIGINT)
        end = time.monotonic() + SAVING_S
        try:
            for child in self.children:
                child.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.warning("The checkpoint took too long: the one before it stays.")

    def end(self) -> None:
        """End what still runs."""
        for child in self.children:
            child.kill()
        for child in self.children:
            child.wait()

    def failure(self) -> tuple[int, int]:
        """Number and code of the one that failed first, as far as one can tell: the others lose their company.

        Code 0: none failed.
        """
        failed = [(code != -signal.SIGKILL, code > 0, number) for number, code in self.codes.items() if code]
        *_, number = min(failed, default=(0, 0, 0))
        return number, self.codes.get(number, 0)


@contextmanager
def started(arguments: Sequence[str], devices: DeviceSettings, logs: Sequence[Path]) -> Iterator[Crew]:
    """Start one process for each file of its words; they end with the block.

    Args:
        arguments: of the interpreter.
        devices: cards and allocator.
        logs: where each leaves what its libraries say.
    """
    with tempfile.TemporaryDirectory(prefix="arabic_llm_") as meeting:
        crew = Crew()
        try:
            for number, file in enumerate(logs):
                crew.children.append(_start(arguments, _environment(devices, number, len(logs), meeting), file))
            yield crew
        except KeyboardInterrupt:
            crew.let_save()
            raise
        finally:
            crew.end()


def _start(arguments: Sequence[str], environment: dict[str, str], file: Path) -> "subprocess.Popen[bytes]":
    with file.open("wb") as words:
        return subprocess.Popen(  # noqa: S603  its words are ours
            [sys.executable, *arguments],
            stdout=subprocess.PIPE, stderr=words, env=environment, start_new_session=True,
        )  # fmt: skip


def _environment(devices: DeviceSettings, number: int, count: int, meeting: str) -> dict[str, str]:
    """A share of the cores unless the user says otherwise, one card; the package found as this process found it."""
    home = str(Path(__file__).parents[2])
    paths = [home, *filter(None, [os.environ.get("PYTHONPATH")])]
    own = {name: value for name, value in os.environ.items() if name not in OTHERS}
    told = {"PYTHONPATH": os.pathsep.join(paths), "CUDA_VISIBLE_DEVICES": _card(devices, number)}
    if devices.allocator is not None:
        told["PYTORCH_CUDA_ALLOC_CONF"] = devices.allocator
    if devices.cards is not None:
        own.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")  # numbers as nvidia-smi has them
    if count > 1:
        # Libraries take a local rank for the number of a card among those that are seen (accelerate's DDP and barrier,
        # torch's device mesh): each worker sees one, as the first.
        told |= {"RANK": str(number), "LOCAL_RANK": "0", MEETING: meeting}
        told |= {"WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count)}
    threads = THREADS | {"OMP_NUM_THREADS": str(max(1, available_cores() // count))}
    return {**threads, **own, **OFFLINE, **told}


def _card(devices: DeviceSettings, number: int) -> str:
    """What a worker sees of the cards: its own, as the first."""
    if devices.cards is not None:
        return str(devices.cards[number])
    seen = [part for part in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if part]
    if "CUDA_VISIBLE_DEVICES" in os.environ and not seen:
        return ""  # the user hides them all
    return seen[number] if number < len(seen) else str(number) if not seen else ""
