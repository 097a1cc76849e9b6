"""Steps of comparing tokenizers: each is learned, measured, and a small model is trained with it."""

import shutil
from pathlib import Path

import polars as pl
from matplotlib.figure import Figure

from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.parameters.language import LanguageSettings
from arabic_llm_pipeline.parameters.model import ModelSettings
from arabic_llm_pipeline.parameters.tokenize import TokenizeSettings
from arabic_llm_pipeline.parameters.tokenizer_training import TokenizerComparisonSettings, TokenizerTrainingSettings

CHARACTERS_A_TOKEN = 6  # at most: so much text is laid ready for each token that a model reads


def train_variants(
    documents: ShardSet,
    settings: TokenizerComparisonSettings,
    training: TokenizerTrainingSettings,
    seed: int,
    workspace: Path,
) -> Path:
    """A tokenizer for each variant, of one size, on the same text."""
    from arabic_llm_pipeline.tokens.variants import train_variants as train

    return train(documents, settings, training, seed, workspace / "variants")


def measure_variants(
    documents: ShardSet,
    variants: Path,
    settings: TokenizerComparisonSettings,
    training: TokenizerTrainingSettings,
    seed: int,
) -> pl.DataFrame:
    """Fertility, diacritics and clitics of each in held-out text."""
    from arabic_llm_pipeline.tokens.variants import measure_variants as measure

    return measure(documents, variants, settings, training, seed)


def train_variant_models(
    documents: ShardSet,
    variants: Path,
    settings: TokenizerComparisonSettings,
    model: ModelSettings,
    seed: int,
    workspace: Path,
) -> Path:
    """The same small model with each tokenizer, in a folder of its name; it reads the same number of tokens.

    What an earlier run finished is taken as it is, and unfinished training goes on.
    """
    from arabic_llm_pipeline.tokens.variants import small_corpus
    from arabic_llm_pipeline.tokens.writing import write_documents
    from arabic_llm_pipeline.training.job import Job
    from arabic_llm_pipeline.training.methods import pretrain
    from arabic_llm_pipeline.training.stage import run_stage

    read = settings.model.steps * settings.model.batch * settings.window * CHARACTERS_A_TOKEN
    corpus = small_corpus(documents, read, seed, workspace / "corpus")
    store = TokenizeSettings(window=settings.window, max_prompt=settings.window // 2)
    found = workspace / "models"
    for name in settings.variants:
        place = workspace / name
        place.mkdir(exist_ok=True)
        tokens = write_documents(corpus, variants / name, store, place)
        told = settings.model.model_dump(mode="json")
        job = Job(workspace=place, tokenizer=variants / name, tokens=tokens, settings=told, model=model, seed=seed)
        trained, _, _ = run_stage(pretrain.train, job, name)
        shutil.copytree(trained, found / name, dirs_exist_ok=True)
    return found


def score_variant_models(
    documents: ShardSet,
    models: Path,
    settings: TokenizerComparisonSettings,
    model: ModelSettings,
    language: LanguageSettings,
    seed: int,
) -> pl.DataFrame:
    """Bits a character of each model in held-out text, with a 95% interval over its documents."""
    from arabic_llm_pipeline.evaluation.variants import score

    names = {name: models / name for name in settings.variants}
    limits = language.model_copy(update={"window": settings.window, "stride": settings.window // 2})
    return score(documents, names, settings.held_out_characters, model, limits, seed)


def join(measured: pl.DataFrame, scored: pl.DataFrame) -> pl.DataFrame:
    """One row for each tokenizer."""
    return measured.join(scored, on="tokenizer", how="left", maintain_order="left")


def plot(table: pl.DataFrame) -> Figure:
    """Bits a character beside tokens a word and borders of clitics."""
    from arabic_llm_pipeline.reporting.variants import plot as draw

    return draw(table)
