"""Tokenising a corpus to the store against `encode_batch_fast` alone, and reading windows from both forms of a store.

    python benchmarks/tokenising.py --tokenizer data/01_raw/models/tiny_arabic_qwen2 --texts articles.jsonl.xz
    python benchmarks/tokenising.py --texts articles.jsonl.xz --generate 1272420

Without --texts it makes up words. --generate writes so many documents, made of the texts as in preprocessing.py, and
tokenises them once in a process of its own: time, the most memory it held, size on disk. Pairs of runs are interleaved,
so that a machine that others use too slows both. Prints markdown tables.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from preprocessing import KNOWN_ARTICLES, documents

from arabic_llm_pipeline.common.files import open_binary
from arabic_llm_pipeline.corpus.records import DOCUMENTS, message
from arabic_llm_pipeline.corpus.shards import ShardSet, ShardWriter
from arabic_llm_pipeline.parameters.tokenize import TokenizerSettings, TokenizeSettings
from arabic_llm_pipeline.tokens.store import TokenSplit, TokenStore
from arabic_llm_pipeline.tokens.tokenizer import load_tokenizer, make_tokenizer
from arabic_llm_pipeline.tokens.writing import write_documents

LETTERS = [chr(point) for point in range(0x0621, 0x064B) if not 0x063B <= point <= 0x0640]
WORDS, ARTICLE_WORDS, ARTICLES = 50_000, 400, 2_000
BATCH_CHARACTERS = 250_000


def made_up(rng: np.random.Generator) -> Iterator[str]:
    """Articles of words of letters, some words far more often than others, as in a language."""
    lengths = rng.integers(2, 9, WORDS)
    words = np.array(["".join(rng.choice(LETTERS, length)) for length in lengths])
    while True:
        ranks = np.minimum(rng.zipf(1.2, ARTICLE_WORDS) - 1, WORDS - 1)
        yield " ".join(words[ranks])


def read(path: Path) -> Iterator[str]:
    """The `text` of every line of JSON."""
    with open_binary(path) as lines:
        yield from (json.loads(line)["text"] for line in lines)


def write_shards(texts: list[str], directory: Path) -> ShardSet:
    with ShardWriter(directory, DOCUMENTS, 64_000) as writer:
        for i, text in enumerate(texts):
            row = {"id": f"bench/{i}", "source": "bench", "kind": "prose", "dialect": "MSA", "split": "train"}
            writer.add(row | {"messages": [message("document", text)]})
    return ShardSet(directory)


def batches(texts: list[str]) -> list[list[str]]:
    """The same portions that the store encodes at a time."""
    found: list[list[str]] = [[]]
    size = 0
    for text in texts:
        if size + len(text) > BATCH_CHARACTERS and found[-1]:
            found.append([])
            size = 0
        found[-1].append(text)
        size += len(text)
    return found


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and processor seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def tokenising(texts: list[str], tokenizer_dir: Path, folder: Path, pairs: int) -> None:
    shards = write_shards(texts, folder / "shards")
    settings = TokenizeSettings(memory_map=(), batch_characters=BATCH_CHARACTERS)
    portions, size = batches(texts), sum(len(text.encode()) for text in texts) / 1e6

    def alone() -> None:
        tokenizer = load_tokenizer(tokenizer_dir).backend_tokenizer  # to load it is part of both
        for portion in portions:
            tokenizer.encode_batch_fast(portion, add_special_tokens=False)

    def whole() -> None:
        write_documents(shards, tokenizer_dir, settings, folder)

    whole()  # libraries are imported once
    runs = [(timed(alone), timed(whole)) for _ in range(pairs)]
    print(f"\n{size:.1f} MB, {len(texts):,} documents; wall and CPU: encode_batch_fast over all to the store\n")
    print("| pair | encode_batch_fast MB/s | to the store MB/s | wall | CPU |")
    print("|---|---|---|---|---|")
    ratios = [(one[0] / two[0], one[1] / two[1]) for one, two in runs]
    for i, ((one, two), (wall, cpu)) in enumerate(zip(runs, ratios, strict=True)):
        print(f"| {i + 1} | {size / one[0]:.2f} | {size / two[0]:.2f} | {wall:.2f} | {cpu:.2f} |")
    wall, cpu = (statistics.median(values) for values in zip(*ratios, strict=True))
    print(f"| median | | | {wall:.2f} | {cpu:.2f} |")


def windows(split: TokenSplit, length: int, count: int) -> float:
    """Random windows a second."""
    starts = np.random.default_rng(0).integers(0, split.count("tokens") - length, count).tolist()
    split.window(0, length)
    seconds, _ = timed(lambda: [[np.array(part) for part in split.window(start, length)] for start in starts])
    return count / seconds


def reading(directory: Path, length: int, pairs: int) -> None:
    split = TokenStore(directory).split("train")
    hdf5 = [windows(split, length, 5_000) for _ in range(pairs)]
    split.map_columns(("tokens", "loss_mask"))
    mapped = TokenStore(directory).split("train")
    print(f"\n| random windows of {length} (tokens and mask) | a second |\n|---|---|")
    print(f"| HDF5, chunk {split.about['window']} | {statistics.median(hdf5):,.0f} |")
    print(f"| memory-mapped | {statistics.median([windows(mapped, length, 5_000) for _ in range(pairs)]):,.0f} |")


def generated(options: argparse.Namespace, tokenizer_dir: Path, folder: Path) -> None:
    """Many documents, once."""
    rng = np.random.default_rng(0)
    texts = list(islice(read(options.texts) if options.texts else made_up(rng), KNOWN_ARTICLES))
    size = 0
    with ShardWriter(folder / "shards", DOCUMENTS, 64_000) as writer:
        for i, text in enumerate(islice(documents(texts, rng), options.generate)):
            row = {"id": f"bench/{i}", "source": "bench", "kind": "prose", "dialect": "MSA", "split": "train"}
            writer.add(row | {"messages": [message("document", text)]})
            size += len(text.encode())
    start = time.perf_counter()
    command = [sys.executable, __file__, "--child", str(folder), "--tokenizer", str(tokenizer_dir)]
    subprocess.run(command, check=True)
    wall, used = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    split = TokenStore(folder / "documents").split("train")
    disk = sum(path.stat().st_size for path in (folder / "documents").iterdir())
    print("\n| documents | MB of text | tokens | wall s | processor s | peak resident MB | MB on disk, both forms |")
    print("|--:|--:|--:|--:|--:|--:|--:|")
    cells = [options.generate, size / 1e6, split.count("tokens"), wall, used.ru_utime + used.ru_stime]
    cells += [used.ru_maxrss / 1e3, disk / 1e6]
    print(f"| {' | '.join(f'{cell:,.0f}' for cell in cells)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokenizer", type=Path, default=Path("data/01_raw/models/tiny_arabic_qwen2"))
    parser.add_argument("--texts", type=Path, help="lines of JSON with a text each; .gz, .bz2, .xz as well")
    parser.add_argument("--articles", type=int, default=ARTICLES)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--generate", type=int, default=0, help="documents to make and tokenise once")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        write_documents(ShardSet(arguments.child / "shards"), arguments.tokenizer, TokenizeSettings(), arguments.child)
        return
    if arguments.generate:
        with tempfile.TemporaryDirectory() as name:
            made = make_tokenizer(arguments.tokenizer, TokenizerSettings(), Path(name) / "tokenizer")
            generated(arguments, made, Path(name))
        return
    texts = list(
        islice(read(arguments.texts) if arguments.texts else made_up(np.random.default_rng(0)), arguments.articles)
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tokenizer_dir = make_tokenizer(arguments.tokenizer, TokenizerSettings(), folder / "tokenizer")
        tokenising(texts, tokenizer_dir, folder, arguments.pairs)
        reading(folder / "documents", TokenizeSettings().window, arguments.pairs)


if __name__ == "__main__":
    main()
