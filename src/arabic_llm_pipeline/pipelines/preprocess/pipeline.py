"""The pipeline `preprocess`."""

from collections.abc import Callable
from functools import partial, update_wrapper
from pathlib import Path

from kedro.pipeline import Node, Pipeline

from arabic_llm_pipeline.pipelines.preprocess import nodes

TABLES = ("documents", "pairs", "items", "feedback")
CARD = (
    "card", "sources", "text", "filters", "quality", "pii",
    "toxicity", "groups", "audit", "duplicates", "splits", "seed",
)  # fmt: skip


def create_pipeline() -> Pipeline:
    """Raw files -> documents, pairs, items, feedback; verdicts, funnel, dialects, quality, audit, data card."""
    ingest = Node(
        nodes.ingest,
        {
            "files": "source_files",
            "sources": "params:sources",
            "settings": "params:ingest",
            "engine": "params:engine",
            "workspace": "ingest_workspace",
        },
        [*(f"ingested_{table}" for table in TABLES), "ingest_rejects"],
        name="ingest",
    )
    find_duplicates = Node(
        nodes.find_duplicates,
        {table: f"cleaned_{table}" for table in TABLES}
        | {name: f"params:{name}" for name in ("duplicates", "splits", "engine")}
        | {"workspace": "find_duplicates_workspace"},
        "verdicts",
        name="find_duplicates",
    )
    make_funnel = Node(
        nodes.make_funnel,
        {f"ingested_{table}": f"ingested_{table}" for table in TABLES}
        | {table: table for table in TABLES}
        | {"rejects": "ingest_rejects", "engine": "params:engine"},
        ["funnel", "dialect_table"],
        name="make_funnel",
    )
    measure_quality = Node(
        nodes.measure_quality,
        {"documents": "documents", "quality": "params:quality", "engine": "params:engine"},
        "quality_table",
        name="measure_quality",
    )
    cut_sentences = Node(
        nodes.cut_sentences,
        {
            "documents": "documents",
            "sentences": "params:sentences",
            "dialect": "params:dialect",
            "model": "dialect_model_file",
            "engine": "params:engine",
            "workspace": "cut_sentences_workspace",
        },
        "sentences",
        name="cut_sentences",
    )
    audit = Node(
        nodes.audit,
        {
            "documents": "documents",
            "pairs": "pairs",
            "settings": "params:audit",
            "toxicity": "params:toxicity",
            "judge": "toxicity_model_file",
            "seed": "params:seed",
            "engine": "params:engine",
        },
        ["audit_table", "group_mentions"],
        name="audit",
    )
    make_card = Node(
        nodes.make_card,
        {name: f"params:{name}" for name in CARD}
        | {name: name for name in ("funnel", "audit_table", "group_mentions")},
        ["data_card", "data_card_facts"],
        name="make_card",
    )
    each = [node for table in TABLES for node in (_clean(table), _split(table))]
    return Pipeline([ingest, *each, find_duplicates, make_funnel, measure_quality, cut_sentences, audit, make_card])


def _of(step: Callable[..., Path], table: str) -> Callable[..., Path]:
    return update_wrapper(partial(step, table=table), step)


def _clean(table: str) -> Node:
    return Node(
        _of(nodes.clean, table),
        {
            "records": f"ingested_{table}",
            "text": "params:text",
            "dialect": "params:dialect",
            "model": "dialect_model_file",
            "filters": "params:filters",
            "quality": "params:quality",
            "pii": "params:pii",
            "toxicity": "params:toxicity",
            "groups": "params:groups",
            "judge": "toxicity_model_file",
            "engine": "params:engine",
            "workspace": f"clean_{table}_workspace",
        },
        f"cleaned_{table}",
        name=f"clean_{table}",
    )


def _split(table: str) -> Node:
    return Node(
        _of(nodes.split, table),
        {
            "records": f"cleaned_{table}",
            "verdicts": "verdicts",
            "splits": "params:splits",
            "engine": "params:engine",
            "workspace": f"split_{table}_workspace",
        },
        table,
        name=f"split_{table}",
    )
