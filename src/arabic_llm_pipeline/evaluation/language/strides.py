"""What the stride does to perplexity, and the loss by how many tokens stand before.

Both are of texts that fill a window: to shorter ones the stride does nothing, and positions would be of other texts.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from math import log
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from arabic_llm_pipeline.arabic.clean import TEXT, clean_series
from arabic_llm_pipeline.evaluation.held_out import drawn
from arabic_llm_pipeline.evaluation.likelihood import Floats
from arabic_llm_pipeline.evaluation.perplexity import cut, encode, power, token_losses
from arabic_llm_pipeline.evaluation.results import ALL, VALUES, Row, missing, score_rows
from arabic_llm_pipeline.parameters.language import LanguageSettings
from arabic_llm_pipeline.tokens.chat import Renderer

STRIDE, POSITION, SET = "stride", "loss_by_position", "prose"


def measure(
    model: Any, renderer: Renderer, prose: pl.DataFrame, settings: LanguageSettings, seed: int, about: Row
) -> list[Row]:
    """Scores by stride (bits_per_byte and perplexity_per_token) and by position (nats_per_token).

    A stride of a whole window leaves one token of overlap, from which the first is predicted. Positions are those of
    such windows, as far as they are full: all of them have the same windows behind them.

    Args:
        model: the candidate.
        renderer: of its tokenizer.
        prose: id, dialect, text.
        settings: window, stride_parts, stride_documents.
        seed: draws the sample, and is that of the bootstrap.
        about: further columns of `SCORES`.
    """
    about = {**about, "view": "text", "decoding": "likelihood"}
    texts = prose.with_columns(clean_series(prose["text"], TEXT).alias("text"))
    encoded = encode(renderer, texts["text"].to_list())
    fills = pl.Series([len(ids) >= settings.window for ids in encoded], dtype=pl.Boolean)
    chosen = drawn(texts.with_columns(place=pl.int_range(pl.len())).filter(fills).lazy(), "dialect",
                   settings.stride_documents, seed)  # fmt: skip
    if not len(chosen):
        why = f"no held-out document fills a window of {settings.window} tokens"
        wanted = {POSITION: "nats_per_token"} | ({STRIDE: "bits_per_byte"} if settings.stride_parts else {})
        return [missing(measure, SET, metric, why) | about for measure, metric in wanted.items()]
    encoded = [encoded[place] for place in chosen["place"]]
    score = partial(_scored, model, encoded, chosen, settings)
    apart = score(1)
    by_stride = {part: apart if part == 1 else score(part) for part in settings.stride_parts}
    found = [row for part, losses in by_stride.items() for row in _stride(losses, chosen, part, settings, seed, about)]
    return found + list(_positions(apart, encoded, chosen, settings, seed, about))


def stride_of(window: int, part: int) -> int:
    """Tokens of a part of the window; of the whole, one less."""
    return max(1, min(window // part, window - 1))


def buckets(window: int) -> list[tuple[int, int]]:
    """Numbers of tokens before the one predicted, from and to, both within: 1, 2 to 3, 4 to 7, ... of a window."""
    starts = [2**power for power in range((window - 1).bit_length())]
    return [(start, min(2 * start, window) - 1) for start in starts]


def _scored(
    model: Any, encoded: Sequence[NDArray[np.int64]], chosen: pl.DataFrame, settings: LanguageSettings, part: int
) -> list[list[Floats]]:
    names = [f"document {id_}" for id_ in chosen["id"]]
    stride = stride_of(settings.window, part)
    return token_losses(model, encoded, settings.window, stride, settings.batch_size, f"Prose (stride {stride})", names)


def _stride(
    losses: Sequence[Sequence[Floats]], chosen: pl.DataFrame, part: int, settings: LanguageSettings, seed: int,
    about: Row,
) -> list[Row]:  # fmt: skip
    nats = [sum(float(one.sum()) for one in parts) for parts in losses]
    tokens = [float(sum(map(len, parts))) for parts in losses]
    sizes = chosen["text"].str.len_bytes().cast(pl.Float64).to_list()
    values = pl.concat([
        _values(STRIDE, "bits_per_byte", chosen, [one / log(2) for one in nats], sizes),
        _values(STRIDE, "perplexity_per_token", chosen, nats, tokens),
    ])  # fmt: skip
    rows = score_rows(values, settings.resamples, seed, about=about, transforms={"perplexity_per_token": power})
    group = str(stride_of(settings.window, part))
    return [row | {"by": "stride", "group": group} for row in rows if row["by"] == ALL]


def _positions(
    losses: Sequence[Sequence[Floats]], encoded: Sequence[NDArray[np.int64]], chosen: pl.DataFrame,
    settings: LanguageSettings, seed: int, about: Row,
) -> Iterator[Row]:  # fmt: skip
    """Scores of each bucket, over all dialects and of each; documents are the units."""
    window = settings.window
    whole = [_whole(ids, parts, window) for ids, parts in zip(encoded, losses, strict=True)]
    for first, last in buckets(window):
        nats = [float(sum(row[first - 1 : last].sum() for row in rows)) for rows in whole]
        tokens = [float(len(rows) * (last - first + 1)) for rows in whole]
        values = _values(POSITION, "nats_per_token", chosen, nats, tokens)
        group = f"{first}-{last}" if last > first else str(first)
        for row in score_rows(values, settings.resamples, seed, about=about):
            if row["by"] in {ALL, "dialect"}:
                by = "position" if row["by"] == ALL else f"position {row['group']}"
                yield row | {"by": by, "group": group}


def _whole(ids: NDArray[np.int64], losses: Sequence[Floats], window: int) -> list[Floats]:
    """Losses of the full windows: of the second token of a window, the third, ..."""
    windows = cut(ids, window, stride_of(window, 1))
    return [loss for one, loss in zip(windows, losses, strict=True) if len(one.ids) == window]


def _values(measure: str, metric: str, chosen: pl.DataFrame, above: list[float], below: list[float]) -> pl.DataFrame:
    return chosen.select(
        measure=pl.lit(measure), set=pl.lit(SET), metric=pl.lit(metric), id="id", dialect="dialect",
        family=pl.lit(None, pl.String), value=pl.Series(above), weight=pl.Series(below),
    ).cast(VALUES)  # fmt: skip
