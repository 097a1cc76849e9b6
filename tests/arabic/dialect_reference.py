"""The features of the dialect model by plain Python: slow, and sharing no code with the kernel."""

import re
from itertools import pairwise

START, PRIME, MASK = 0xCBF29CE484222325, 0x100000001B3, (1 << 64) - 1
SPREAD = 0x9E3779B97F4A7C15


def fnv(codes: list[int], value: int = START) -> int:
    for code in codes:
        value = (value ^ code) * PRIME & MASK
    return value


def spelt(word: str) -> str:
    """At most two equal letters in a row, at most forty letters."""
    return re.sub(r"(.)\1{2,}", r"\1\1", word, flags=re.DOTALL)[:40]


def block_features(key: str, bits: int) -> tuple[list[int], list[int]]:
    """The buckets of a text in the spelling of MATCHING_KEY: n-grams, and words with pairs; as often as they occur."""
    words = [spelt(word) for word in re.split("[ \n]+", key) if re.search("[\u0620-\u064a\u0671-\u06d3]", word)]
    ngrams = []
    for word in words:
        padded = f" {word} "
        ngrams += [padded[i : i + size] for size in (2, 3, 4, 5) for i in range(len(padded) - size + 1)]
    hashes = [fnv([1, *map(ord, word)]) for word in words]
    pairs = [fnv([2], (a ^ 2) * SPREAD & MASK ^ b) for a, b in pairwise(hashes)]
    bucket = [
        (value * SPREAD & MASK) >> 64 - bits for value in [*(fnv([*map(ord, n)]) for n in ngrams), *hashes, *pairs]
    ]
    return bucket[: len(ngrams)], bucket[len(ngrams) :]
