"""How well a model predicts held-out prose: in both views of the text, by dialect, with intervals."""

from collections.abc import Iterator
from math import exp, log
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from arabic_llm_pipeline.arabic.clean import NORMALIZED, TEXT, clean_series
from arabic_llm_pipeline.corpus.records import DIALECTS
from arabic_llm_pipeline.evaluation.likelihood import Stretch, log_probabilities
from arabic_llm_pipeline.evaluation.statistics import bootstrap
from arabic_llm_pipeline.parameters.evaluate import EvaluateSettings
from arabic_llm_pipeline.tokens.chat import Renderer
from arabic_llm_pipeline.tokens.encoder import Ids, Mask

VIEWS = {"text": TEXT, "text_normalized": NORMALIZED}
ALL = "all"
Row = dict[str, Any]


def measure(model: Any, renderer: Renderer, prose: pl.DataFrame, settings: EvaluateSettings, view: str) -> pl.DataFrame:
    """What each document costs: id, dialect, nll (natural log, of the whole text), tokens, words, bytes (UTF-8).

    Every token is scored once. The first is predicted from what begins a text (the tokenizer's begin of text, or its
    end of text, as lm_eval does), the others from at least `window - stride` tokens before them, as far as there are.

    Args:
        model: the candidate.
        renderer: of its tokenizer.
        prose: id, dialect, text.
        settings: window, stride, batch_size.
        view: text, or text_normalized with Alif and Ya unified and no diacritics.
    """
    texts = clean_series(prose["text"], VIEWS[view])
    encoded = [_with_context(*both) for both in renderer.prose(texts.to_list())]
    windows = [list(_windows(ids, settings.window, settings.stride)) for ids in encoded]
    label = f"Prose ({view.replace('_', ' ')})"
    scored = iter(log_probabilities(model, [one for found in windows for one in found], settings.batch_size, label))
    nll = [-sum(float(next(scored).sum()) for _ in found) for found in windows]
    return prose.select("id", "dialect").with_columns(
        pl.Series("nll", nll, pl.Float64),
        pl.Series("tokens", [len(ids) - 1 for ids in encoded], pl.Int64),
        texts.str.count_matches(r"\S+").cast(pl.Int64).alias("words"),
        texts.str.len_bytes().cast(pl.Int64).alias("bytes"),
    )


def rows(measured: pl.DataFrame, view: str, resamples: int, seed: int) -> list[Row]:
    """Scores over all documents and by dialect; where there is none to score, `why` says so."""
    present = measured["dialect"].unique().to_list()
    named = [dialect for dialect in DIALECTS if dialect in present or dialect != "unknown"]
    groups = {ALL: measured} | {name: measured.filter(pl.col("dialect") == name) for name in named}
    return [{"view": view, "dialect": name, **_row(group, name, resamples, seed)} for name, group in groups.items()]


def _row(documents: pl.DataFrame, name: str, resamples: int, seed: int) -> Row:
    nll, tokens, words, size = (float(documents[column].sum()) for column in ("nll", "tokens", "words", "bytes"))
    counts: Row = {"documents": len(documents), "tokens": int(tokens), "words": int(words), "bytes": int(size)}
    if not words:
        nothing = dict.fromkeys(("per_token", "per_word", "bits_per_byte", "interval"))
        of = "" if name == ALL else f" of dialect {name}"
        return {**counts, **nothing, "why": f"no held-out prose{of}"}
    bits = (documents["nll"] / log(2)).to_list()
    return {
        **counts,
        "per_token": exp(nll / tokens),
        "per_word": _exp(nll / words),
        "bits_per_byte": nll / log(2) / size,
        "interval": bootstrap(bits, documents["bytes"].to_list(), resamples, seed),
    }


def _exp(nats: float) -> float | None:
    """Perplexity, or None where no number can hold it (a word of hundreds of tokens of a model that knows nothing)."""
    return exp(nats) if nats < log(np.finfo(np.float64).max) else None


def _with_context(ids: Ids, mask: Mask) -> NDArray[np.int64]:
    """A text without its end of text, after what it is predicted from."""
    text = ids[:-1].astype(np.int64)
    begins = len(mask) > 0 and mask[0] == 0
    return text if begins else np.concatenate([ids[-1:].astype(np.int64), text])


def _windows(ids: NDArray[np.int64], window: int, stride: int) -> Iterator[Stretch]:
    """Overlapping windows; each scores what none before it did."""
    scored = 1
    for begin in range(0, len(ids), stride):
        end = min(begin + window, len(ids))
        if scored < end:
            yield Stretch(ids[begin:end], scored - begin)
        scored = end
        if end == len(ids):
            return
