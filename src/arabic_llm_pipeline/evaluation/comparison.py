"""Candidates against each other, and against the baselines, on the same items: is the difference more than chance?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import polars as pl

from arabic_llm_pipeline.evaluation import details, perplexity, preference
from arabic_llm_pipeline.evaluation.candidate import PAIR
from arabic_llm_pipeline.evaluation.statistics import holm, mcnemar, percentiles, resampled_ratios, sign_p
from arabic_llm_pipeline.parameters.evaluate import EvaluateSettings
from arabic_llm_pipeline.recipes import BASE

Row = dict[str, Any]


@dataclass(frozen=True)
class Measured:
    """What is known of one candidate, one row an item, pair or document."""

    answers: pl.DataFrame
    details: pl.DataFrame
    language: pl.DataFrame  # values of held-out prose


@dataclass(frozen=True)
class _Change:
    """From a to b, in every item, pair or document."""

    measure: str
    a: str
    b: str
    amounts: pl.Series
    sizes: pl.Series  # what an amount is a part of: 1 item, so many bytes
    p: float | None = None  # of an exact test, where there is one


def compare(
    measured: Mapping[str, Measured], baselines: Mapping[str, Any], settings: EvaluateSettings, seed: int
) -> list[Row]:
    """Every two candidates by every measure, b against a; and the trained ones against each baseline.

    Shares are tested by McNemar's exact test, bits a byte by a paired bootstrap over documents; the intervals of all
    differences are paired bootstraps. `p_holm` allows for the number of rows.

    Args:
        measured: by candidate, from the base to the last.
        baselines: from `baselines.score`.
        settings: resamples.
        seed: of the bootstrap.
    """
    changes = [change for a, b in combinations(measured, 2) for change in _between(measured, a, b)]
    changes += _against(measured, baselines)
    rows = [_row(change, settings.resamples, seed) for change in changes if len(change.amounts)]
    adjusted = holm([row["p"] for row in rows])
    return [row | {"p_holm": p} for row, p in zip(rows, adjusted, strict=True)]


def _between(measured: Mapping[str, Measured], a: str, b: str) -> Iterator[_Change]:
    answers = measured[a].answers.join(measured[b].answers, on="item_id", suffix="_b", maintain_order="left")
    for measure in ("strict", "preferred_form"):
        both = answers.filter(pl.col(measure).is_not_null())
        yield _share(measure, a, b, both[measure], both[f"{measure}_b"])
    before, after = (details.wide(measured[name].details, PAIR) for name in (a, b))
    if len(before):
        was, now = preference.preferred(before), preference.preferred(after)
        for measure in was:
            yield _share(f"preference_{measure}", a, b, was[measure], now[measure])
    for view, of in perplexity.SETS.items():
        both = _prose(measured[a], of).join(_prose(measured[b], of), on="id", suffix="_b", maintain_order="left")
        yield _Change(f"bits_per_byte_{view}", a, b, both["value_b"] - both["value"], both["weight"])


def _prose(of: Measured, name: str) -> pl.DataFrame:
    wanted = (pl.col("measure") == perplexity.MEASURE) & (pl.col("set") == name)
    return of.language.filter(wanted & (pl.col("metric") == perplexity.COMPARED))


def _against(measured: Mapping[str, Measured], baselines: Mapping[str, Any]) -> Iterator[_Change]:
    for name, scores in baselines.items():
        for candidate, of in measured.items():
            if candidate != BASE:
                right = of.answers["item_id"].is_in(list(scores["right"]))
                yield _share("strict", name, candidate, right, of.answers["strict"])


def _share(measure: str, a: str, b: str, was: pl.Series, now: pl.Series) -> _Change:
    change = now.cast(pl.Float64) - was.cast(pl.Float64)
    ones = pl.repeat(1.0, len(change), eager=True)
    return _Change(measure, a, b, change, ones, mcnemar(was, now))


def _row(change: _Change, resamples: int, seed: int) -> Row:
    resampled = resampled_ratios(change.amounts, change.sizes, resamples, seed)
    return {
        "measure": change.measure,
        "a": change.a,
        "b": change.b,
        "difference": float(change.amounts.sum()) / float(change.sizes.sum()),
        "interval": list(percentiles(resampled)),
        "p": sign_p(resampled) if change.p is None else change.p,
        "items": len(change.amounts),
    }
