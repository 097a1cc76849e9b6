"""Freed memory that a process keeps is not paid for again, and goes back when it is told to, by the kernel's counts."""

import json
import platform
import subprocess
import sys

import pytest

PAGES = 64 * 2**20 // 4096
ROUNDS = f"""
import json, resource, sys
import numpy as np
import psutil
from arabic_llm_pipeline.common.memory import give_back, keep_freed

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def resident():
    return psutil.Process().memory_info().rss

if sys.argv[1] == "kept":
    assert keep_freed()
begin = resident()
np.ones({64 * 2**20}, dtype=np.uint8)
before = faults()
for _ in range(5):
    np.ones({64 * 2**20}, dtype=np.uint8)
found = faults() - before
held = resident() - begin
give_back()
print(json.dumps([found, held, resident() - begin]))
"""


def rounds(kind: str) -> list[int]:
    """Page faults of five blocks after a first one, bytes resident after them, and after giving back."""
    without_huge_pages = {"NUMPY_MADVISE_HUGEPAGE": "0"}
    return json.loads(subprocess.check_output([sys.executable, "-c", ROUNDS, kind], env=without_huge_pages))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
def test_a_block_that_was_freed_is_there_for_the_next_one_until_it_is_given_back() -> None:
    kept, usual = rounds("kept"), rounds("usual")
    assert usual[0] > 5 * PAGES * 0.9, "by itself the allocator maps every block anew"
    assert kept[0] < PAGES * 0.1
    assert kept[1] > 60 * 2**20 > 10 * 2**20 > kept[2]
    assert usual[1] < 10 * 2**20
