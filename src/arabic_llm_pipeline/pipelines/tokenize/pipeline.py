"""The pipeline `tokenize`: tokenizer, token stores, their figures."""

from collections.abc import Callable
from pathlib import Path

from kedro.pipeline import Node, Pipeline

from arabic_llm_pipeline.pipelines.tokenize.nodes import (
    make_tokenizer,
    measure_fertility,
    summarise_tokens,
    tokenize_documents,
    tokenize_feedback,
    tokenize_pairs,
)


def create_pipeline() -> Pipeline:
    """From the documents, pairs and feedback of the corpus, and the base model, to what the stages read."""
    return Pipeline(
        [
            Node(
                make_tokenizer,
                inputs={
                    "base_model": "base_model",
                    "tokenizer_files": "tokenizer_files",
                    "settings": "params:tokenizer",
                    "workspace": "tokenizer_workspace",
                },
                outputs="tokenizer",
                name="make_tokenizer",
            ),
            _tokenized(tokenize_documents, "documents", "document_tokens"),
            _tokenized(tokenize_pairs, "pairs", "pair_tokens"),
            _tokenized(tokenize_feedback, "feedback", "feedback_tokens"),
            Node(
                summarise_tokens,
                inputs={name: name for name in ("document_tokens", "pair_tokens", "feedback_tokens")},
                outputs="token_summary",
                name="summarise_tokens",
            ),
            Node(
                measure_fertility,
                inputs={
                    "documents": "documents",
                    "tokenizer": "tokenizer",
                    "others": "compared_tokenizers",
                    "settings": "params:fertility",
                    "seed": "params:seed",
                },
                outputs="fertility_table",
                name="measure_fertility",
            ),
        ]
    )


def _tokenized(step: Callable[..., Path], records: str, tokens: str) -> Node:
    inputs = {
        records: records,
        "tokenizer": "tokenizer",
        "settings": "params:tokenize",
        "workspace": f"{tokens}_workspace",
    }
    return Node(step, inputs=inputs, outputs=tokens, name=f"tokenize_{records}")
