"""What small models that differ in their tokenizer alone make of the same held-out text."""

from collections.abc import Mapping
from math import log
from pathlib import Path

import polars as pl

from arabic_llm_pipeline.corpus.keys import contents
from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.evaluation.perplexity import measure
from arabic_llm_pipeline.evaluation.statistics import bootstrap
from arabic_llm_pipeline.parameters.language import LanguageSettings
from arabic_llm_pipeline.parameters.model import ModelSettings
from arabic_llm_pipeline.tokens.chat import Renderer
from arabic_llm_pipeline.tokens.texts import drawn_in
from arabic_llm_pipeline.tokens.tokenizer import load_tokenizer
from arabic_llm_pipeline.training import models


def score(
    documents: ShardSet,
    directories: Mapping[str, Path],
    characters: int,
    model: ModelSettings,
    settings: LanguageSettings,
    seed: int,
) -> pl.DataFrame:
    """A row for each model: bits_per_character of held-out text, with a bootstrap interval (low, high) over documents.

    Bits are of the whole text, so that tokenizers can be compared: one that makes many tokens has more to foretell.

    Args:
        documents: those of the dev split are read, as prose.
        directories: of the models, by name.
        characters: about how many are read.
        model: how they are computed.
        settings: window and stride, and resamples.
        seed: of the draw of texts and of the bootstrap.
    """
    kept = documents.scan().filter(pl.col("reason").is_null() & (pl.col("split") == "dev"))
    prose = (
        kept.filter(drawn_in(kept, characters, seed))
        .select("id", "source", "dialect", text=contents("messages"))
        .collect()
    )
    rows = []
    for name, directory in directories.items():
        settled = model.model_copy(update={"name": str(directory), "quantization": "none"})
        loaded = models.load_candidate(models.resolve_base(settled, directory), None, settled)
        found = measure(loaded, Renderer(load_tokenizer(directory)), prose, settings)
        bits, sizes = (found["nll"] / log(2)).to_list(), prose["text"].str.len_chars().to_list()
        low, high = bootstrap(bits, sizes, settings.resamples, seed) or (None, None)
        rows.append({"tokenizer": name, "bits_per_character": sum(bits) / sum(sizes), "low": low, "high": high})
    return pl.DataFrame(rows)
