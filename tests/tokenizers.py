"""Small tokenizers for tests."""

from collections.abc import Iterable
from pathlib import Path

from arabic_llm_pipeline.parameters.tokenizer_training import TokenizerTrainingSettings
from arabic_llm_pipeline.tokens.train import train


def train_bpe(texts: Iterable[str], vocabulary: int, directory: Path) -> Path:
    """A byte-level BPE for models of type qwen2."""
    return train(texts, TokenizerTrainingSettings(split="qwen2", vocabulary=vocabulary, min_frequency=1), directory)
