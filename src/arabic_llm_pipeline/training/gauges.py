"""What the machine does while it trains: memory of the process; load, watts and heat of the card; energy."""

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

import psutil
import torch

MB = 1024 * 1024
SAMPLING_S = 0.5  # between looks at the card: a look takes up to some milliseconds, so no step waits for one
RAPL = Path("/sys/class/powercap")  # energy of the processor's package, where Linux lets it be read
CARD, PACKAGE = "card (NVML, watts by time)", "processor package (RAPL), with whatever else ran on it"
NOTHING = "not measured: no card that NVML reads, and no RAPL counter that may be read"
USED = "device_used_mb"
OWN, ALL = "this process (NVML)", "all that is on the card (NVML, which does not name this process)"
Readings = dict[str, float | None]


class Gauges:
    """Read once a step; what cannot be had is None."""

    def __init__(self) -> None:
        self.process = psutil.Process()
        self.card = Card() if torch.cuda.is_available() else None
        self.package = Package()

    @property
    def energy_of(self) -> str:
        """What the joules are those of, in all steps."""
        if self.card and self.card.tells_power:
            return CARD
        return PACKAGE if self.package.works else NOTHING

    @property
    def used_of(self) -> str | None:
        """Whose the memory is that is taken on the card; None where nobody tells."""
        return self.card.used_of if self.card else None

    def read(self, seconds: float) -> Readings:
        """What a step that has just ended took."""
        card = self.card.read() if self.card else {}
        packaged = self.package.joules()
        watts = card["device_watts"] if self.card and self.card.tells_power else None
        joules = watts * seconds if watts is not None else None
        return {
            "process_memory_mb": process_mb(),
            "process_memory_now_mb": self.process.memory_info().rss / MB,
            "device_memory_mb": device_mb(),
            **{name: card.get(name) for name in Card.NAMES},
            "energy_joules": packaged if joules is None else joules,
        }

    def close(self) -> None:
        """Look no more."""
        if self.card:
            self.card.close()


class Card:
    """NVML's figures of the card that torch uses, sampled beside the training.

    Means over the time since last read; of memory the most so far.
    """

    NAMES = (USED, "device_utilisation", "device_watts", "device_celsius")

    def __init__(self) -> None:
        self._samples: dict[str, list[float]] = {name: [] for name in self.NAMES}
        self._last: Readings = dict.fromkeys(self.NAMES)
        self._end, self._lock = threading.Event(), threading.Lock()
        self._reading = _opened()
        if self.works:
            self._sample()
        self.tells_power = bool(self._samples["device_watts"])  # some do not; the first look decides for all steps
        if self.works:
            threading.Thread(target=self._go_on, daemon=True).start()

    @property
    def works(self) -> bool:
        """Whether there is anything to read."""
        return bool(self._reading)

    @property
    def used_of(self) -> str | None:
        """Whose the memory is that is taken; None if it was never read."""
        return None if self._last[USED] is None else self._reading[USED].of

    def read(self) -> Readings:
        """Memory taken, MiB; share of the time in which the card computed, watts, degrees Celsius."""
        with self._lock:
            for name, values in self._samples.items():
                if values:
                    self._last[name] = max(self._last[name] or 0.0, *values) if name == USED else fmean(values)
                values.clear()
            return dict(self._last)

    def close(self) -> None:
        """End the sampling."""
        self._end.set()

    def _go_on(self) -> None:
        while not self._end.wait(SAMPLING_S):
            self._sample()

    def _sample(self) -> None:
        for name, reading in self._reading.items():
            try:
                value = float(reading())
            except Exception:  # noqa: S112  NVML has an error for each thing that a card cannot tell
                continue
            with self._lock:
                self._samples[name].append(value)


def _opened() -> Mapping[str, Any]:
    """How each figure is read; empty without NVML. The card is found by its bus: NVML numbers them otherwise."""
    try:
        import pynvml

        pynvml.nvmlInit()
        about: Any = torch.cuda.get_device_properties(torch.cuda.current_device())
        bus = f"{about.pci_domain_id:08x}:{about.pci_bus_id:02x}:{about.pci_device_id:02x}.0"
        card = pynvml.nvmlDeviceGetHandleByPciBusId(bus.encode())
    except Exception:  # not installed, no driver, not allowed: training goes on without
        return {}
    return {
        USED: Used(pynvml, card),
        "device_utilisation": lambda: pynvml.nvmlDeviceGetUtilizationRates(card).gpu / 100,
        "device_watts": lambda: pynvml.nvmlDeviceGetPowerUsage(card) / 1000,
        "device_celsius": lambda: pynvml.nvmlDeviceGetTemperature(card, pynvml.NVML_TEMPERATURE_GPU),
    }


class Used:
    """MiB of the card that are taken, CUDA's own part and what torch holds in reserve with them.

    By this process, where NVML names it; else by all that is on the card. In a container processes may have other
    numbers than NVML knows, and some drivers do not tell processes apart.
    """

    def __init__(self, library: Any, card: Any):
        """Look at a card.

        Args:
            library: pynvml.
            card: its handle.
        """
        self._library, self._card = library, card
        try:
            self._own()
            self.of = OWN
        except Exception:  # not named, or not told
            self.of = ALL

    def __call__(self) -> float:
        """As it is now."""
        taken = self._own() if self.of == OWN else self._library.nvmlDeviceGetMemoryInfo(self._card).used
        return float(taken / MB)

    def _own(self) -> int:
        held = torch.cuda.memory_reserved()
        for process in self._library.nvmlDeviceGetComputeRunningProcesses(self._card):
            # one of this number that takes less than torch holds here is another's, seen from within a container
            if process.pid == os.getpid() and process.usedGpuMemory is not None and process.usedGpuMemory >= held:
                return int(process.usedGpuMemory)
        raise LookupError("NVML does not name this process")


class Package:
    """Energy counters of the processor's packages; they overflow every few minutes to hours."""

    def __init__(self, folder: Path = RAPL):
        self._zones = [zone for zone in sorted(folder.glob("intel-rapl:?")) if _number(zone / "energy_uj") is not None]
        self._before = self._counts()

    @property
    def works(self) -> bool:
        """Whether there are any that may be read: most systems allow it to root alone."""
        return bool(self._zones)

    def joules(self) -> float | None:
        """Since the last time."""
        if not self.works:
            return None
        before, self._before = self._before, self._counts()
        return sum(map(_spent, self._zones, before, self._before)) / 1e6

    def _counts(self) -> list[int]:
        return [_number(zone / "energy_uj") or 0 for zone in self._zones]


def _spent(zone: Path, before: int, now: int) -> int:
    return now - before if now >= before else now - before + (_number(zone / "max_energy_range_uj") or before)


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def process_mb() -> float:
    """Most memory this process has held; since its start where the system says so, else what it holds now."""
    status = Path("/proc/self/status")
    if status.is_file():
        held = dict(line.split(":", 1) for line in status.read_text(encoding="utf-8").splitlines())
        return int(held["VmHWM"].split()[0]) / 1024
    return float(psutil.Process().memory_info().rss / MB)


def device_mb() -> float | None:
    """Most memory allocated on the card; None on a CPU."""
    return torch.cuda.max_memory_allocated() / MB if torch.cuda.is_available() else None
