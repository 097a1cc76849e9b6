"""Steps over UTF-8 and over sorted arrays that all kernels share, compiled by numba.

They compile into their callers, whose numba caches do not notice a change in this file: what is here has no choices.
Kernel modules are imported inside functions, because importing numba is slow.
"""

import numpy as np
from numba import njit

HASH_START, HASH_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)  # FNV-1a, 64 bits


@njit(cache=True, nogil=True)
def decode(data: np.ndarray, i: int) -> tuple[np.int64, int]:
    """Code point at byte `i` of valid UTF-8, and its width in bytes."""
    first = np.int64(data[i])
    if first < 0x80:
        return first, 1
    second = np.int64(data[i + 1]) & 0x3F
    if first < 0xE0:
        return (first & 0x1F) << 6 | second, 2
    third = np.int64(data[i + 2]) & 0x3F
    if first < 0xF0:
        return (first & 0x0F) << 12 | second << 6 | third, 3
    return (first & 0x07) << 18 | second << 12 | third << 6 | np.int64(data[i + 3]) & 0x3F, 4


@njit(cache=True, nogil=True)
def step_back(out: np.ndarray, start: int, end: int) -> int:
    """Where the code point begins that ends before `end`."""
    i = end - 1
    while i > start and out[i] & 0xC0 == 0x80:
        i -= 1
    return i


@njit(cache=True, nogil=True)
def hash_step(value: np.uint64, code: np.int64 | int) -> np.uint64:
    """The hash of a word with one more character."""
    return (value ^ np.uint64(code)) * HASH_PRIME


@njit(cache=True, nogil=True)
def find(sorted_values: np.ndarray, value: np.uint64) -> int:
    """Where a sorted array holds a value, or -1."""
    place = np.searchsorted(sorted_values, value)
    return int(place) if place < len(sorted_values) and sorted_values[place] == value else -1
