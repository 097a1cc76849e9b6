"""The steps of preprocessing; each calls a room of the corpus, imported when the step runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.corpus.sources import FoundFiles
from arabic_llm_pipeline.parameters.dialect import DialectSettings
from arabic_llm_pipeline.parameters.preprocess import (
    DuplicatesSettings,
    EngineSettings,
    FilterSettings,
    IngestSettings,
    PiiSettings,
    QualitySettings,
    SplitsSettings,
    TextSettings,
)
from arabic_llm_pipeline.parameters.sources import Sources

if TYPE_CHECKING:
    from arabic_llm_pipeline.corpus.cleaning import Cleaning


def ingest(
    files: FoundFiles, sources: Sources, settings: IngestSettings, engine: EngineSettings, workspace: Path
) -> tuple[Path, Path, Path, Path]:
    """Read all files of all sources: documents, pairs, items, and what was none of them."""
    from arabic_llm_pipeline.corpus import ingest

    found = ingest.ingest(ingest.source_files(sources, files), settings, engine, workspace)
    return found["documents"], found["pairs"], found["items"], found["rejects"]


def clean_documents(
    records: ShardSet,
    text: TextSettings,
    dialect: DialectSettings,
    model: Path | None,
    filters: FilterSettings,
    quality: QualitySettings,
    pii: PiiSettings,
    engine: EngineSettings,
    workspace: Path,
) -> Path:
    """Clean, measure, tag and filter documents, and mask personal data."""
    from arabic_llm_pipeline.corpus.cleaning import Cleaning

    return _clean(Cleaning("documents", text, filters, dialect, model, quality, pii), records, engine, workspace)


def clean_pairs(
    records: ShardSet,
    text: TextSettings,
    dialect: DialectSettings,
    model: Path | None,
    filters: FilterSettings,
    quality: QualitySettings,
    pii: PiiSettings,
    engine: EngineSettings,
    workspace: Path,
) -> Path:
    """Clean, tag and filter preference pairs, and mask personal data."""
    from arabic_llm_pipeline.corpus.cleaning import Cleaning

    return _clean(Cleaning("pairs", text, filters, dialect, model, quality, pii), records, engine, workspace)


def clean_items(
    records: ShardSet,
    text: TextSettings,
    dialect: DialectSettings,
    model: Path | None,
    filters: FilterSettings,
    engine: EngineSettings,
    workspace: Path,
) -> Path:
    """Clean and tag evaluation items."""
    from arabic_llm_pipeline.corpus.cleaning import Cleaning

    return _clean(Cleaning("items", text, filters, dialect, model), records, engine, workspace)


def _clean(step: "Cleaning", records: ShardSet, engine: EngineSettings, workspace: Path) -> Path:
    from arabic_llm_pipeline.corpus.shards import map_shards

    return map_shards(step, records, workspace, engine.processes, f"Cleaning {step.table}")


def find_duplicates(
    documents: ShardSet,
    pairs: ShardSet,
    items: ShardSet,
    duplicates: DuplicatesSettings,
    splits: SplitsSettings,
    engine: EngineSettings,
    workspace: Path,
) -> pl.DataFrame:
    """Records that are equal or nearly so, and training records that hold what is measured on: which go, and why."""
    from arabic_llm_pipeline.corpus.duplicates import find

    tables = {"documents": documents, "pairs": pairs, "items": items}
    return find(tables, duplicates, splits, engine.processes, workspace)


def split_documents(
    records: ShardSet,
    verdicts: pl.DataFrame,
    splits: SplitsSettings,
    engine: EngineSettings,
    workspace: Path,
) -> Path:
    """Give documents their verdicts and splits."""
    return _split("documents", records, verdicts, splits, engine, workspace)


def split_pairs(
    records: ShardSet,
    verdicts: pl.DataFrame,
    splits: SplitsSettings,
    engine: EngineSettings,
    workspace: Path,
) -> Path:
    """Give pairs their verdicts and splits."""
    return _split("pairs", records, verdicts, splits, engine, workspace)


def split_items(
    records: ShardSet,
    verdicts: pl.DataFrame,
    splits: SplitsSettings,
    engine: EngineSettings,
    workspace: Path,
) -> Path:
    """Give items their verdicts and splits."""
    return _split("items", records, verdicts, splits, engine, workspace)


def _split(
    table: str,
    records: ShardSet,
    verdicts: pl.DataFrame,
    splits: SplitsSettings,
    engine: EngineSettings,
    workspace: Path,
) -> Path:
    from arabic_llm_pipeline.common.files import replace_file
    from arabic_llm_pipeline.corpus.shards import map_shards
    from arabic_llm_pipeline.corpus.splits import Splitting

    handed = workspace / "verdicts.parquet"  # to the processes, which share no memory
    with replace_file(handed) as new:
        verdicts.write_parquet(new)
    return map_shards(Splitting(table, handed, splits), records, workspace, engine.processes, f"Splitting {table}")


def measure_quality(documents: ShardSet, quality: QualitySettings, engine: EngineSettings) -> pl.DataFrame:
    """How many texts have which value of each rule for prose, and texts near each limit."""
    from arabic_llm_pipeline.corpus import quality_table

    return quality_table.make(documents, quality, engine.processes)


def make_funnel(
    ingested_documents: ShardSet,
    ingested_pairs: ShardSet,
    ingested_items: ShardSet,
    rejects: ShardSet,
    documents: ShardSet,
    pairs: ShardSet,
    items: ShardSet,
    engine: EngineSettings,
) -> tuple[list[dict[str, Any]], pl.DataFrame]:
    """What became of every record, and what dialects are left."""
    from arabic_llm_pipeline.corpus import funnel

    ingested = {"documents": ingested_documents, "pairs": ingested_pairs, "items": ingested_items}
    final = {"documents": documents, "pairs": pairs, "items": items}
    made = funnel.make(ingested, final, rejects, engine.processes)
    return funnel.rows(made), funnel.dialects(made)
