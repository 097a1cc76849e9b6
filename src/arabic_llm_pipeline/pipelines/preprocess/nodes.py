"""The steps of preprocessing; each calls a room of the corpus, imported when the step runs."""

from pathlib import Path

import polars as pl

from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.corpus.sources import FoundFiles
from arabic_llm_pipeline.parameters.audit import GroupsSettings, PiiSettings, ToxicitySettings
from arabic_llm_pipeline.parameters.dialect import DialectSettings
from arabic_llm_pipeline.parameters.duplicates import DuplicatesSettings, SplitsSettings
from arabic_llm_pipeline.parameters.engine import EngineSettings, IngestSettings
from arabic_llm_pipeline.parameters.quality import QualitySettings
from arabic_llm_pipeline.parameters.sentences import SentencesSettings
from arabic_llm_pipeline.parameters.sources import Sources
from arabic_llm_pipeline.parameters.text import FilterSettings, TextSettings


def ingest(
    source_files: FoundFiles, sources: Sources, ingest: IngestSettings, engine: EngineSettings, workspace: Path
) -> tuple[Path, ...]:
    """Read all files of all sources: documents, pairs, items, feedback, and what was none of them."""
    from arabic_llm_pipeline.corpus import ingest as room

    found = room.ingest(room.source_files(sources, source_files), ingest, engine, workspace)
    return found["documents"], found["pairs"], found["items"], found["feedback"], found["rejects"]


def clean(
    records: ShardSet,
    text: TextSettings,
    dialect: DialectSettings,
    dialect_model_file: Path | None,
    filters: FilterSettings,
    quality: QualitySettings,
    pii: PiiSettings,
    toxicity: ToxicitySettings,
    groups: GroupsSettings,
    toxicity_model_file: Path | None,
    engine: EngineSettings,
    workspace: Path,
    table: str,
) -> Path:
    """Clean, measure, tag and filter the records of a table, and mask personal data."""
    from arabic_llm_pipeline.corpus.cleaning import Cleaning
    from arabic_llm_pipeline.corpus.shards import map_shards

    models = {"model": dialect_model_file, "judge": toxicity_model_file}
    step = Cleaning(table, text, filters, dialect, quality=quality, pii=pii, toxic=toxicity, groups=groups, **models)
    return map_shards(step, records, workspace, engine.processes, f"Cleaning {table}")


def find_duplicates(
    documents: ShardSet,
    pairs: ShardSet,
    items: ShardSet,
    feedback: ShardSet,
    duplicates: DuplicatesSettings,
    splits: SplitsSettings,
    engine: EngineSettings,
    workspace: Path,
) -> pl.DataFrame:
    """Records that are equal or nearly so, and training records that hold what is measured on: which go, and why."""
    from arabic_llm_pipeline.corpus.duplicates import find

    tables = {"documents": documents, "pairs": pairs, "items": items, "feedback": feedback}
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


def cut_sentences(
    documents: ShardSet,
    sentences: SentencesSettings,
    dialect: DialectSettings,
    dialect_model_file: Path | None,
    engine: EngineSettings,
    workspace: Path,
) -> Path:
    """The sentences of the documents that are kept, with where they stand."""
    from arabic_llm_pipeline.corpus.sentences import Sentences, make

    step = Sentences(sentences, dialect, dialect_model_file)
    return make(documents, step, workspace, engine.processes, engine.rows_per_shard)
