"""All files of all sources to shards of documents, pairs, items and rejects, in the order of sources and files."""

import logging
from collections import Counter, defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import polars as pl

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.files import read_json, write_json
from arabic_llm_pipeline.corpus.records import LEFT_OUT, RECORDS, SCHEMAS
from arabic_llm_pipeline.corpus.sampling import Sampling, batches, taken
from arabic_llm_pipeline.corpus.shards import ShardWriter
from arabic_llm_pipeline.corpus.sources import FoundFiles, SourceFile, known_as, read_columns
from arabic_llm_pipeline.corpus.workers import enough_for, run_tasks
from arabic_llm_pipeline.parameters.engine import EngineSettings, IngestSettings
from arabic_llm_pipeline.parameters.sources import NamedSources, Source

log = logging.getLogger(__name__)
MB = 1 << 20
EXAMPLES = 3
DONE = "counts.json"


@dataclass(frozen=True)
class _Part:
    """One file to read, and where to."""

    file: SourceFile
    directory: Path
    max_bytes: int
    rows_per_shard: int


def source_files(sources: NamedSources[Source], found: FoundFiles) -> list[SourceFile]:
    """Every file to read, in order.

    Raises:
        UserError: a source has no file, or one is not there.
    """
    files = []
    for name, source in sources.chosen().items():
        paths = found.files.get(name, [])
        if folder := next((path for path in paths if isinstance(path, Path) and path.is_dir()), None):
            own = known_as(folder, found.root)
            raise UserError(f"Source {name}: {own} is a folder. Name the files in it: sources.{name}.path={own}/*")
        absent = [known_as(path, found.root) for path in paths if not path.is_file()]
        if absent or not paths:
            raise UserError(
                f"Source {name}: there is no {', '.join(absent or source.paths)} in {found.root}. "
                f"Put it there, or change sources.{name}.path or data_root."
            )
        shown = [known_as(path, found.root) for path in paths]
        files += [
            SourceFile(name, source, path, own, len(paths) > 1, label)
            for path, own, label in zip(paths, shown, _labels(shown), strict=True)
        ]
    return files


def _labels(shown: list[str]) -> list[str]:
    """What tells the files of a source apart: their names, or, where two have one name, their paths."""
    names = [name.rpartition("/")[2].partition(".")[0] for name in shown]
    counts = Counter(names)
    paths = [name.removesuffix(name.rpartition("/")[2]) + own for name, own in zip(shown, names, strict=True)]
    return [own if counts[own] == 1 else path for own, path in zip(names, paths, strict=True)]


def ingest(
    files: list[SourceFile], settings: IngestSettings, engine: EngineSettings, workspace: Path
) -> dict[str, Path]:
    """Read every file, each by itself, then join what they gave; give the directory of each table.

    A file that an earlier, killed run finished in the same workspace is not read again.

    Raises:
        UserError: too much of a source could not be read.
    """
    limit = int(settings.max_line_mb * MB)
    parts = [_Part(f, workspace / "parts" / f"{n:05d}", limit, engine.rows_per_shard) for n, f in enumerate(files)]
    processes = enough_for([part.file.path for part in parts], engine.processes)
    todo = [part for part in parts if not (part.directory / DONE).exists()]
    for _ in run_tasks(_read, todo, processes, "Reading files"):
        pass
    _check_rejects(parts, settings.max_reject_ratio)
    return {table: _join(parts, table, workspace, engine.rows_per_shard) for table in SCHEMAS}


def _read(part: _Part) -> None:
    """Write what one file gives; the counts come last and say that it is done."""
    counts: Counter[str] = Counter()
    examples: defaultdict[str, list[str]] = defaultdict(list)
    sampling = Sampling(part.file.shown, part.file.source.limit, part.file.source.seed)
    with ExitStack() as stack:
        writers: dict[str, ShardWriter] = {}

        def writer(table: str) -> ShardWriter:
            if table not in writers:
                made = ShardWriter(part.directory / table, SCHEMAS[table], part.rows_per_shard)
                writers[table] = stack.enter_context(made)
            return writers[table]

        for table, row in read_columns(part.file, part.max_bytes):
            if isinstance(row, pl.DataFrame):  # many, of a source that no sample is drawn of
                counts[table] += len(row)
                writer(table).add_frame(row)
                continue
            counts[row["reason"] if table == "rejects" else table] += 1
            if sampling.takes(table):
                writer(table).add(row)
            if table == "rejects" and len(examples[row["reason"]]) < EXAMPLES:
                examples[row["reason"]].append(f"{row['file']}:{row['place']} {row['excerpt'][:80]!r}")
    part.directory.mkdir(parents=True, exist_ok=True)
    sampling.write(part.directory)
    write_json(part.directory / DONE, {"counts": dict(counts), "examples": dict(examples)})


def _check_rejects(parts: list[_Part], allowed: float) -> None:
    """Stop when a source is not what the configuration says it is."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    examples: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for part in parts:
        found = read_json(part.directory / DONE)
        counts[part.file.name].update(found["counts"])
        for reason, shown in found["examples"].items():
            examples[part.file.name][reason] += shown
    for name, reasons in counts.items():
        bad = {reason: n for reason, n in reasons.most_common() if reason not in LEFT_OUT and reason not in RECORDS}
        if sum(bad.values()) > allowed * reasons.total():
            lines = "\n".join(f"    {reason}: {n}, such as {examples[name][reason][0]}" for reason, n in bad.items())
            raise UserError(
                f"Source {name}: {sum(bad.values())} of {reasons.total()} records cannot be read, more than the share "
                f"of {allowed:g} that is allowed:\n{lines}\n"
                f"Change its format or columns{_hint(name, bad)}, mend the file, or raise ingest.max_reject_ratio."
            )
        if not any(reasons[table] for table in RECORDS):
            log.warning("Source %s gives no record: %s", name, dict(reasons) or "its files are empty")


def _hint(name: str, reasons: dict[str, int]) -> str:
    """What old Arabic files need."""
    return f", say its encoding (sources.{name}.encoding: cp1256)" if "invalid_utf8" in reasons else ""


def _join(parts: list[_Part], table: str, workspace: Path, rows_per_shard: int) -> Path:
    """The rows of one table from all files: what is taken of each source, or every reject."""
    directory = workspace / table
    with ShardWriter(directory, SCHEMAS[table], rows_per_shard) as writer:
        for _, group in groupby(parts, lambda part: part.file.name):
            of_source = list(group)
            source, directories = of_source[0].file.source, [part.directory / table for part in of_source]
            found = taken(directories, source.limit, source.seed) if table in RECORDS else batches(directories)
            for rows in found:
                writer.add_table(rows)
    return directory
