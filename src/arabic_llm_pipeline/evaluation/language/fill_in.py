"""A word left out of its sentence: does the model find the sentence with the true word more probable than others?

A causal model does not see what comes after a gap, so the whole sentence is scored with each candidate in its place.
"""

from collections.abc import Sequence
from typing import Any

import polars as pl

from arabic_llm_pipeline.evaluation.language.words import Place, Pools, generator, place_rows
from arabic_llm_pipeline.evaluation.perplexity import encode, token_losses
from arabic_llm_pipeline.parameters.language import LanguageSettings
from arabic_llm_pipeline.tokens.chat import Renderer


def measure(
    model: Any,
    renderer: Renderer,
    places: Sequence[Place],
    documents: pl.DataFrame,
    pools: Pools,
    settings: LanguageSettings,
    seed: int,
) -> pl.DataFrame:
    """What is found at each place: document, start, word, distractors, right.

    Places without enough words of the same class are left out. A tie is wrong.

    Args:
        model: the candidate.
        renderer: of its tokenizer.
        places: of `words.masked_words`.
        documents: id, dialect; the places' documents are its rows.
        pools: of words, from the texts that are read.
        settings: window, stride, batch_size, words.
        seed: draws the distractors.
    """
    asked = list(with_distractors(places, documents, pools, settings.words.distractors, seed))
    texts = [place.filled(word) for place, others in asked for word in (place.word, *others)]
    names = [f"document {documents['id'][place.document]}" for place, others in asked for _ in (None, *others)]
    losses = token_losses(
        model, encode(renderer, texts), settings.window, settings.stride, settings.batch_size, "Words left out", names
    )
    nats = [sum(float(part.sum()) for part in parts) for parts in losses]
    each = settings.words.distractors + 1
    right = [nats[at] < min(nats[at + 1 : at + each]) for at in range(0, len(nats), each)]
    return place_rows([place for place, _ in asked]).with_columns(
        pl.Series("distractors", [others for _, others in asked], pl.List(pl.String)),
        pl.Series("right", right, pl.Boolean),
    )


def with_distractors(
    places: Sequence[Place], documents: pl.DataFrame, pools: Pools, count: int, seed: int
) -> list[tuple[Place, list[str]]]:
    """The places that have so many words beside the true one, with these: the same for all models."""
    found = []
    for place in places:
        row = documents.row(place.document, named=True)
        random = generator(f"{row['id']}/{place.word}/{place.start}", seed)
        if others := pools.distractors(place.word, row["dialect"], count, random):
            found.append((place, others))
    return found
