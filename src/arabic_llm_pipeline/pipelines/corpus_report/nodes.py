"""The steps that look at a corpus; each calls a room, imported when the step runs."""

from pathlib import Path
from typing import Any

import polars as pl

from arabic_llm_pipeline.corpus.records import RECORDS
from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.parameters.audit import (
    AuditSettings,
    CardSettings,
    GroupsSettings,
    PiiSettings,
    ToxicitySettings,
)
from arabic_llm_pipeline.parameters.duplicates import DuplicatesSettings, SplitsSettings
from arabic_llm_pipeline.parameters.engine import EngineSettings
from arabic_llm_pipeline.parameters.quality import QualitySettings
from arabic_llm_pipeline.parameters.report import PreviewSettings
from arabic_llm_pipeline.parameters.sources import Sources
from arabic_llm_pipeline.parameters.text import FilterSettings, TextSettings


def make_funnel(
    *, ingest_rejects: ShardSet, engine: EngineSettings, **tables: ShardSet
) -> tuple[list[dict[str, Any]], pl.DataFrame, pl.DataFrame]:
    """What became of every record; what dialects and scripts are left. `tables` are by their names in the catalog."""
    from arabic_llm_pipeline.corpus import funnel

    made = funnel.make(_read(tables), _final(tables), ingest_rejects, engine.processes)
    return funnel.rows(made), funnel.shares(made, "dialect"), funnel.shares(made, "script")


def measure_quality(
    documents: ShardSet, filters: FilterSettings, quality: QualitySettings, engine: EngineSettings
) -> pl.DataFrame:
    """How many texts have which value behind each threshold, and texts near each."""
    from arabic_llm_pipeline.corpus import quality_table

    return quality_table.make(documents, filters, quality, engine.processes)


def audit_corpus(
    *,
    audit: AuditSettings,
    toxicity: ToxicitySettings,
    toxicity_model_file: Path | None,
    seed: int,
    engine: EngineSettings,
    **tables: ShardSet,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Personal data, toxicity and mentions of groups in what is kept; and what is said around the groups."""
    from arabic_llm_pipeline.corpus import audit as room
    from arabic_llm_pipeline.evaluation.toxicity import with_shares

    table, groups = room.make(tables, audit, toxicity, toxicity_model_file, seed, engine.processes)
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


def make_preview(
    *,
    ingest_rejects: ShardSet,
    verdicts: pl.DataFrame,
    preview: PreviewSettings,
    filters: FilterSettings,
    quality: QualitySettings,
    duplicates: DuplicatesSettings,
    seed: int,
    engine: EngineSettings,
    **tables: ShardSet,
) -> str:
    """A page of records that stayed and went, before and after; `tables` are by their names in the catalog."""
    from arabic_llm_pipeline.corpus import preview as room
    from arabic_llm_pipeline.corpus.limits import Deciding
    from arabic_llm_pipeline.reporting.preview import render

    final = _final(tables) | {"rejects": ingest_rejects}
    rows = room.make(_read(tables), final, verdicts, preview, seed, engine.processes)
    return render(rows, Deciding(filters, quality, duplicates), preview.characters)


def _read(tables: dict[str, ShardSet]) -> dict[str, ShardSet]:
    return {table: tables[f"ingested_{table}"] for table in RECORDS}


def _final(tables: dict[str, ShardSet]) -> dict[str, ShardSet]:
    return {table: tables[table] for table in RECORDS}
