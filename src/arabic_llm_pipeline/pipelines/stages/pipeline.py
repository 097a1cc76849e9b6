"""A chain of training stages: `sft_dpo` is the stage of `sft`, then that of `dpo` on its adapter."""

from collections.abc import Callable
from typing import Any

from kedro.pipeline import Node, Pipeline

from arabic_llm_pipeline.pipelines.stages.nodes import train_dpo, train_sft
from arabic_llm_pipeline.recipes import name, prefixes

COMMON = {
    "base_model": "base_model",
    "tokenizer": "tokenizer",
    "model": "params:model",
    "lora": "params:adapter",
    "seed": "params:seed",
}
METHODS: dict[str, tuple[Callable[..., Any], dict[str, str]]] = {  # label -> step, and what else it reads
    "sft": (train_sft, {"tokens": "document_tokens"}),
    "dpo": (train_dpo, {"tokens": "pair_tokens"}),
}


def create_pipeline(chain: tuple[str, ...]) -> Pipeline:
    """A node for each beginning of a chain; chains that begin alike share those nodes.

    Args:
        chain: labels of methods, such as ("sft", "dpo").
    """
    return Pipeline([_stage(prefix) for prefix in prefixes(chain)])


def _stage(chain: tuple[str, ...]) -> Node:
    label, here, before = chain[-1], name(chain), chain[:-1]
    step, reads = METHODS[label]
    inputs = {**COMMON, **reads, "settings": f"params:{label}", "workspace": f"{here}_workspace"}
    if before:
        inputs["adapter"] = f"{name(before)}_adapter"
    outputs = [f"{here}_adapter", f"{here}_log", f"{here}_resources"]
    return Node(step, inputs=inputs, outputs=outputs, name="train", namespace=here, tags=["train", label])
