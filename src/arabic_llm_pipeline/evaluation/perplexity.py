"""How well a model predicts held-out prose: in both views of the text, by dialect and source, with intervals."""

from collections.abc import Iterator, Sequence
from functools import partial
from math import exp, log
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from arabic_llm_pipeline.arabic.clean import NORMALIZED, TEXT, clean_series
from arabic_llm_pipeline.corpus.records import DIALECTS
from arabic_llm_pipeline.evaluation.likelihood import Floats, Stretch, log_probabilities
from arabic_llm_pipeline.evaluation.results import VALUES, Row, missing, score_rows
from arabic_llm_pipeline.parameters.language import LanguageSettings
from arabic_llm_pipeline.tokens.chat import Renderer
from arabic_llm_pipeline.tokens.encoder import Ids, Mask

VIEWS = {"text": TEXT, "text_normalized": NORMALIZED}
MEASURE = "perplexity"
UNITS = ("token", "word", "character", "byte")
SETS = {"text": "prose", "text_normalized": "prose_normalized"}  # values have no column for the view
COMPARED = "bits_per_byte"  # the one whose values are kept: the others are the same losses in other units


def measure(
    model: Any, renderer: Renderer, prose: pl.DataFrame, settings: LanguageSettings, view: str = "text"
) -> pl.DataFrame:
    """What each document costs: id, source, dialect, nll (natural log, of the whole text), tokens, words, characters,
    bytes (UTF-8).

    Args:
        model: the candidate.
        renderer: of its tokenizer.
        prose: id, source, dialect, text.
        settings: window, stride, batch_size.
        view: text, or text_normalized with Alif and Ya unified and no diacritics.
    """
    texts = clean_series(prose["text"], VIEWS[view])
    encoded = encode(renderer, texts.to_list())
    label = f"Prose ({view.replace('_', ' ')})"
    names = [f"document {id_}" for id_ in prose["id"]]
    losses = token_losses(model, encoded, settings.window, settings.stride, settings.batch_size, label, names)
    return prose.select("id", "source", "dialect").with_columns(
        pl.Series("nll", [sum(float(part.sum()) for part in parts) for parts in losses], pl.Float64),
        pl.Series("tokens", [len(ids) - 1 for ids in encoded], pl.Int64),
        texts.str.count_matches(r"\S+").cast(pl.Int64).alias("words"),
        texts.str.len_chars().cast(pl.Int64).alias("characters"),
        texts.str.len_bytes().cast(pl.Int64).alias("bytes"),
    )


def encode(renderer: Renderer, texts: Sequence[str]) -> list[NDArray[np.int64]]:
    """Texts without their end of text, after what the first token is predicted from.

    That is what begins a text: the tokenizer's begin of text, or its end of text, as lm_eval does.
    """
    return [_with_context(*both) for both in renderer.prose(texts)]


def token_losses(
    model: Any,
    encoded: Sequence[NDArray[np.int64]],
    window: int,
    stride: int,
    batch_size: int,
    label: str,
    names: Sequence[str] | None = None,
) -> list[list[Floats]]:
    """Nats of every token but the first, an array for each window of each text.

    Every token is scored once, from at least `window - stride` tokens before it, as far as there are.

    Args:
        model: the candidate.
        encoded: ids of each text.
        window: tokens that the model sees at once.
        stride: tokens by which it moves on; less than the window.
        batch_size: windows at once.
        label: what is being done, for the progress shown.
        names: of the texts, for errors.
    """
    windows = [list(cut(ids, window, stride)) for ids in encoded]
    every = [one for found in windows for one in found]
    named = [name for name, found in zip(names, windows, strict=True) for _ in found] if names else None
    scored = iter(log_probabilities(model, every, batch_size, label, named))
    return [[-next(scored) for _ in found] for found in windows]


def cut(ids: NDArray[np.int64], window: int, stride: int) -> Iterator[Stretch]:
    """Overlapping windows; each scores what none before it did."""
    scored = 1
    for begin in range(0, len(ids), stride):
        end = min(begin + window, len(ids))
        if scored < end:
            yield Stretch(ids[begin:end], scored - begin)
        scored = end
        if end == len(ids):
            return


def values(measured: pl.DataFrame, view: str) -> pl.DataFrame:
    """Bits a byte of each document, as rows of `VALUES`: what candidates are compared by."""
    return _values(measured, view, {COMPARED: (1 / log(2), "bytes")})


def rows(measured: pl.DataFrame, view: str, resamples: int, seed: int, about: Row) -> list[Row]:
    """Scores over all documents, by dialect and by source (as family); where there is none to score, `why` says so.

    perplexity_per_token, _word, _character and _byte are e to the power of the nats a unit; bits_per_byte and
    bits_per_character are the same losses to base 2. Of these only tokens hang on the tokenizer.

    Args:
        measured: of `measure`.
        view: of the text.
        resamples: of the bootstrap over documents.
        seed: of the bootstrap.
        about: further columns of `SCORES`.
    """
    scales = {f"perplexity_per_{unit}": (1.0, f"{unit}s") for unit in UNITS}
    scales |= {COMPARED: (1 / log(2), "bytes"), "bits_per_character": (1 / log(2), "characters")}
    powers = {f"perplexity_per_{unit}": power for unit in UNITS}
    about = {**about, "view": view, "decoding": "likelihood"}
    every = partial(missing, MEASURE, SETS[view], COMPARED)
    if not len(measured):
        return [every("no held-out prose") | about]
    found = score_rows(_values(measured, view, scales), resamples, seed, about=about, transforms=powers)
    absent = [name for name in DIALECTS if name != "unknown" and name not in set(measured["dialect"])]
    return found + [
        every(f"no held-out prose of which its source says that it is {name}")
        | about
        | {"by": "dialect", "group": name}
        for name in absent
    ]


def power(nats: float) -> float | None:
    """Perplexity, or None where no number can hold it (a word of hundreds of tokens of a model that knows nothing)."""
    return exp(nats) if nats < log(np.finfo(np.float64).max) else None


def _values(measured: pl.DataFrame, view: str, metrics: dict[str, tuple[float, str]]) -> pl.DataFrame:
    """Rows of `VALUES`; metric -> what nats are multiplied by, and what they are divided by."""
    parts = [
        measured.select(
            measure=pl.lit(MEASURE), set=pl.lit(SETS[view]), metric=pl.lit(metric), id="id", dialect="dialect",
            family="source", value=pl.col("nll") * factor, weight=pl.col(unit).cast(pl.Float64),
        )
        for metric, (factor, unit) in metrics.items()
    ]  # fmt: skip
    return pl.concat([VALUES.to_frame(), *parts])


def _with_context(ids: Ids, mask: Mask) -> NDArray[np.int64]:
    text = ids[:-1].astype(np.int64)
    begins = len(mask) > 0 and mask[0] == 0
    return text if begins else np.concatenate([ids[-1:].astype(np.int64), text])
