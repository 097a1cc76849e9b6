"""The pipeline `tokenizer`: a tokenizer learned from the corpus."""

from kedro.pipeline import Node, Pipeline

from arabic_llm_pipeline.pipelines.tokenizer.nodes import train_tokenizer


def create_pipeline() -> Pipeline:
    """From documents to a tokenizer; the default run takes the base model's instead."""
    inputs = {
        "documents": "documents",
        "settings": "params:tokenizer_training",
        "seed": "params:seed",
        "workspace": "trained_tokenizer_workspace",
    }
    return Pipeline([Node(train_tokenizer, inputs=inputs, outputs="trained_tokenizer", name="train_tokenizer")])
