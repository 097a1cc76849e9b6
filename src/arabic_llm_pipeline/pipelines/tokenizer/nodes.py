"""Steps from a corpus to a tokenizer."""

from pathlib import Path

from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.parameters.tokenizer_training import TokenizerTrainingSettings


def train_tokenizer(documents: ShardSet, settings: TokenizerTrainingSettings, seed: int, workspace: Path) -> Path:
    """A tokenizer learned from the corpus: `tokenizer.source` of later runs, and what `pretrain` makes a base with.

    Args:
        documents: of the corpus; of those of the train split that were kept a sample is read.
        settings: algorithm, borders, size.
        seed: of the sample.
        workspace: where it is made.
    """
    from arabic_llm_pipeline.tokens.texts import sampled
    from arabic_llm_pipeline.tokens.train import train

    texts = sampled(documents, settings.view, settings.sample_characters, seed)
    return train(texts, settings, workspace / "tokenizer")
