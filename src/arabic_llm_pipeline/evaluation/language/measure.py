"""All that is measured of one candidate on held-out prose, as scores and values in the common shape."""

from collections.abc import Iterator
from typing import Any

import polars as pl

from arabic_llm_pipeline.arabic.clean import TEXT, clean_series
from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.evaluation import perplexity
from arabic_llm_pipeline.evaluation.held_out import drawn
from arabic_llm_pipeline.evaluation.language import fill_in, next_word, strides
from arabic_llm_pipeline.evaluation.language.words import Place, Pools, masked_words, next_words
from arabic_llm_pipeline.evaluation.results import VALUES, Row, harness, missing, score_rows, score_table
from arabic_llm_pipeline.parameters.language import LanguageSettings
from arabic_llm_pipeline.tokens.chat import Renderer

NEXT_WORD, MASKED_WORD, SET = "next_word", "masked_word", "prose"
Measured = tuple[pl.DataFrame, pl.DataFrame]


def measure(model: Any, tokenizer: Any, prose: pl.DataFrame, settings: LanguageSettings, seed: int) -> Measured:
    """Scores (`SCORES`) and the values behind them (`VALUES`).

    Args:
        model: the candidate, loaded.
        tokenizer: its own.
        prose: id, source, dialect, text.
        settings: what is measured, and how.
        seed: of what is drawn and of the bootstrap.

    Raises:
        UserError: the window is longer than the model can see.
    """
    check_window(model, settings)
    about = {"harness": harness(), "seed": seed}
    renderer = Renderer(tokenizer)
    found, kept = [], []
    for view in perplexity.VIEWS:
        measured = perplexity.measure(model, renderer, prose, settings, view)
        found += perplexity.rows(measured, view, settings.resamples, seed, about)
        kept.append(perplexity.values(measured, view))
    found += strides.measure(model, renderer, prose, settings, seed, about)
    for rows, values in _words(model, tokenizer, renderer, prose, settings, seed, about):
        found += rows
        kept.append(values)
    return score_table(found), pl.concat(kept)


def check_window(model: Any, settings: LanguageSettings) -> None:
    """Refuse a window that is longer than the model can see."""
    context = int(model.config.get_text_config().max_position_embeddings)
    if settings.window > context:
        who = getattr(model, "candidate", None) or "the model"
        raise UserError(
            f"language.window is {settings.window} tokens, but {who} can see {context} at once: "
            f"set language.window={context} or less."
        )


def _words(
    model: Any, tokenizer: Any, renderer: Renderer, prose: pl.DataFrame, settings: LanguageSettings, seed: int,
    about: Row,
) -> Iterator[tuple[list[Row], pl.DataFrame]]:  # fmt: skip
    asked, _ = _asked(prose, settings, seed)
    texts, ids = asked["text"].to_list(), asked["id"].to_list()
    if count := settings.words.next_words:
        places = next_words(texts, ids, count, seed)
        guessed = next_word.measure(model, tokenizer, renderer, places, settings)
        metrics = {f"top_{rank}": f"top_{rank}" for rank in next_word.RANKS}
        told = {**about, "decoding": f"beam search, {settings.words.beams} beams"}
        yield scored(NEXT_WORD, guessed, metrics, asked, settings, seed, told, "no place whose next word to guess")
    if settings.words.masked_words:
        _, masked, pools = masked_places(prose, settings, seed)
        chosen = fill_in.measure(model, renderer, masked, asked, pools, settings, seed)
        told = {**about, "decoding": "likelihood"}
        why = "no sentence with a word that has enough others of its length and frequency"
        rows, values = scored(MASKED_WORD, chosen, {"accuracy": "right"}, asked, settings, seed, told, why)
        chance = missing(MASKED_WORD, SET, "chance", "") | told | {"why": None, "view": "text"}
        yield [*rows, chance | {"value": 1 / (1 + settings.words.distractors), "items": len(chosen)}], values


def masked_places(
    prose: pl.DataFrame, settings: LanguageSettings, seed: int
) -> tuple[pl.DataFrame, list[Place], Pools]:
    """The documents that words are left out of, where, and what may stand there instead: the same for all models."""
    asked, cleaned = _asked(prose, settings, seed)
    places = masked_words(asked["text"].to_list(), asked["id"].to_list(), settings.words.masked_words, seed)
    return asked, places, Pools(cleaned["text"].to_list(), cleaned["dialect"].to_list())


def _asked(prose: pl.DataFrame, settings: LanguageSettings, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Documents that words are asked of, and all of them; cleaned."""
    cleaned = prose.with_columns(clean_series(prose["text"], TEXT).alias("text"))
    return drawn(cleaned.lazy(), "dialect", settings.words.documents, seed), cleaned


def scored(
    measure: str, places: pl.DataFrame, metrics: dict[str, str], documents: pl.DataFrame, settings: LanguageSettings,
    seed: int, about: Row, why: str,
) -> tuple[list[Row], pl.DataFrame]:  # fmt: skip
    """Shares of the places, each a unit with an id of its own: the same for all candidates."""
    if not len(places):
        return [missing(measure, SET, metric, why) | about for metric in metrics], VALUES.to_frame()
    rows = places.with_row_index("place").join(documents.with_row_index("document"), on="document", how="left")
    values = pl.concat(
        rows.sort("place").select(
            measure=pl.lit(measure), set=pl.lit(SET), metric=pl.lit(metric), id=pl.format("{}/{}", "id", "start"),
            dialect="dialect", family="source", value=column, weight=pl.lit(1),
        ) for metric, column in metrics.items()
    ).cast(VALUES)  # fmt: skip
    shares = list(metrics)
    return score_rows(values, settings.resamples, seed, shares=shares, about={**about, "view": "text"}), values
