"""Freed memory: kept by the process for the next block of its size, or given back to the machine."""

import ctypes
import platform
from functools import cache
from typing import Any

TRIM_THRESHOLD, TOP_PAD, MMAP_MAX = -1, -2, -4  # names of mallopt(3)'s options, by their numbers in malloc.h
KEPT = 2**31 - 1  # bytes at the heap's end that may lie free; the largest that an int holds
AHEAD = 2**28  # bytes that are asked for beyond what is needed


@cache
def keep_freed() -> bool:
    """Have glibc take large blocks from its heap and keep them when they are freed, from now on.

    By default it maps each block above 32 MB anew and unmaps it afterwards, so that every tensor of a step on a CPU
    costs a page fault for each 4 KB. Gives whether it is so; other C libraries go on as they do.
    """
    libc = _glibc()
    options = ((MMAP_MAX, 0), (TRIM_THRESHOLD, KEPT), (TOP_PAD, AHEAD))
    return libc is not None and all(libc.mallopt(option, value) for option, value in options)


def give_back() -> None:
    """Return what lies free to the machine, where it was kept."""
    libc = _glibc()
    if libc is not None and keep_freed.cache_info().currsize:
        libc.malloc_trim(0)


def _glibc() -> Any:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
