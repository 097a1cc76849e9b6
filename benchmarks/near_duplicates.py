"""MinHash signatures on one core against numpy as datatrove does it, and all of finding near duplicates.

    python benchmarks/near_duplicates.py --texts articles.jsonl.xz --megabytes 20

Without --texts it makes up words. One text in ten gets a copy with a word changed here and there. The peer hashes each
shingle by BLAKE2b and all permutations of it by numpy, as datatrove's MinhashDedupSignature does (which takes xxhash);
datasketch is measured where it is installed.
Runs are interleaved in pairs; times are of the processor, not of the clock. Prints markdown tables.
"""

import hashlib
import importlib.util
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

os.environ["POLARS_MAX_THREADS"] = "1"  # before polars is imported: one core for all

import polars as pl
from normalisation import asked, made_up, read, take

from arabic_llm_pipeline.arabic.clean import MATCHING_KEY, clean_series
from arabic_llm_pipeline.corpus import duplicates, near
from arabic_llm_pipeline.corpus.records import SCHEMAS, message
from arabic_llm_pipeline.corpus.shards import ShardSet, ShardWriter
from arabic_llm_pipeline.parameters.duplicates import DuplicatesSettings, NearSettings, SplitsSettings

MERSENNE, LARGEST = np.uint64((1 << 61) - 1), np.uint64((1 << 32) - 1)
COPIES, CHANGED = 0.1, 0.01  # texts that are copied; words that are changed in a copy


def main() -> None:
    """Measure and print."""
    options = asked(__doc__)
    rng = np.random.default_rng(0)
    texts = take(read(options.texts) if options.texts else made_up(rng), options.megabytes * 1e6)
    texts += [copied(text, rng) for text in texts if rng.random() < COPIES]
    settings = NearSettings()
    signatures(clean_series(pl.Series(texts), MATCHING_KEY), settings, options.pairs)
    print("\n| all of it, on | records | MB | dropped | s more than without | peak MB |")
    print("| --- | --- | --- | --- | --- | --- |")
    for times in (1, 4):
        whole(texts, times, settings)


def signatures(texts: pl.Series, settings: NearSettings, pairs: int) -> None:
    """Ours and the peer's, on the same matching keys."""
    bands_of(texts[:10], settings)  # numba compiles once
    few = texts[: len(texts) // 10]
    peers: dict[str, Callable[[], object]] = {"numpy, a text at a time": lambda: peer_signatures(few, settings)}
    if importlib.util.find_spec("datasketch"):
        peers["datasketch"] = lambda: datasketch_signatures(few, settings)
    print("| signatures of matching keys | MB/s | ours is faster by (range) |\n| --- | --- | --- |")
    for name, peer in peers.items():
        own, others = [], []
        for _ in range(pairs):
            own.append(rate(lambda: bands_of(texts, settings), texts))
            others.append(rate(peer, few))
        ratios = [mine / other for mine, other in zip(own, others, strict=True)]
        spread = f"{statistics.median(ratios):.0f} ({min(ratios):.0f} to {max(ratios):.0f})"
        print(f"| ours | {statistics.median(own):.0f} | |\n| {name} | {statistics.median(others):.1f} | {spread} |")


def bands_of(texts: pl.Series, settings: NearSettings) -> pl.Series:
    """Our band hashes."""
    return texts.to_frame("t").select(near.band_expr(pl.col("t"), settings))["t"]


def peer_signatures(texts: pl.Series, settings: NearSettings) -> list[np.ndarray | None]:
    """(a x + b) modulo a Mersenne prime, the least of each, with the whole table of a text in memory."""
    rng = np.random.default_rng(1)
    count = settings.bands * settings.rows
    a, b = rng.integers(1, MERSENNE, (1, count), np.uint64), rng.integers(0, MERSENNE, (1, count), np.uint64)
    found: list[np.ndarray | None] = []
    for text in texts:
        words = text.split()
        shingles = {" ".join(words[n : n + settings.shingle]) for n in range(len(words) - settings.shingle + 1)}
        if not shingles:
            found.append(None)
            continue
        hashes = np.array([short_hash(one) for one in shingles], np.uint64)[:, None]
        found.append((((hashes * a + b) % MERSENNE) & LARGEST).min(axis=0))
    return found


def datasketch_signatures(texts: pl.Series, settings: NearSettings) -> list[object]:
    """A MinHash of the same shingles for each text, all shingles of a text handed over at once."""
    from datasketch import MinHash

    shingles = []
    for text in texts:
        words = text.split()
        found = {" ".join(words[n : n + settings.shingle]) for n in range(len(words) - settings.shingle + 1)}
        shingles.append([shingle.encode() for shingle in found])
    return list(MinHash.bulk(shingles, num_perm=settings.bands * settings.rows))


def short_hash(text: str) -> int:
    """32 bits."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big")


def whole(texts: list[str], times: int, settings: NearSettings) -> None:
    """From shards to verdicts, with near duplicates and without, on so many times the records."""
    with tempfile.TemporaryDirectory() as folder:
        tables = {table: ShardSet(Path(folder) / table) for table in ("documents", "pairs", "items")}
        for table, shards in tables.items():
            with ShardWriter(shards.directory, SCHEMAS[table], 8_000) as writer:
                for n, text in enumerate(texts * times if table == "documents" else []):
                    writer.add(record(n, text, n // len(texts)))
        found, seconds = {}, {}
        for enabled in (True, False, True, False):
            chosen = DuplicatesSettings(near=settings.model_copy(update={"enabled": enabled}))
            start = time.process_time()
            found[enabled] = duplicates.find(tables, chosen, SplitsSettings(), 1, Path(folder))
            seconds[enabled] = time.process_time() - start
    size = times * sum(len(text.encode()) for text in texts) / 1e6
    gone = len(found[True]) - len(found[False])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    more = f"{seconds[True] - seconds[False]:.1f} of {seconds[True]:.1f}"
    print(f"| {times} time(s) the texts | {len(texts) * times:,} | {size:.0f} | {gone:,} | {more} | {peak:.0f} |")


def record(number: int, text: str, turn: int) -> dict[str, object]:
    """A document; in later turns every word is another, so that only its own copies are alike."""
    said = text if turn == 0 else " ".join(word + "\u0628" * turn for word in text.split())
    return {"id": str(number), "source": "s", "kind": "prose", "messages": [message("document", said)]}


def copied(text: str, rng: np.random.Generator) -> str:
    """The text with some words changed."""
    words = text.split(" ")
    for place in np.flatnonzero(rng.random(len(words)) < CHANGED):
        words[place] = "\u0645\u0646"
    return " ".join(words)


def rate(function: Callable[[], object], texts: pl.Series) -> float:
    """Megabytes of UTF-8 for a second of the processor."""
    start = time.process_time()
    function()
    return float(texts.str.len_bytes().sum()) / 1e6 / (time.process_time() - start)


if __name__ == "__main__":
    main()
