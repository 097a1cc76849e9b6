"""Tokenizers of one size learned from one text in several ways, and what each makes of text that none has seen."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from arabic_llm_pipeline.arabic.morphology import LightSegmenter
from arabic_llm_pipeline.common.progress import track
from arabic_llm_pipeline.corpus.shards import ShardSet, shard_name
from arabic_llm_pipeline.parameters.tokenizer_training import TokenizerComparisonSettings, TokenizerTrainingSettings
from arabic_llm_pipeline.tokens.borders import Parts, count_borders
from arabic_llm_pipeline.tokens.clitics import bare_counts
from arabic_llm_pipeline.tokens.fertility import load, measure_texts
from arabic_llm_pipeline.tokens.texts import drawn_in, sampled
from arabic_llm_pipeline.tokens.train import count_words, train

HELD_OUT = "dev"


def train_variants(
    documents: ShardSet,
    settings: TokenizerComparisonSettings,
    training: TokenizerTrainingSettings,
    seed: int,
    directory: Path,
) -> Path:
    """One tokenizer for each variant, in a folder of its name; they differ in nothing else."""
    for name, variant in track(settings.variants.items(), "Tokenizers", len(settings.variants)):
        told = training.model_copy(update=variant.model_dump())
        train(sampled(documents, told.view, told.sample_characters, seed), told, directory / name)
    return directory


def measure_variants(
    documents: ShardSet,
    directory: Path,
    settings: TokenizerComparisonSettings,
    training: TokenizerTrainingSettings,
    seed: int,
) -> pl.DataFrame:
    """A row for each variant: fertility, diacritics and borders of clitics in held-out text.

    Clitics are those that the light segmenter finds with the counts of the text that was learned from.
    """
    counts = count_words(sampled(documents, training.view, training.sample_characters, seed))
    texts = list(sampled(documents, training.view, settings.held_out_characters, seed, HELD_OUT))
    words = _divided(texts, bare_counts(counts))
    rows = []
    for name in settings.variants:
        tokenizer = load(name, directory / name)
        counted = measure_texts(tokenizer, texts)
        rows.append(
            {"tokenizer": name, "vocabulary": tokenizer.get_vocab_size(), **counted, **_shares(tokenizer, words)}
        )
    return pl.DataFrame(rows)


def small_corpus(documents: ShardSet, characters: int, seed: int, directory: Path) -> ShardSet:
    """Documents of the train split of about so many characters as a corpus of its own, so that no store holds more.

    Args:
        documents: of the corpus.
        characters: how many.
        seed: of the draw.
        directory: where its shards go.
    """
    directory.mkdir(parents=True, exist_ok=True)
    kept = pl.col("reason").is_null() & (pl.col("split") == "train")
    drawn = drawn_in(documents.scan().filter(kept), characters, seed)
    for ordinal, path in enumerate(documents.paths):
        chosen = pl.scan_parquet(path).filter(kept).filter(drawn).collect()
        chosen.write_parquet(directory / shard_name(ordinal))
    return ShardSet(directory)


def _divided(texts: list[str], bare: Mapping[str, int]) -> dict[Parts, int]:
    segmenter = LightSegmenter(bare)
    return {segmenter.segment(word).parts: count for word, count in bare_counts(count_words(texts)).items()}


def _shares(tokenizer: Any, words: Mapping[Parts, int]) -> dict[str, float | None]:
    found = count_borders(tokenizer, words)
    return {
        "clitic_words_cut": _share(found["cut_words"], found["clitic_words"]),
        "clitic_borders_kept": _share(found["kept_borders"], found["clitic_borders"]),
        "borders_at_clitics": _share(found["kept_borders"], found["token_borders"]),
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
