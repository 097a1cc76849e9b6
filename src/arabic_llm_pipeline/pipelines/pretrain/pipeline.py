"""The pipeline `pretrain`: tokens and weights from nothing but the corpus and a tokenizer trained on it.

`continue_pretraining` goes on from a base instead: with its weights, its tokenizer, and the token store of the stages.
"""

from kedro.pipeline import Node, Pipeline

from arabic_llm_pipeline.pipelines.pretrain.nodes import pretrain, tokenize_for_pretraining

SETTINGS = {"model": "params:model", "settings": "params:pretrain", "seed": "params:seed"}


def create_pipeline(continued: bool = False) -> Pipeline:
    """From documents to a base model, or from a base model to another; the default run does not need it.

    Args:
        continued: whether it goes on from `base_model`, on `document_tokens`.
    """
    return Pipeline([_continued()] if continued else [_tokens(), _model()])


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
        **SETTINGS,
    }
    outputs = ["pretrained_model", "pretrain_log", "pretrain_resources"]
    return Node(pretrain, inputs=inputs, outputs=outputs, name="pretrain", tags=["train"])


def _continued() -> Node:
    inputs = {
        "workspace": "continued_model_workspace",
        "tokenizer": "tokenizer",
        "tokens": "document_tokens",
        **SETTINGS,
        "base_model": "base_model",
    }
    outputs = ["continued_model", "continued_log", "continued_resources"]
    return Node(pretrain, inputs=inputs, outputs=outputs, name="continue_pretraining", tags=["train"])
