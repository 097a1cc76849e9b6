"""The pipeline `memory_plan`: a table and a plot."""

from collections.abc import Sequence
from functools import partial, update_wrapper

from kedro.pipeline import Node, Pipeline

from arabic_llm_pipeline.pipelines.memory_plan.nodes import draw_memory_plan, plan_memory
from arabic_llm_pipeline.recipes import Chain, name, prefixes, stage

SETTINGS = ("model", "adapter", "memory", "devices", "tokenize")


def create_pipeline(chains: Sequence[Chain]) -> Pipeline:
    """The plan of all stages of these chains, each once.

    Args:
        chains: labels of stages, such as ("sft", "dpo").
    """
    begun = {name(prefix): prefix for chain in chains for prefix in prefixes(chain)}
    stages = [(label, stage(prefix[-1]).method, len(prefix) > 1) for label, prefix in begun.items()]
    parameters = {setting: f"params:{setting}" for setting in (*SETTINGS, *sorted({one[1] for one in stages}))}
    judge = {"judge": "planned_judge"} if "params:dno" in parameters.values() else {}
    step = update_wrapper(partial(plan_memory, stages=stages), plan_memory)
    return Pipeline(
        [
            Node(step, {"base_files": "base_files"} | judge | parameters, "memory_plan", name="plan_memory"),
            Node(draw_memory_plan, "memory_plan", "memory_plan_plot", name="draw_memory_plan"),
        ]
    )
