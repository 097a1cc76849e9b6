"""The pipeline `compare`: it makes nothing that is not there, and reads what is."""

from kedro.pipeline import Pipeline

from arabic_llm_pipeline.pipelines.compare.nodes import compare_runs, make_compared_page
from arabic_llm_pipeline.pipelines.wiring import step


def create_pipeline() -> Pipeline:
    """Experiments, recipes or profiles side by side."""
    tables = ["compared_scores", "compared_tests", "compared_runs", "compared"]
    return Pipeline([step(compare_runs, tables), step(make_compared_page, "compared_page")])
