"""Runs of words that stand in other texts, counted; compiled by numba. A run is a shingle of `near_kernel`."""

import numpy as np
from numba import njit

from arabic_llm_pipeline.corpus.near_kernel import room, shingles


@njit(cache=True, nogil=True)
def marks(values: np.ndarray, bits: int) -> np.ndarray:
    """Which of 2**bits classes the values fall into by their upper bits: most words of a text end here."""
    found = np.zeros(1 << bits, np.bool_)
    for value in values:
        found[value >> np.uint64(64 - bits)] = True
    return found


@njit(cache=True, nogil=True)
def overlaps(
    data: np.ndarray,
    offsets: np.ndarray,
    valid: np.ndarray,
    size: int,
    values: np.ndarray,
    owners: np.ndarray,
    totals: np.ndarray,
    marked: np.ndarray,
    bits: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Of each text, which owner has the largest share of its runs in it, and that share; -1 and 0 where none has any.

    Args:
        size: words in a run.
        values: hashes of runs, ascending; owners: whose run each is, no run of an owner twice.
        totals: how many runs each owner has.
        marked, bits: `marks` of the values.
    """
    rows = len(offsets) - 1
    best, share = np.full(rows, -1, np.int64), np.zeros(rows, np.float32)
    seen, hits, last = np.full(len(values), -1), np.zeros(len(totals), np.int64), np.full(len(totals), -1)
    hashes = np.empty(room(offsets), np.uint64)
    for row in range(rows):
        count = shingles(data, offsets[row], offsets[row + 1], size, hashes) if valid[row] else 0
        for i in range(count):
            if not marked[hashes[i] >> np.uint64(64 - bits)]:
                continue
            place = np.searchsorted(values, hashes[i])
            while place < len(values) and values[place] == hashes[i]:
                owner = owners[place]
                if last[owner] != row:
                    last[owner], hits[owner] = row, 0
                if seen[place] != row:
                    seen[place] = row
                    hits[owner] += 1
                    part = np.float32(hits[owner] / totals[owner])
                    if part > share[row]:
                        best[row], share[row] = owner, part
                place += 1
    return best, share
