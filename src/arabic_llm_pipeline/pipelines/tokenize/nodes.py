"""Steps from records to token stores."""

from pathlib import Path
from typing import Any

import polars as pl

from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.parameters.tokenize import FertilitySettings, TokenizerSettings, TokenizeSettings


def make_tokenizer(
    base_model: dict[str, Any], tokenizer_files: Path | None, settings: TokenizerSettings, workspace: Path
) -> Path:
    """The tokenizer that the models of this run have.

    Args:
        base_model: pointer to the base model.
        tokenizer_files: directory of the tokenizer to use; None for the base model's own.
        settings: which chat template it gets.
        workspace: where it is made.
    """
    from arabic_llm_pipeline.tokens.tokenizer import make_tokenizer as make
    from arabic_llm_pipeline.training.base import base_path

    base = base_path(base_model)
    return make(tokenizer_files or base, settings, workspace / "tokenizer", base)


def tokenize_documents(documents: ShardSet, tokenizer: Path, settings: TokenizeSettings, workspace: Path) -> Path:
    """The kept documents of all splits as a token store."""
    from arabic_llm_pipeline.tokens.writing import write_documents

    return write_documents(documents, tokenizer, settings, workspace)


def tokenize_pairs(pairs: ShardSet, tokenizer: Path, settings: TokenizeSettings, workspace: Path) -> Path:
    """The kept preference pairs of all splits as a pair store."""
    from arabic_llm_pipeline.tokens.writing import write_pairs

    return write_pairs(pairs, tokenizer, settings, workspace)


def tokenize_feedback(feedback: ShardSet, tokenizer: Path, settings: TokenizeSettings, workspace: Path) -> Path:
    """The kept feedback of all splits as a feedback store."""
    from arabic_llm_pipeline.tokens.writing import write_feedback

    return write_feedback(feedback, tokenizer, settings, workspace)


def measure_fertility(
    documents: ShardSet, tokenizer: Path, others: dict[str, Path], settings: FertilitySettings, seed: int
) -> pl.DataFrame:
    """How many tokens a word takes, by tokenizer, view of the text and dialect; the run's own tokenizer first."""
    from arabic_llm_pipeline.tokens.fertility import measure

    return measure(documents, {"own": tokenizer, **others}, settings.sample, seed)


def summarise_tokens(document_tokens: Path, pair_tokens: Path, feedback_tokens: Path) -> dict[str, Any]:
    """How many documents, pairs, rows of feedback and tokens there are, and how many tokens a word takes."""
    from arabic_llm_pipeline.tokens.summary import summarise

    return summarise(document_tokens, pair_tokens, feedback_tokens)
