"""The pipeline `human_sheet`."""

from collections.abc import Sequence

from kedro.pipeline import Pipeline

from arabic_llm_pipeline.pipelines.human_sheet.nodes import make_human_sheet
from arabic_llm_pipeline.pipelines.wiring import step


def create_pipeline(candidates: Sequence[str]) -> Pipeline:
    """A sheet of the answers that `evaluate` got from the candidates, the base first."""
    answers = [f"{candidate}_{kind}" for candidate in candidates for kind in ("answers", "writing_answers")]
    return Pipeline([step(make_human_sheet, ["human_sheet", "human_form", "human_key"], *answers)])
