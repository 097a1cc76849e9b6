"""The pipeline `sources`."""

from kedro.pipeline import Node, Pipeline

from arabic_llm_pipeline.pipelines.sources.nodes import check_sources


def create_pipeline() -> Pipeline:
    """What is there, before hours are spent on it."""
    inputs = {"files": "source_files", "sources": "params:sources", "settings": "params:ingest"}
    return Pipeline([Node(check_sources, inputs, "source_check", name="check_sources")])
