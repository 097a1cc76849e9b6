"""Sentence boundaries: against the cases marked by hand, and in MB/s, beside pyarabic and pysbd in the same run.

    python benchmarks/segmentation.py --texts articles.jsonl.xz --megabytes 5

F1 counts boundaries between visible characters, so that it does not matter who keeps which blanks. pysbd and pyarabic
cut at the comma by design, pysbd at the colon, too: the second table leaves out what stands at a comma, colon or
semicolon, in what was marked and in what was found. Speed is of one core; runs are interleaved; without --texts it is
of the cases themselves. What is not installed is said and left out.
"""

import argparse
import importlib.util
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ["POLARS_MAX_THREADS"] = "1"  # before polars is imported: one core for all

import polars as pl

sys.path.insert(0, str(Path(__file__).parents[1]))  # the cases lie among the tests

from normalisation import read, take

from arabic_llm_pipeline.arabic.sentences import sentences_series, split_sentences
from tests.arabic import sentences_gold as gold

Split = Callable[[str], list[str]]
WEAK = "،,:؛"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=Path, help="JSON lines with a field `text` (plain, gz, bz2, xz)")
    parser.add_argument("--megabytes", type=float, default=5)
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    cases = gold.read()
    accuracy(cases)
    texts = take(read(options.texts), options.megabytes * 1e6) if options.texts else [one.text for one in cases] * 40
    speed(texts, options.pairs)


def accuracy(cases: list[gold.Case]) -> None:
    """A table of all marks, and one without those that ours never cuts at, or may."""
    halves = {
        "tuned on": [one for one in cases if not one.held_out],
        "held out": [one for one in cases if one.held_out],
        "all": cases,
    }
    print("| cases | by | precision | recall | F1 | texts right |\n| --- | --- | --- | --- | --- | --- |")
    for name, some in halves.items():
        for engine, split in splitters().items():
            row(f"{name} ({len(some)})", engine, split, some)
    strong = [case._replace(pieces=without_weak(case.pieces)) for case in cases]
    for engine, split in splitters().items():
        row("all, without , : ؛", engine, lambda text, split=split: without_weak(split(text)), strong)


def row(name: str, engine: str, split: Split, cases: list[gold.Case]) -> None:
    """One table row."""
    found = gold.score(split, cases)
    print(f"| {name} | {engine} | {found.precision:.3f} | {found.recall:.3f} | {found.f1:.3f} | {found.exact:.3f} |")


def without_weak(pieces: list[str]) -> list[str]:
    """Pieces, joined where the boundary stands behind a comma, colon or semicolon."""
    joined: list[str] = []
    for piece in pieces:
        if joined and joined[-1].rstrip().endswith(tuple(WEAK)):
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined


def splitters() -> dict[str, Split]:
    """Ours and the others that are installed."""
    found: dict[str, Split] = {"ours": split_sentences}
    if importlib.util.find_spec("pyarabic"):
        from pyarabic import araby

        found["pyarabic"] = araby.sentence_tokenize
    if importlib.util.find_spec("pysbd"):
        import pysbd

        segmenter = pysbd.Segmenter(language="ar", clean=False)
        found["pysbd"] = segmenter.segment
    for name in {"pyarabic", "pysbd"} - found.keys():
        print(f"({name} is not installed: pip install 'arabic-llm-pipeline[bench]')")
    return found


def speed(texts: list[str], pairs: int) -> None:
    """MB/s of ours over a column and of the others text by text, by turns."""
    column, engines = pl.Series(texts), splitters()
    few = take(iter(texts), 2e5)  # pysbd takes its time
    own, others = [], {name: [] for name in engines if name != "ours"}
    sentences_series(column[:2])
    for _ in range(pairs):
        own.append(rate(lambda: sentences_series(column), texts))
        for name, rates in others.items():
            rates.append(rate(lambda split=engines[name]: [split(text) for text in few], few))
    print("\n| by | MB/s | ours is faster by (range) |\n| --- | --- | --- |")
    print(f"| ours | {statistics.median(own):.0f} | |")
    for name, rates in others.items():
        ratios = [mine / other for mine, other in zip(own, rates, strict=True)]
        spread = f"{statistics.median(ratios):.0f} ({min(ratios):.0f} to {max(ratios):.0f})"
        print(f"| {name} | {statistics.median(rates):.2f} | {spread} |")


def rate(function: Callable[[], object], texts: list[str]) -> float:
    """Megabytes of UTF-8 for a second of the processor."""
    start = time.process_time()
    function()
    return sum(len(text.encode()) for text in texts) / 1e6 / (time.process_time() - start)


if __name__ == "__main__":
    main()
