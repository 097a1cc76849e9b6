"""The pipeline `dry_run`: a table of what the stages of the recipes take on this machine."""

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from arabic_llm_pipeline.pipelines.dry_run.nodes import Rehearsed, rehearse
from arabic_llm_pipeline.pipelines.stages.pipeline import COMMON, FIRST, METHODS
from arabic_llm_pipeline.pipelines.wiring import reading
from arabic_llm_pipeline.recipes import Chain, name, prefixes, stage

SETTINGS = ("dry_run", "memory", "devices", "model", "adapter", "domain")


def create_pipeline(chains: Sequence[Chain]) -> Pipeline:
    """Some steps of all stages of these chains, each once.

    Args:
        chains: labels of stages, such as ("sft", "dpo").
    """
    begun = {name(prefix): prefix for chain in chains for prefix in prefixes(chain)}
    stages = [_rehearsed(label, chain) for label, chain in begun.items()]
    parameters = {*SETTINGS, *(one.method for one in stages)}
    entries = {FIRST: FIRST} | {_argument(entry): entry for one in stages for entry in _entries(one.method).values()}
    inputs = entries | {one: f"params:{one}" for one in sorted(parameters)} | {"workspace": "dry_run_workspace"}
    step = reading(rehearse, inputs, stages=stages)
    return Pipeline([Node(step, inputs, "dry_run", name="dry_run", tags=["train"])])


def _rehearsed(label: str, chain: Chain) -> Rehearsed:
    of, before = stage(chain[-1]), chain[:-1]
    return Rehearsed(
        name=label,
        before=name(before) if before else "",
        method=of.method,
        step=METHODS[of.method][0],
        inputs={argument: _argument(entry) for argument, entry in _entries(of.method).items()},
        changes=dict(of.settings),
        rate=of.rate,
        domain=of.domain,
    )


def _entries(method: str) -> dict[str, str]:
    """What a method's step is given beside settings: argument and entry of the catalog."""
    return {**COMMON, **METHODS[method][1]}


def _argument(entry: str) -> str:
    return entry.removeprefix("params:")
