"""A chain of training stages: `sft_dpo` is the stage of `sft`, then that of `dpo` on its adapter."""

from collections.abc import Callable
from functools import partial, update_wrapper
from typing import Any

from kedro.pipeline import Node, Pipeline

from arabic_llm_pipeline.pipelines.stages import nodes
from arabic_llm_pipeline.recipes import Chain, Stage, name, prefixes, stage

COMMON = {"base_model": "base_model", "tokenizer": "tokenizer", "seed": "params:seed"}
DOCUMENTS = {"tokens": "document_tokens"}
PAIRS = {"tokens": "pair_tokens"}
METHODS: dict[str, tuple[Callable[..., Any], dict[str, str]]] = {  # method -> step, and what it is trained on
    "cpt": (nodes.train_cpt, DOCUMENTS),
    "sft": (nodes.train_sft, DOCUMENTS),
    "dpo": (nodes.train_dpo, PAIRS),
    "ipo": (nodes.train_ipo, PAIRS),
    "kto": (nodes.train_kto, {"pairs": "pair_tokens", "feedback": "feedback_tokens"}),
    "cpo": (nodes.train_cpo, PAIRS),
    "simpo": (nodes.train_simpo, PAIRS),
    "orpo": (nodes.train_orpo, PAIRS),
    "dno": (nodes.train_dno, {**PAIRS, "judge": "judge_adapter"}),
    "reward": (nodes.train_reward, PAIRS),
}
FIRST = "start_adapter"  # what the user says that chains begin with; none by default


def create_pipeline(chain: Chain) -> Pipeline:
    """A node for each beginning of a chain; chains that begin alike share those nodes.

    Args:
        chain: labels of stages, such as ("sft", "dpo").
    """
    return Pipeline([_stage(prefix) for prefix in prefixes(chain)])


def _stage(chain: Chain) -> Node:
    label, here, before = stage(chain[-1]), name(chain), chain[:-1]
    step, data = METHODS[label.method]
    inputs = {  # the first three in the order of the step's arguments: Kedro finds types by their number
        "settings": f"params:{label.method}", "model": "params:model", "lora": "params:adapter",
        **COMMON, **data, "workspace": f"{here}_workspace",
        "adapter": f"{name(before)}_adapter" if before else FIRST,
    }  # fmt: skip
    if label.domain:
        inputs["domain"] = "params:domain"
    outputs = [f"{here}_adapter", f"{here}_log", f"{here}_resources"]
    step = _with_changes(step, label)
    return Node(step, inputs=inputs, outputs=outputs, name="train", namespace=here, tags=["train", chain[-1]])


def _with_changes(step: Callable[..., Any], label: Stage) -> Callable[..., Any]:
    """The step with what a named stage changes; a method's own step as it is, so that its name says all."""
    if not label.settings and label.rate == 1:
        return step
    return update_wrapper(partial(step, changes=dict(label.settings), rate=label.rate), step)
