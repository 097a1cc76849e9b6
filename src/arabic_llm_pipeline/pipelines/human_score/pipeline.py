"""The pipeline `human_score`."""

from kedro.pipeline import Pipeline

from arabic_llm_pipeline.pipelines.human_score.nodes import draw_human, score_human
from arabic_llm_pipeline.pipelines.wiring import step


def create_pipeline() -> Pipeline:
    """Scores of filled sheets, by the key of their sheet, and their plot."""
    return Pipeline([step(score_human, ["human_scores", "human_ratings"]), step(draw_human, "human_plot")])
