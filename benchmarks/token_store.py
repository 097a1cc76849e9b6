"""Reading the token store against Arrow and raw numpy, packing, and the share of a training step that data takes.

    python benchmarks/token_store.py --documents 1000000 --tokens 8000000
    python benchmarks/token_store.py --only step

Made-up tokens in windows of 256 (uint32). Runs of all readers are interleaved, in rounds; a ratio is that of the two
in the same round. Cold: the system's cache is asked to forget the file before each run (posix_fadvise DONTNEED); what
the disk itself keeps stays. Prints markdown tables.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from arabic_llm_pipeline.tokens.column_writer import ColumnWriter
from arabic_llm_pipeline.tokens.columns import ColumnFile
from arabic_llm_pipeline.tokens.packing import pack

WINDOW, READS, LONG = 256, 4_000, 1 << 16
Read = Callable[[int, int], np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=8_000_000)
    parser.add_argument("--documents", type=int, default=1_000_000, help="that are packed")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=12, help="training steps, of which the first is left out")
    parser.add_argument("--only", choices=["read", "pack", "step"], default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        if options.only in {None, "read"}:
            reading(Path(name), options)
        if options.only in {None, "pack"}:
            packing(options)
        if options.only in {None, "step"}:
            steps(Path(name), options)


def reading(folder: Path, options: argparse.Namespace) -> None:
    """Windows at random and all in order, warm and cold."""
    tokens = np.random.default_rng(0).integers(0, 150_000, options.tokens, dtype=np.uint32)
    makers, files = readers(folder, tokens)
    starts = np.random.default_rng(1).integers(0, len(tokens) - WINDOW, READS).tolist()
    row_starts = [start // WINDOW * WINDOW for start in starts]
    found: dict[tuple[str, str], list[float]] = {}
    for _ in range(options.rounds):
        for cold in (False, True):
            for name, make in makers.items():
                if cold:
                    forget(files[name])
                read = make()
                read(0, WINDOW)
                places = row_starts if name == "datasets, rows of a window" else starts
                kind = "cold" if cold else "warm"
                count = READS if not cold else READS // 4
                seconds = timed(read, places[:count], WINDOW)
                found.setdefault((name, f"windows a second, {kind}"), []).append(count / seconds)
                if cold:
                    forget(files[name])
                    read = make()
                seconds = timed(read, range(0, len(tokens) - LONG, LONG), LONG)
                found.setdefault((name, f"MB/s in order, {kind}"), []).append(tokens.nbytes / 1e6 / seconds)
    kinds = list(dict.fromkeys(kind for _, kind in found))
    print(f"\n{len(tokens):,} tokens in four bytes; windows of {WINDOW}, summed; median of {options.rounds} rounds\n")
    print(f"| reader | {' | '.join(kinds)} |\n|---|{'--:|' * len(kinds)}")
    for name in makers:
        print(f"| {name} | {' | '.join(f'{statistics.median(found[name, kind]):,.0f}' for kind in kinds)} |")
    print(f"\nTimes as fast as datasets (from to):\n\n| reader | {' | '.join(kinds)} |\n|---|{'--:|' * len(kinds)}")
    for name in list(makers)[:3]:
        cells = []
        for kind in kinds:
            ratios = [a / b for a, b in zip(found[name, kind], found["datasets, rows of a window", kind], strict=True)]
            cells.append(f"{statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})")
        print(f"| {name} | {' | '.join(cells)} |")


def readers(folder: Path, tokens: np.ndarray) -> tuple[dict[str, Callable[[], Read]], dict[str, list[Path]]]:
    """How each is opened, and the files that it reads."""
    from datasets import Dataset

    for name in ("hdf5", "mapped"):
        with ColumnWriter(folder / f"{name}.h5", {"tokens": "<u4"}, WINDOW) as writer:
            writer.append("tokens", tokens)
            writer.finish({"form": "numbers"})
    with ColumnFile(folder / "mapped.h5") as file:
        file.map_columns(("tokens",))
    tokens.tofile(folder / "raw.bin")
    rows = tokens[: len(tokens) // WINDOW * WINDOW].reshape(-1, WINDOW)
    table = pa.table({"tokens": pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), WINDOW)})
    Dataset(table).save_to_disk(str(folder / "arrow"))

    def store(name: str) -> Read:
        opened = ColumnFile(folder / f"{name}.h5")
        return lambda start, length: np.array(opened.read("tokens", start, start + length))

    def raw() -> Read:
        mapped = np.memmap(folder / "raw.bin", np.uint32, "r")
        return lambda start, length: np.array(mapped[start : start + length])

    def arrow() -> Read:
        data = Dataset.load_from_disk(str(folder / "arrow")).with_format("numpy")
        return lambda start, length: data[start // WINDOW : max(1, length // WINDOW) + start // WINDOW]["tokens"]

    made = {
        "HDF5, chunk = window": lambda: store("hdf5"),
        "memory-mapped": lambda: store("mapped"),
        "numpy.memmap alone": raw,
        "datasets, rows of a window": arrow,
    }
    files = dict(
        zip(
            made,
            (
                [folder / "hdf5.h5"],
                [folder / "mapped.tokens.bin"],
                [folder / "raw.bin"],
                [*(folder / "arrow").iterdir()],
            ),
            strict=True,
        )
    )
    return made, files


def forget(files: list[Path]) -> None:
    """Ask the system to drop what it keeps of files in memory."""
    for path in files:
        number = os.open(path, os.O_RDONLY)
        os.fsync(number)
        os.posix_fadvise(number, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(number)


def timed(read: Read, places: Sequence[int], length: int) -> float:
    """Seconds to read and add up stretches."""
    start = time.perf_counter()
    for place in places:
        read(place, length).sum()
    return time.perf_counter() - start


def packing(options: argparse.Namespace) -> None:
    """Best-fit decreasing over documents of lognormal lengths."""
    print(f"\n{options.documents:,} documents packed, processor seconds (five runs)\n")
    print("| window | s | filled |\n|---|--:|--:|")
    for window in (256, 2048):
        lengths = np.random.default_rng(0).lognormal(4.8, 0.9, options.documents).astype(np.int64) + 1
        lengths = np.minimum(lengths, window)
        seconds = []
        for _ in range(5):
            start = time.process_time()
            rows = pack(lengths, window, np.arange(len(lengths)))
            seconds.append(time.process_time() - start)
        spread = f"{statistics.median(seconds):.2f} ({min(seconds):.2f} to {max(seconds):.2f})"
        print(f"| {window:,} | {spread} | {lengths.sum() / len(rows) / window:.2%} |")


def steps(folder: Path, options: argparse.Namespace) -> None:
    """SFT of the embedded base in NF4 with LoRA: what of each step is spent on its batch."""
    import torch

    from arabic_llm_pipeline.corpus.records import DOCUMENTS, message
    from arabic_llm_pipeline.corpus.shards import ShardSet, ShardWriter
    from arabic_llm_pipeline.parameters.model import AdapterSettings, ModelSettings
    from arabic_llm_pipeline.parameters.tokenize import TokenizerSettings, TokenizeSettings
    from arabic_llm_pipeline.parameters.training import SftSettings
    from arabic_llm_pipeline.tokens.tokenizer import make_tokenizer
    from arabic_llm_pipeline.tokens.writing import write_documents
    from arabic_llm_pipeline.training import adapters
    from arabic_llm_pipeline.training.base import resolve_base
    from arabic_llm_pipeline.training.batches import DocumentRows
    from arabic_llm_pipeline.training.models import load_base

    settled = ModelSettings()
    base = Path("data/01_raw/models/tiny_arabic_qwen2")
    words = ["ذهب", "الولد", "إلى", "المدرسة", "صباحا", "وكتب", "درسا", "في", "دفتر", "جديد"]
    with ShardWriter(folder / "shards", DOCUMENTS, 64_000) as writer:
        for i in range(2_000):
            said = [message("user", " ".join(words[i % 7 :])), message("assistant", " ".join(words[: 3 + i % 6]))]
            row = {"id": str(i), "source": "x", "kind": "instruction", "dialect": "MSA", "split": "train"}
            writer.add(row | {"messages": said})
    tokenizer = make_tokenizer(base, TokenizerSettings(), folder / "tokenizer")
    model = adapters.new_adapter(load_base(resolve_base(settled, base), settled), AdapterSettings(), 0)
    optimizer = torch.optim.AdamW([part for part in model.parameters() if part.requires_grad], 1e-4)
    print("\n| store | data ms a batch of 32 | step ms | share |\n|---|--:|--:|--:|")
    for form, mapped in (("HDF5", ()), ("memory-mapped", ("train",))):
        settings = TokenizeSettings(memory_map=mapped)
        tokens = write_documents(ShardSet(folder / "shards"), tokenizer, settings, folder / form)
        rows = DocumentRows(tokens, SftSettings(), 8192, 0)
        order = np.random.default_rng(0).permutation(len(rows.rows))
        shares, data_ms, step_ms = [], [], []
        for step in range(options.steps):
            start = time.perf_counter()
            batch = rows.collate(order[step * 32 : step * 32 + 32].tolist())
            data = time.perf_counter() - start
            batch.pop("tokens")
            model(**batch).loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            whole = time.perf_counter() - start
            if step:
                shares.append(data / whole)
                data_ms.append(1e3 * data)
                step_ms.append(1e3 * whole)
        share = f"{statistics.median(shares):.2%} ({min(shares):.2%} to {max(shares):.2%})"
        print(f"| {form} | {statistics.median(data_ms):.2f} | {statistics.median(step_ms):.0f} | {share} |")


if __name__ == "__main__":
    main()
