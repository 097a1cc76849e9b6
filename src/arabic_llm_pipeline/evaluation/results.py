"""Scores, and the values behind them, in one shape for every measure: what comparison, report and CSV read."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import polars as pl

from arabic_llm_pipeline.evaluation.statistics import bootstrap, wilson

ALL = "all"
CONTAMINATION, UNSEEN = "contamination", "unseen"  # the group of items that are not in what was trained on
PACKAGE = "arabic-llm-pipeline"
WILSON, BOOTSTRAP = "Wilson", "bootstrap over items"
SCORES = pl.Schema(
    {
        "measure": pl.String,  # what is measured: multiple_choice, question_answering, ...
        "set": pl.String,  # the source of the items
        "by": pl.String,  # what the group is one of: all, dialect, family, noise, position, ...
        "group": pl.String,
        "metric": pl.String,
        "value": pl.Float64,  # none where `why` says so
        "low": pl.Float64,  # 95%
        "high": pl.Float64,
        "interval": pl.String,  # how it was found, or why there is none
        "items": pl.Int64,
        "why": pl.String,
        "view": pl.String,  # of the text: text, or text_normalized
        "format": pl.String,  # of the prompt
        "shots": pl.Int64,  # examples in it
        "decoding": pl.String,  # greedy, likelihood, ...
        "prompts": pl.String,  # digest of all prompts, as the model saw them
        "harness": pl.String,  # with its version
        "seed": pl.Int64,
        "seen": pl.Float64,  # share of the items that the contamination check finds in what was trained on
    }
)
VALUES = pl.Schema(
    {
        "measure": pl.String,
        "set": pl.String,
        "metric": pl.String,
        "id": pl.String,  # of the item
        "dialect": pl.String,
        "family": pl.String,
        "value": pl.Float64,  # what the item adds to the sum
        "weight": pl.Float64,  # what it adds to the sum that is divided by: 1, or bytes, tokens, ...
    }
)
GROUPS = ("dialect", "family")
Row = dict[str, Any]
Transform = Callable[[float], float | None]


def score_rows(
    values: pl.DataFrame,
    resamples: int,
    seed: int,
    *,
    shares: Sequence[str] = (),
    about: Mapping[str, Any] | None = None,
    seen: Collection[str] | None = None,
    transforms: Mapping[str, Transform] | None = None,
) -> list[Row]:
    """A score of each measure, set and metric over all items, by dialect and by family, as rows of `SCORES`.

    A score is the sum of the values over the sum of the weights.

    Args:
        values: rows of `VALUES`.
        resamples: of the bootstrap.
        seed: of the bootstrap.
        shares: metrics whose values are right (1) or wrong (0): their interval is Wilson's, without resampling.
        about: further columns, the same in every row: view, format, shots, decoding, prompts, harness.
        seen: ids of items that stand in what was trained on (`seen.taught`): each row has their share, and, where there
            are any, a row of the others stands beside that of all.
        transforms: of metrics that are a rising function of that ratio, such as perplexity.
    """
    found = []
    for (measure, of, metric), rows in values.group_by("measure", "set", "metric", maintain_order=True):
        key = {"measure": measure, "set": of, "metric": metric, "seed": seed, **(about or {})}
        for by, group, part in parts(rows, seen):
            score = _transformed(_score(part, metric in shares, resamples, seed), (transforms or {}).get(metric))
            row = key | {"by": by, "group": group} | score
            found.append(row | ({} if seen is None else {"seen": seen_share(part["id"], seen)}))
    return found


def seen_share(ids: pl.Series, seen: Collection[str]) -> float | None:
    """The share of items that stand in what was trained on."""
    return ids.is_in(list(seen)).mean()  # type: ignore[return-value]


def harness() -> str:
    """Who made a score, and in which version."""
    try:
        return f"{PACKAGE.replace('-', '_')} {version(PACKAGE)}"
    except PackageNotFoundError:  # run from its folder, not installed
        return f"{PACKAGE.replace('-', '_')} not installed"


def missing(measure: str, of: str, metric: str, why: str) -> Row:
    """The row of a score that could not be had; `why` is shown in its place."""
    return {"measure": measure, "set": of, "metric": metric, "by": ALL, "group": ALL, "items": 0, "why": why}


def score_table(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Rows as a frame of `SCORES`; columns that a row does not have are null."""
    return pl.DataFrame(list(rows), schema=SCORES)


def parts(rows: pl.DataFrame, seen: Collection[str] | None) -> list[tuple[str, str, pl.DataFrame]]:
    """What scores are given of: all rows, by dialect and family, and those that were not seen (by, group, rows)."""
    return [*groups(rows), *_unseen(rows, seen or ())]


def _unseen(rows: pl.DataFrame, seen: Collection[str]) -> Iterator[tuple[str, str, pl.DataFrame]]:
    known = pl.col("id").is_in(list(seen))
    if rows.select(known.any()).item():
        yield CONTAMINATION, UNSEEN, rows.filter(~known)


def groups(rows: pl.DataFrame) -> Iterator[tuple[str, str, pl.DataFrame]]:
    """All rows, and those of each dialect and each family, with what they are called: by, group, rows."""
    yield ALL, ALL, rows
    for by in GROUPS:
        named = rows.filter(pl.col(by).is_not_null())
        for group in sorted(named[by].unique()):
            yield by, group, named.filter(pl.col(by) == group)


def _transformed(score: Row, transform: Transform | None) -> Row:
    if transform is None or "value" not in score:
        return score
    known = {name: score[name] for name in ("value", "low", "high") if score[name] is not None}
    found = score | {name: transform(value) for name, value in known.items()}
    return found if found["value"] is not None else found | {"why": "larger than any number"}


def _score(rows: pl.DataFrame, share: bool, resamples: int, seed: int) -> Row:
    value, weight = float(rows["value"].sum()), float(rows["weight"].sum())
    if not len(rows):
        return {"items": 0, "why": "every item stands in what was trained on"}
    if not weight:
        return {"items": len(rows), "why": "nothing to divide by: every weight is 0"}
    if share:
        interval, how = wilson(round(value), len(rows)), WILSON
    else:
        interval, how = bootstrap(rows["value"].to_list(), rows["weight"].to_list(), resamples, seed), BOOTSTRAP
    low, high = interval or (None, None)
    return {
        "value": value / weight,
        "low": low,
        "high": high,
        "interval": how if interval else None,
        "items": len(rows),
    }
