"""The pipeline `pretrain`: tokens and weights from nothing but the corpus and a tokenizer trained on it."""

from kedro.pipeline import Node, Pipeline

from arabic_llm_pipeline.pipelines.pretrain.nodes import pretrain, tokenize_for_pretraining


def create_pipeline() -> Pipeline:
    """From documents to a base model; the default run does not need it."""
    return Pipeline([_tokens(), _model()])


def _tokens() -> Node:
    inputs = {
        "documents": "documents",
        "tokenizer": "trained_tokenizer",
        "settings": "params:tokenize",
        "workspace": "pretrain_tokens_workspace",
    }
    return Node(tokenize_for_pretraining, inputs=inputs, outputs="pretrain_tokens", name="tokenize_for_pretraining")


def _model() -> Node:
    inputs = {
        "workspace": "pretrained_model_workspace",
        "tokenizer": "trained_tokenizer",
        "tokens": "pretrain_tokens",
        "model": "params:model",
        "settings": "params:pretrain",
        "seed": "params:seed",
    }
    outputs = ["pretrained_model", "pretrain_log", "pretrain_resources"]
    return Node(pretrain, inputs=inputs, outputs=outputs, name="pretrain", tags=["train"])
