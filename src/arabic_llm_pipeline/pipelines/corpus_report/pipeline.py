"""The pipeline `corpus_report`: it only looks at the corpus."""

from kedro.pipeline import Pipeline

from arabic_llm_pipeline.corpus.records import RECORDS, TAUGHT
from arabic_llm_pipeline.pipelines.corpus_report import nodes
from arabic_llm_pipeline.pipelines.wiring import step


def create_pipeline() -> Pipeline:
    """What is in the records, what went and why, audit, card, preview."""
    read = [f"ingested_{table}" for table in RECORDS]
    return Pipeline(
        [
            step(nodes.make_funnel, ["funnel", "dialect_table", "script_table"], *read, *RECORDS),
            step(nodes.measure_quality, "quality_table"),
            step(nodes.audit_corpus, ["audit_table", "group_mentions"], *TAUGHT, name="audit"),
            step(nodes.make_card, ["data_card", "data_card_facts"]),
            step(nodes.make_preview, "preview", *read, *RECORDS),
        ]
    )
