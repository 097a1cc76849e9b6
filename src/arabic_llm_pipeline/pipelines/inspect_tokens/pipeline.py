"""The pipeline `inspect_tokens`."""

from kedro.pipeline import Node, Pipeline

from arabic_llm_pipeline.pipelines.inspect_tokens.nodes import show_tokens

STORES = ("document_tokens", "pair_tokens", "feedback_tokens")


def create_pipeline() -> Pipeline:
    """A page of windows."""
    inputs = {name: name for name in (*STORES, "tokenizer")}
    inputs |= {"settings": "params:inspect", "seed": "params:seed"}
    return Pipeline([Node(show_tokens, inputs, "token_windows", name="show_tokens")])
