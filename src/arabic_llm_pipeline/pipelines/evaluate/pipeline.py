"""The pipeline `evaluate`: a node for each candidate, the baselines, and all against each other."""

from collections.abc import Sequence
from functools import partial, update_wrapper

from kedro.pipeline import Node, Pipeline

from arabic_llm_pipeline.artifacts.order import LAST
from arabic_llm_pipeline.pipelines.evaluate import (
    choices,
    encoders,
    language,
    lm_eval,
    reward,
    robustness,
    seen,
    speed,
    wins,
    writing,
)
from arabic_llm_pipeline.pipelines.evaluate.candidates import of_candidate
from arabic_llm_pipeline.pipelines.evaluate.nodes import compare, compare_by_kind, evaluate, score_baselines
from arabic_llm_pipeline.recipes import SUPERVISED, last_stage, parent

MEASURES = (language, choices, writing, lm_eval, robustness, speed)  # each gives the node that measures a candidate
TESTED = (language, choices, writing, lm_eval, robustness)  # all whose values are of items; those of speed are of runs
HELD_OUT = {"pairs": "pairs", "items": "items"}
SETTINGS = {"settings": "params:evaluate", "seed": "params:seed"}


def create_pipeline(candidates: Sequence[str], reward_models: Sequence[str] = ()) -> Pipeline:
    """Every candidate once, whatever recipes it belongs to; all of it after all training, which wants the whole card.

    Args:
        candidates: the base and what stages made, as `recipes.candidates` names them, the base first.
        reward_models: stages that left one; they are asked for scores, not for answers.
    """
    frames = [f"{candidate}_{kind}" for candidate in candidates for kind in ("answers", "details", "language_values")]
    baselines = {"documents": "documents", **HELD_OUT, **SETTINGS}
    return Pipeline(
        [
            seen.node(),
            lm_eval.seen_node(),
            *map(_evaluated, candidates),
            *(measure.node(candidate) for measure in MEASURES for candidate in candidates),
            writing.spelling(),
            *wins.nodes(candidates),
            encoders.node(),
            _paired(candidates),
            language.forgetting(candidates),
            *map(reward.node, reward_models),
            Node(score_baselines, inputs=baselines, outputs="baseline_scores", name="score_baselines"),
            Node(
                compare,
                inputs={"baselines": "baseline_scores", **SETTINGS, **{frame: frame for frame in frames}},
                outputs="comparison",
                name="compare",
            ),
        ],
        tags=LAST,
    )


def _evaluated(candidate: str) -> Node:
    before = _reference(candidate)
    other = {"reference": f"{before}_details"} if before else {}
    return of_candidate(evaluate, candidate, ("scores", "answers", "details"), settings="params:evaluate", **other)


def _paired(candidates: Sequence[str]) -> Node:
    kinds = [measure.OUTPUTS[0] for measure in TESTED]
    entries = [*(f"{kind}_values" for kind in kinds), "writing_answers", "choices_answers"]
    frames = [f"{candidate}_{entry}" for candidate in candidates for entry in entries]
    step = update_wrapper(partial(compare_by_kind, kinds=kinds), compare_by_kind)
    inputs = {**SETTINGS, "choices": "params:choices", **{frame: frame for frame in frames}}
    return Node(step, inputs=inputs, outputs="paired_tests", name="compare_by_kind")


def _reference(candidate: str) -> str | None:
    """The candidate that a preference stage started from; None for others."""
    made = last_stage(candidate)
    return None if made is None or made.method in SUPERVISED else parent(candidate)
