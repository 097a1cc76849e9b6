"""`make doctor`: what of this machine is right, what is not, and what to type."""

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

GIB = 1024**3
PYTHON = (3, 11)
DISK_GIB, MEMORY_GIB = 5, 4  # what the embedded default needs: packages and artifacts; the evaluation's peak
ARABIC_SAMPLE = "\u0627\u0628\u062c"  # alef, beh, jeem: a font that has these shapes Arabic text


@dataclass(frozen=True)
class Finding:
    """One line of the examination; `advice` is what to type, or what it means, where something is not right."""

    subject: str
    seen: str
    right: bool | None = True  # None: worth knowing, neither right nor wrong
    advice: str = ""


def python() -> Iterator[Finding]:
    """The interpreter's version."""
    seen = platform.python_version()
    right = sys.version_info >= PYTHON
    yield Finding(
        "Python", seen, right, "" if right else "install Python 3.11 or later, then: rm -rf .venv && make run"
    )


def disk() -> Iterator[Finding]:
    """Room for packages and artifacts."""
    free = shutil.disk_usage(Path.cwd()).free / GIB
    advice = "" if free >= DISK_GIB else f"free {DISK_GIB} GiB here, or: kedro artifacts prune"
    yield Finding("Disk", f"{free:.1f} GiB free in this folder", free >= DISK_GIB, advice)


def memory() -> Iterator[Finding]:
    """Memory of the host."""
    import psutil

    free = psutil.virtual_memory().available / GIB
    advice = "" if free >= MEMORY_GIB else "close other programs; kedro run --params=engine.processes=1 needs less"
    yield Finding("Memory", f"{free:.1f} GiB available", free >= MEMORY_GIB, advice)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Finding("Processor", f"{cores} cores, {platform.machine()}", None)


def card() -> Iterator[Finding]:
    """Driver and card as the driver tells of them, and whether torch can use them."""
    import torch

    told = _nvidia()
    for line in told:
        yield Finding("Card", line)
    if not told:
        yield Finding("Card", "no NVIDIA driver answers", None, "everything runs on the processor, only slower")
    built = torch.version.cuda or torch.version.hip
    if told and not built:
        advice = f"{sys.executable} -m pip install --force-reinstall torch=={torch.__version__.split('+')[0]}"
        yield Finding("torch", f"{torch.__version__} without CUDA, beside a card", False, advice)
    elif told and not torch.cuda.is_available():
        yield Finding("torch", f"{torch.__version__} (CUDA {built}) does not see the card", False, "update the driver")
    else:
        yield Finding("torch", f"{torch.__version__}" + (f", CUDA {built}" if built else ", for the processor"))
    yield from _precision()


def _nvidia() -> list[str]:
    command = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total,memory.free", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in answer.stdout.splitlines() if line.strip()]


def _precision() -> Iterator[Finding]:
    """fp16 and bf16 by what the device does itself: an emulated bf16 is slower than fp32."""
    import torch

    if not torch.cuda.is_available():
        yield Finding("Precision", "bf16 and fp32 on the processor", None)
        return
    bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    advice = "" if bf16 else "kedro run --params=model.compute_dtype=float16"
    yield Finding("Precision", "bf16 and fp16" if bf16 else "fp16; bf16 only emulated", bf16 or None, advice)


def quantisation() -> Iterator[Finding]:
    """Whether bitsandbytes can quantise to NF4 here, tried on a small matrix."""
    import bitsandbytes
    import torch

    try:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        packed, state = bitsandbytes.functional.quantize_4bit(torch.eye(64, device=device), quant_type="nf4")
        right = bool(
            torch.allclose(bitsandbytes.functional.dequantize_4bit(packed, state).cpu(), torch.eye(64), atol=0.1)
        )
        seen = f"bitsandbytes {bitsandbytes.__version__}: NF4 on {device} " + (
            "works" if right else "gives wrong values"
        )
    except (RuntimeError, OSError, AttributeError) as error:
        right, seen = False, f"bitsandbytes {bitsandbytes.__version__}: {error}"
    yield Finding("NF4", seen, right, "" if right else "kedro run --params=model.quantization=none trains without it")


def fonts() -> Iterator[Finding]:
    """Whether plots can show Arabic."""
    from matplotlib import font_manager

    font = font_manager.get_font(font_manager.findfont("DejaVu Sans"))
    right = all(font.get_char_index(ord(letter)) for letter in ARABIC_SAMPLE)
    yield Finding(
        "Fonts",
        "plots have Arabic letters" if right else "no Arabic letters",
        right,
        "" if right else "pip install matplotlib",
    )


def extras() -> Iterator[Finding]:
    """What only some users need, and how to get it."""
    for package, extra, use in (
        ("kedro_viz", "viz", "the pipelines in the browser"),
        ("nbclient", "notebooks", "the notebooks"),
    ):
        there = importlib.util.find_spec(package) is not None
        advice = "" if there else f"pip install -c requirements.lock -e '.[{extra}]'"
        yield Finding(f"Extra {extra}", f"{use}: " + ("installed" if there else "not installed"), None, advice)


EXAMINATIONS: tuple[Callable[[], Iterator[Finding]], ...] = (python, disk, memory, card, quantisation, fonts, extras)


def examine() -> list[Finding]:
    """All findings; an examination that fails is itself one."""
    found: list[Finding] = []
    for examination in EXAMINATIONS:
        try:
            found += examination()
        except ImportError as error:
            found.append(Finding(examination.__name__, f"{error}", False, "make run installs what is missing"))
    return found


def main() -> int:
    """Print the table; 1 where something is wrong."""
    table = Table("", "what", "seen", "what to type", box=None, pad_edge=False)
    found = examine()
    marks = {True: "[green]right[/]", False: "[red]wrong[/]", None: "note"}
    for finding in found:
        table.add_row(marks[finding.right], finding.subject, finding.seen, finding.advice)
    Console().print(table)
    return int(any(finding.right is False for finding in found))


if __name__ == "__main__":
    sys.exit(main())
