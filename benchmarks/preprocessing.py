"""All of preprocessing, from parquet to documents: against a plain copy, by its steps, and with its memory.

    python benchmarks/preprocessing.py --texts articles.jsonl.xz --documents 100000
    python benchmarks/preprocessing.py --texts articles.jsonl.xz --documents 1272420 --processes 2 --growth --work tmp

Documents are generated: their lengths are those of the texts, cut at 1,000 characters as the paper's answers are, and
they are made of runs of words of the texts, so that words and their neighbours are as frequent as there; one in fifty
is a copy, one in fifty a copy with a word changed here and there. Without --texts their words are made up. Each
measure is a process of its own; times are of the processor, of the process and its children. --growth compares an
eighth of the documents with all of them, once: wall-clock time, and the most memory that all processes held at once
(what they share counted once). Prints markdown tables.
"""

import argparse
import contextlib
import json
import os
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from normalisation import made_up, read

FILES, AT_ONCE = 4, 2_000  # files that documents lie in; documents in memory while they are made
LONGEST = 1_000  # characters
RUN_WORDS = (3, 12)  # words taken from one place
COPIES, CHANGED = 0.02, 0.02
KNOWN_ARTICLES = 4_000
POLL_S = 0.1


def main() -> None:
    """Measure and print."""
    options = asked()
    if options.measure:
        found = MEASURES[options.measure](options.work, options.processes)
        options.result.write_text(json.dumps(found), encoding="utf-8")
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the files go
    options.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        warm(options, Path(folder))
        (growth if options.growth else ratios)(options, Path(folder))


def asked() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--texts", type=Path, help="JSON lines with a field `text` (plain, gz, bz2, xz)")
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--processes", type=int, default=0)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--growth", action="store_true", help="an eighth of the documents against all of them")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()), help="where files may be left")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--result", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def warm(options: argparse.Namespace, folder: Path) -> None:
    """A few documents first, so that no measure has to compile."""
    inside = folder / "few"
    inside.mkdir()
    generate(inside, argparse.Namespace(**{**vars(options), "documents": 8 * FILES}))
    child("preprocess", inside, options)
    shutil.rmtree(inside)


def ratios(options: argparse.Namespace, folder: Path) -> None:
    """Against plain copies, in pairs; then the steps of the last run."""
    size = generate(folder, options)
    print(f"{options.documents:,} documents, {size / 1e6:.0f} MB of text\n")
    print("| parquet to parquet | s | a plain copy, s | times as long (range) |\n| --- | --- | --- | --- |")
    steps: dict[str, float] = {}
    for name, label in (("normalise", "normalised, one core"), ("preprocess", "all of preprocessing")):
        own, copied = [], []
        for _ in range(options.pairs):
            copied.append(cpu(child("copy", folder, options)))
            found = child(name, folder, options)
            own.append(cpu(found))
            steps = found["steps"]
        times = [one / other for one, other in zip(own, copied, strict=True)]
        spread = f"{statistics.median(times):.1f} ({min(times):.1f} to {max(times):.1f})"
        print(f"| {label} | {statistics.median(own):.2f} | {statistics.median(copied):.2f} | {spread} |")
    show(steps)


def show(steps: dict[str, float]) -> None:
    """How long each step took, the longest first."""
    print("\n| step | s | of all |\n| --- | --- | --- |")
    for step, seconds in sorted(steps.items(), key=lambda one: -one[1]):
        print(f"| {step} | {seconds:.2f} | {seconds / sum(steps.values()):.0%} |")


def growth(options: argparse.Namespace, folder: Path) -> None:
    """The whole against an eighth."""
    print(
        "| documents | MB of text | wall s | processor s | peak MB of all processes |\n| --- | --- | --- | --- | --- |",
        flush=True,
    )
    runs = []
    for documents in (options.documents // 8, options.documents):
        inside = folder / str(documents)
        inside.mkdir()
        size = generate(inside, argparse.Namespace(**{**vars(options), "documents": documents}))
        found = child("preprocess", inside, options)
        runs.append(found)
        row = [f"{found['wall']:.0f}", f"{cpu(found):.0f}", f"{found['peak']:,.0f}"]
        print(f"| {documents:,} | {size / 1e6:,.0f} | {' | '.join(row)} |", flush=True)
        shutil.rmtree(inside)
    times = [runs[1][what] / runs[0][what] for what in ("wall", "cpu")]
    print(
        f"\nEight times the documents take {times[0]:.1f} times as long by the clock, {times[1]:.1f} by the processor."
    )
    show(runs[1]["steps"])


def cpu(found: dict[str, Any]) -> float:
    """Seconds of the processor, without what every process takes to start."""
    return float(found["cpu"])


def child(measure: str, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """One measure in a process of its own, and the memory of it and its children."""
    result = folder / f"{measure}.json"
    command = [sys.executable, __file__, "--measure", measure, "--work", str(folder), "--result", str(result)]
    command += ["--processes", str(options.processes)]
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=sys.stderr)
    peak = 0.0
    try:
        while process.poll() is None:
            peak = max(peak, memory_mb(process.pid))
            time.sleep(POLL_S)
    finally:
        process.terminate()
    if process.returncode:
        raise SystemExit(f"{measure} ended with {process.returncode}")
    return {**json.loads(result.read_text("utf-8")), "wall": time.monotonic() - start, "peak": peak}


def memory_mb(pid: int) -> float:
    """Of a process and all below it; pages that several hold are counted once (PSS)."""
    total = 0
    for one in family(pid):
        with contextlib.suppress(psutil.Error):  # it has ended
            total += one.memory_full_info().pss
    return total / 1e6


def family(pid: int) -> list[psutil.Process]:
    """A process and all below it."""
    try:
        return [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return []


def timed(function: Callable[[], dict[str, float]]) -> dict[str, Any]:
    """Seconds of the processor that a function took, here and in its children."""
    before = spent()
    steps = function()
    return {"cpu": spent() - before, "steps": steps}


def spent() -> float:
    """Seconds of the processor until now."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def copy(folder: Path, _: int) -> dict[str, Any]:
    """The same rows, read and written with the same compression on one core."""
    return rewritten(folder, lambda frame: frame)


def normalise(folder: Path, _: int) -> dict[str, Any]:
    """The same with the text normalised on the way."""
    os.environ["POLARS_MAX_THREADS"] = "1"  # before polars is imported
    import polars as pl

    from arabic_llm_pipeline.arabic.clean import NORMALIZED, clean_expr

    pl.DataFrame({"text": ["x"]}).select(clean_expr(pl.col("text"), NORMALIZED))  # compiles
    return rewritten(folder, lambda frame: frame.with_columns(clean_expr(pl.col("text"), NORMALIZED)))


def rewritten(folder: Path, change: Callable[[Any], Any]) -> dict[str, Any]:
    """Read every file and write it again, as the engine does."""
    os.environ["POLARS_MAX_THREADS"] = "1"
    import polars as pl

    from arabic_llm_pipeline.corpus.shards import COMPRESSION, GROUP_ROWS

    def run() -> dict[str, float]:
        for path in folder.glob("*.parquet"):
            how = {"compression": COMPRESSION, "row_group_size": GROUP_ROWS, "maintain_order": True}
            change(pl.scan_parquet(path)).sink_parquet(path.with_suffix(".copy"), **how)
            path.with_suffix(".copy").unlink()
        return {}

    return timed(run)


def preprocess(folder: Path, processes: int) -> dict[str, Any]:
    """Every node of the pipeline in its order, with the default settings."""
    from arabic_llm_pipeline.corpus.shards import ShardSet
    from arabic_llm_pipeline.pipeline_registry import makers

    data = inputs(folder, processes)

    def run() -> dict[str, float]:
        seconds = {}
        with tempfile.TemporaryDirectory(dir=folder) as work:
            for node in makers()["preprocess"]().nodes:
                before, own = spent(), Path(work) / node.name
                own.mkdir()
                given = {name: own if name.endswith("_workspace") else data.get(name) for name in node.inputs}
                made = node.run(given)
                data.update({name: ShardSet(one) if isinstance(one, Path) else one for name, one in made.items()})
                seconds[node.name] = spent() - before
        return seconds

    return timed(run)


def inputs(folder: Path, processes: int) -> dict[str, Any]:
    """What the pipeline begins with, as Kedro would hand it over."""
    from arabic_llm_pipeline.corpus.sources import FoundFiles
    from arabic_llm_pipeline.parameters.root import check

    source = {"format": "parquet", "path": "*.parquet", "licence": "CC0-1.0", "columns": {"text": "text"}}
    parameters = check({"sources": {"made": source}, "engine": {"processes": processes}})
    found = FoundFiles(folder, {"made": sorted(folder.glob("*.parquet"))})
    return {f"params:{name}": getattr(parameters, name) for name in type(parameters).model_fields} | {
        "source_files": found
    }


def generate(folder: Path, options: argparse.Namespace) -> int:
    """Write documents to files; gives the bytes of their texts."""
    rng = np.random.default_rng(0)
    texts = list(islice(read(options.texts) if options.texts else made_up(rng), KNOWN_ARTICLES))
    made = documents(texts, rng)
    size = 0
    for number in range(FILES):
        with pq.ParquetWriter(
            folder / f"{number}.parquet", pa.schema({"text": pa.string()}), compression="zstd"
        ) as file:
            left = options.documents // FILES
            while left > 0:
                rows = list(islice(made, min(AT_ONCE, left)))
                table = pa.table({"text": rows})
                size, left = size + table.nbytes, left - len(rows)
                file.write_table(table)
    return size


def documents(texts: list[str], rng: np.random.Generator) -> Iterator[str]:
    """Documents without end."""
    words = list(chain.from_iterable(text.split(" ") for text in texts))
    lengths = np.minimum([len(text) for text in texts], LONGEST)
    mean = sum(map(len, words)) / len(words) + 1
    last = ""
    while True:
        draw = rng.random()
        if draw < COPIES:
            yield last
        elif draw < 2 * COPIES:
            yield changed(last, rng)
        else:
            last = document(words, int(rng.choice(lengths) / mean) + 1, rng)
            yield last


def document(words: list[str], count: int, rng: np.random.Generator) -> str:
    """So many words, a run of them at a time."""
    runs = rng.integers(*RUN_WORDS, count // RUN_WORDS[0] + 1)
    starts = rng.integers(0, len(words) - RUN_WORDS[1], len(runs)).tolist()
    enough = int(np.searchsorted(runs.cumsum(), count)) + 1
    taken = zip(starts[:enough], runs[:enough].tolist(), strict=True)
    return " ".join(" ".join(words[start : start + run]) for start, run in taken)


def changed(text: str, rng: np.random.Generator) -> str:
    """The text with some words changed."""
    words = text.split(" ")
    for place in np.flatnonzero(rng.random(len(words)) < CHANGED):
        words[place] = "\u0645\u0646"
    return " ".join(words)


MEASURES = {"copy": copy, "normalise": normalise, "preprocess": preprocess}


if __name__ == "__main__":
    main()
