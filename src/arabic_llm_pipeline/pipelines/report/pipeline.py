"""The pipeline `report`: one page, and the plots that people would also see by themselves."""

from collections.abc import Sequence
from functools import partial, update_wrapper

from kedro.pipeline import Node, Pipeline

from arabic_llm_pipeline.pipelines.report.nodes import draw_funnel, draw_scores, draw_training, make_report
from arabic_llm_pipeline.recipes import last_stage

PARAMETERS = (
    "recipes", "seed", "report", "sources", "text", "filters", "quality", "pii",
    "toxicity", "groups", "audit",
    "duplicates", "splits", "tokenizer", "tokenize", "model",
    "adapter", "evaluate",
)  # fmt: skip
DATA = (
    "funnel", "dialect_table", "quality_table", "verdicts", "audit_table", "group_mentions",
    "token_summary", "fertility_table",
    "baseline_scores", "comparison", "base_model", "provenance",
    "ingested_documents", "documents", "ingest_rejects",
)  # fmt: skip


def create_pipeline(candidates: Sequence[str], stages: Sequence[str]) -> Pipeline:
    """The report of these candidates.

    Args:
        candidates: the base and what stages made, as `recipes.candidates` names them, the base first.
        stages: the trained ones of them.
    """
    scores = {f"{name}_scores": f"{name}_scores" for name in candidates}
    answers = {f"{name}_answers": f"{name}_answers" for name in candidates}
    logs = {f"{name}_log": f"{name}_log" for name in stages}
    resources = {f"{name}_resources": f"{name}_resources" for name in stages}
    parameters = {name: f"params:{name}" for name in (*PARAMETERS, *_of_methods(stages))}
    data = {name: name for name in DATA}
    page = update_wrapper(partial(make_report, candidates=list(candidates), stages=list(stages)), make_report)
    return Pipeline(
        [
            Node(page, parameters | data | scores | answers | logs | resources, "report", name="make_report"),
            Node(draw_funnel, "funnel", "funnel_plot", name="draw_funnel"),
            Node(draw_training, logs, "training_plot", name="draw_training"),
            Node(draw_scores, {"baseline_scores": "baseline_scores"} | scores, "scores_plot", name="draw_scores"),
        ]
    )


def _of_methods(stages: Sequence[str]) -> list[str]:
    """The parameters of the methods that made these stages, so that those of other methods do not count."""
    made = [found for found in map(last_stage, stages) if found]
    methods = dict.fromkeys(stage.method for stage in made)
    return [*methods, *(["domain"] if any(stage.domain for stage in made) else [])]
