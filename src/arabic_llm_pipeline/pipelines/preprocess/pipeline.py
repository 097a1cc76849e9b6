"""The pipeline that makes the corpus; `preprocess` is this one and `corpus_report`."""

from kedro.pipeline import Pipeline

from arabic_llm_pipeline.corpus.records import RECORDS
from arabic_llm_pipeline.pipelines.preprocess import nodes
from arabic_llm_pipeline.pipelines.wiring import of_table, step


def create_pipeline() -> Pipeline:
    """Raw files -> documents, pairs, items and feedback, and what was none of them."""
    read = [f"ingested_{table}" for table in RECORDS]
    cleaned = {table: f"cleaned_{table}" for table in RECORDS}
    each = [
        step(of_table(nodes.clean, table), cleaned[table], name=f"clean_{table}", records=f"ingested_{table}")
        for table in RECORDS
    ]
    each += [
        step(of_table(nodes.split, table), table, name=f"split_{table}", records=cleaned[table]) for table in RECORDS
    ]
    return Pipeline(
        [
            step(nodes.ingest, [*read, "ingest_rejects"]),
            *each,
            step(nodes.find_duplicates, "verdicts", **cleaned),
            step(nodes.cut_sentences, "sentences"),
        ]
    )
