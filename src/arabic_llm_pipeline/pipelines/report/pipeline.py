"""The pipeline `report`: one page, and the plots that people would also see by themselves."""

from collections.abc import Iterator, Sequence

from kedro.pipeline import Node, Pipeline

from arabic_llm_pipeline.pipelines.evaluate import wins
from arabic_llm_pipeline.pipelines.evaluate.pipeline import MEASURES
from arabic_llm_pipeline.pipelines.report.nodes import (
    collect_scores,
    collect_tests,
    draw_funnel,
    draw_rewards,
    draw_scores,
    draw_training,
    make_report,
)
from arabic_llm_pipeline.pipelines.wiring import reading, step
from arabic_llm_pipeline.recipes import last_stage

# What sections read (`inputs["funnel"]`); an entry that a new one needs is named here.
DATA = (
    "funnel", "dialect_table", "script_table", "quality_table", "verdicts", "audit_table", "group_mentions",
    "token_summary", "fertility_table",
    "baseline_scores", "comparison", "paired_tests", "forgetting", "seen_items", "base_model", "provenance",
    "ingested_documents", "documents", "ingest_rejects", "encoder_scores",
)  # fmt: skip
OF_CANDIDATES = ("scores", "answers")  # and of each (`inputs.of("scores")`), besides what the MEASURES make
OF_STAGES = ("log", "resources")
OF_REWARD_MODELS = ("scores", "details")
SETTINGS = (
    "recipes", "seed", "report", "sources", "text", "filters", "quality", "pii", "toxicity", "groups", "audit",
    "duplicates", "splits", "tokenizer", "tokenize", "model", "adapter", "evaluate",
)  # fmt: skip


def create_pipeline(candidates: Sequence[str], stages: Sequence[str], reward_models: Sequence[str] = ()) -> Pipeline:
    """The report of these candidates.

    Args:
        candidates: the base and what stages made, as `recipes.candidates` names them, the base first.
        stages: what was trained.
        reward_models: those of the stages that left one.
    """
    told = {"candidates": list(candidates), "stages": list(stages), "reward_models": list(reward_models)}
    names = [
        *SETTINGS, *_of_methods(stages), *DATA,
        *_each(candidates, OF_CANDIDATES), *_measured(candidates),
        *_each(stages, OF_STAGES), *_each(reward_models, OF_REWARD_MODELS),
    ]  # fmt: skip
    return Pipeline(
        [
            step(reading(make_report, dict.fromkeys(names), **told), "report"),
            step(
                collect_scores,
                ["all_scores", "all_scores_json"],
                *_scores(candidates, reward_models),
            ),
            step(collect_tests, ["all_tests", "all_tests_json"]),
            step(draw_funnel, "funnel_plot"),
            step(draw_training, "training_plot", *_each(stages, ("log",))),
            step(draw_scores, "scores_plot", *_each(candidates, ("scores",))),
            *map(_of_rewards, reward_models),
        ]
    )


def _each(names: Sequence[str], kinds: Sequence[str]) -> list[str]:
    return [f"{name}_{kind}" for kind in kinds for name in names]


def _scores(candidates: Sequence[str], reward_models: Sequence[str]) -> list[str]:
    """What holds scores: of candidates, of the judge's verdicts on them, of encoders."""
    measured = (measure.node(candidate) for measure in MEASURES for candidate in candidates)
    made = [name for node in (*measured, *wins.nodes(candidates)) for name in node.outputs]
    return [*_each([*candidates, *reward_models], ("scores",)), *made, "encoder_scores"]


def _measured(candidates: Sequence[str]) -> Iterator[str]:
    """What each kind of evaluation makes of each candidate, and the parameters it takes."""
    measured = (measure.node(candidate) for measure in MEASURES for candidate in candidates)
    for node in (*measured, *wins.nodes(candidates)):
        yield from node.outputs
        yield from (name.removeprefix("params:") for name in node.inputs if name.startswith("params:"))


def _of_rewards(stage: str) -> Node:
    inputs = {"scores": f"{stage}_scores", "details": f"{stage}_details"}
    return Node(draw_rewards, inputs, f"{stage}_plot", name="draw_rewards", namespace=stage)


def _of_methods(stages: Sequence[str]) -> list[str]:
    """The parameters of the methods that made these stages, so that those of other methods do not count."""
    made = [found for found in map(last_stage, stages) if found]
    methods = dict.fromkeys(stage.method for stage in made)
    return [*methods, *(["domain"] if any(stage.domain for stage in made) else [])]
