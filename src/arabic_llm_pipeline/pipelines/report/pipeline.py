"""The pipeline `report`: one page, and the plots that people would also see by themselves."""

from collections.abc import Sequence
from functools import partial, update_wrapper
from typing import Any

from kedro.pipeline import Node, Pipeline

from arabic_llm_pipeline.pipelines.report.nodes import (
    draw_funnel,
    draw_rewards,
    draw_scores,
    draw_training,
    make_report,
)
from arabic_llm_pipeline.pipelines.wiring import step
from arabic_llm_pipeline.recipes import last_stage

DATA = (
    "funnel", "dialect_table", "script_table", "quality_table", "verdicts", "audit_table", "group_mentions",
    "token_summary", "fertility_table",
    "baseline_scores", "comparison", "base_model", "provenance",
    "ingested_documents", "documents", "ingest_rejects",
)  # fmt: skip


def create_pipeline(candidates: Sequence[str], stages: Sequence[str], reward_models: Sequence[str] = ()) -> Pipeline:
    """The report of these candidates.

    Args:
        candidates: the base and what stages made, as `recipes.candidates` names them, the base first.
        stages: what was trained.
        reward_models: those of the stages that left one.
    """
    scores, answers = ([f"{name}_{of}" for name in candidates] for of in ("scores", "answers"))
    logs, resources = ([f"{name}_{of}" for name in stages] for of in ("log", "resources"))
    methods = {name: f"params:{name}" for name in _of_methods(stages)}
    judged = [f"{name}_{of}" for name in reward_models for of in ("scores", "details")]
    told: Any = {"candidates": list(candidates), "stages": list(stages), "reward_models": list(reward_models)}
    page = update_wrapper(partial(make_report, **told), make_report)
    return Pipeline(
        [
            step(page, "report", *DATA, *scores, *answers, *logs, *resources, *judged, **methods),
            step(draw_funnel, "funnel_plot"),
            step(draw_training, "training_plot", *logs),
            step(draw_scores, "scores_plot", *scores),
            *map(_of_rewards, reward_models),
        ]
    )


def _of_rewards(stage: str) -> Node:
    inputs = {"scores": f"{stage}_scores", "details": f"{stage}_details"}
    return Node(draw_rewards, inputs, f"{stage}_plot", name="draw_rewards", namespace=stage)


def _of_methods(stages: Sequence[str]) -> list[str]:
    """The parameters of the methods that made these stages, so that those of other methods do not count."""
    made = [found for found in map(last_stage, stages) if found]
    methods = dict.fromkeys(stage.method for stage in made)
    return [*methods, *(["domain"] if any(stage.domain for stage in made) else [])]
