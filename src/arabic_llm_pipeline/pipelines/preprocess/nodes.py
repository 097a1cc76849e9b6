"""The steps of preprocessing; each calls a room of the corpus, imported when the step runs."""

from pathlib import Path
from typing import Any

import polars as pl

from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.corpus.sources import FoundFiles
from arabic_llm_pipeline.parameters.audit import (
    AuditSettings,
    CardSettings,
    GroupsSettings,
    PiiSettings,
    ToxicitySettings,
)
from arabic_llm_pipeline.parameters.dialect import DialectSettings
from arabic_llm_pipeline.parameters.duplicates import DuplicatesSettings, SplitsSettings
from arabic_llm_pipeline.parameters.engine import EngineSettings, IngestSettings
from arabic_llm_pipeline.parameters.quality import QualitySettings
from arabic_llm_pipeline.parameters.sentences import SentencesSettings
from arabic_llm_pipeline.parameters.sources import Sources
from arabic_llm_pipeline.parameters.text import FilterSettings, TextSettings


def ingest(
    files: FoundFiles, sources: Sources, settings: IngestSettings, engine: EngineSettings, workspace: Path
) -> tuple[Path, ...]:
    """Read all files of all sources: documents, pairs, items, feedback, and what was none of them."""
    from arabic_llm_pipeline.corpus import ingest

    found = ingest.ingest(ingest.source_files(sources, files), settings, engine, workspace)
    return found["documents"], found["pairs"], found["items"], found["feedback"], found["rejects"]


def clean(
    records: ShardSet,
    text: TextSettings,
    dialect: DialectSettings,
    model: Path | None,
    filters: FilterSettings,
    quality: QualitySettings,
    pii: PiiSettings,
    toxicity: ToxicitySettings,
    groups: GroupsSettings,
    judge: Path | None,
    engine: EngineSettings,
    workspace: Path,
    table: str,
) -> Path:
    """Clean, measure, tag and filter the records of a table, and mask personal data."""
    from arabic_llm_pipeline.corpus.cleaning import Cleaning
    from arabic_llm_pipeline.corpus.shards import map_shards

    step = Cleaning(table, text, filters, dialect, model, quality, pii, toxicity, groups, judge)
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
    model: Path | None,
    engine: EngineSettings,
    workspace: Path,
) -> Path:
    """The sentences of the documents that are kept, with where they stand."""
    from arabic_llm_pipeline.corpus.sentences import Sentences, make

    step = Sentences(sentences, dialect, model)
    return make(documents, step, workspace, engine.processes, engine.rows_per_shard)


def measure_quality(documents: ShardSet, quality: QualitySettings, engine: EngineSettings) -> pl.DataFrame:
    """How many texts have which value of each rule for prose, and texts near each limit."""
    from arabic_llm_pipeline.corpus import quality_table

    return quality_table.make(documents, quality, engine.processes)


def audit(
    documents: ShardSet,
    pairs: ShardSet,
    settings: AuditSettings,
    toxicity: ToxicitySettings,
    judge: Path | None,
    seed: int,
    engine: EngineSettings,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Personal data, toxicity and mentions of groups in what is kept; and what is said around the groups."""
    from arabic_llm_pipeline.corpus import audit
    from arabic_llm_pipeline.evaluation.toxicity import with_shares

    tables = {"documents": documents, "pairs": pairs}
    table, groups = audit.make(tables, settings, toxicity, judge, seed, engine.processes)
    return with_shares(table, "looked_at"), with_shares(groups, "mentions")


def make_card(
    card: CardSettings,
    sources: Sources,
    text: TextSettings,
    filters: FilterSettings,
    quality: QualitySettings,
    pii: PiiSettings,
    toxicity: ToxicitySettings,
    groups: GroupsSettings,
    audit: AuditSettings,
    duplicates: DuplicatesSettings,
    splits: SplitsSettings,
    seed: int,
    funnel: list[dict[str, Any]],
    audit_table: pl.DataFrame,
    group_mentions: pl.DataFrame,
) -> tuple[str, dict[str, Any]]:
    """The data card as a page and as plain facts."""
    from arabic_llm_pipeline.reporting.card import facts, markdown

    settings = {
        "card": card, "sources": sources, "text": text, "filters": filters, "quality": quality, "pii": pii,
        "toxicity": toxicity, "groups": groups, "audit": audit, "duplicates": duplicates, "splits": splits,
    }  # fmt: skip
    found = facts(settings, seed, funnel, audit_table, group_mentions)
    return markdown(found), found


def make_funnel(
    ingested_documents: ShardSet,
    ingested_pairs: ShardSet,
    ingested_items: ShardSet,
    ingested_feedback: ShardSet,
    documents: ShardSet,
    pairs: ShardSet,
    items: ShardSet,
    feedback: ShardSet,
    rejects: ShardSet,
    engine: EngineSettings,
) -> tuple[list[dict[str, Any]], pl.DataFrame]:
    """What became of every record, and what dialects are left."""
    from arabic_llm_pipeline.corpus import funnel

    ingested = {
        "documents": ingested_documents,
        "pairs": ingested_pairs,
        "items": ingested_items,
        "feedback": ingested_feedback,
    }
    final = {"documents": documents, "pairs": pairs, "items": items, "feedback": feedback}
    made = funnel.make(ingested, final, rejects, engine.processes)
    return funnel.rows(made), funnel.dialects(made)
