"""The steps of preprocessing; each calls a room of the corpus, imported when the step runs."""

from pathlib import Path
from typing import Any

import polars as pl

from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.corpus.sources import FoundFiles
from arabic_llm_pipeline.parameters.audit import PiiSettings
from arabic_llm_pipeline.parameters.dialect import DialectSettings
from arabic_llm_pipeline.parameters.duplicates import DuplicatesSettings, SplitsSettings
from arabic_llm_pipeline.parameters.engine import EngineSettings, IngestSettings
from arabic_llm_pipeline.parameters.quality import QualitySettings
from arabic_llm_pipeline.parameters.report import PreviewSettings
from arabic_llm_pipeline.parameters.sources import Sources
from arabic_llm_pipeline.parameters.text import FilterSettings, TextSettings


def ingest(
    files: FoundFiles, sources: Sources, settings: IngestSettings, engine: EngineSettings, workspace: Path
) -> tuple[Path, Path, Path, Path]:
    """Read all files of all sources: documents, pairs, items, and what was none of them."""
    from arabic_llm_pipeline.corpus import ingest

    found = ingest.ingest(ingest.source_files(sources, files), settings, engine, workspace)
    return found["documents"], found["pairs"], found["items"], found["rejects"]


def clean(
    records: ShardSet,
    text: TextSettings,
    dialect: DialectSettings,
    model: Path | None,
    filters: FilterSettings,
    quality: QualitySettings,
    pii: PiiSettings,
    engine: EngineSettings,
    workspace: Path,
    table: str,
) -> Path:
    """Clean, measure, tag and filter the records of a table, and mask personal data."""
    from arabic_llm_pipeline.corpus.cleaning import Cleaning
    from arabic_llm_pipeline.corpus.shards import map_shards

    step = Cleaning(table, text, filters, dialect, model, quality, pii)
    return map_shards(step, records, workspace, engine.processes, f"Cleaning {table}")


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


def split(
    records: ShardSet,
    verdicts: pl.DataFrame,
    splits: SplitsSettings,
    engine: EngineSettings,
    workspace: Path,
    table: str,
) -> Path:
    """Give the records of a table their verdicts and splits."""
    from arabic_llm_pipeline.common.files import replace_file
    from arabic_llm_pipeline.corpus.shards import map_shards
    from arabic_llm_pipeline.corpus.splits import Splitting

    handed = workspace / "verdicts.parquet"  # to the processes, which share no memory
    with replace_file(handed) as new:
        verdicts.write_parquet(new)
    return map_shards(Splitting(table, handed, splits), records, workspace, engine.processes, f"Splitting {table}")


def measure_quality(
    documents: ShardSet, filters: FilterSettings, quality: QualitySettings, engine: EngineSettings
) -> pl.DataFrame:
    """How many texts have which value behind each threshold, and texts near each."""
    from arabic_llm_pipeline.corpus import quality_table

    return quality_table.make(documents, filters, quality, engine.processes)


def make_preview(
    ingested_documents: ShardSet,
    ingested_pairs: ShardSet,
    ingested_items: ShardSet,
    rejects: ShardSet,
    documents: ShardSet,
    pairs: ShardSet,
    items: ShardSet,
    verdicts: pl.DataFrame,
    preview: PreviewSettings,
    filters: FilterSettings,
    quality: QualitySettings,
    duplicates: DuplicatesSettings,
    seed: int,
    engine: EngineSettings,
) -> str:
    """A page of records that stayed and went, before and after."""
    from arabic_llm_pipeline.corpus import preview as room
    from arabic_llm_pipeline.corpus.limits import Deciding
    from arabic_llm_pipeline.reporting.preview import render

    ingested = {"documents": ingested_documents, "pairs": ingested_pairs, "items": ingested_items}
    final = {"documents": documents, "pairs": pairs, "items": items, "rejects": rejects}
    rows = room.make(ingested, final, verdicts, preview, seed, engine.processes)
    return render(rows, Deciding(filters, quality, duplicates), preview.characters)


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
