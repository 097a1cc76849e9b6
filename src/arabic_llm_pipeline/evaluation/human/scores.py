"""What raters said as scores: means or preferences with intervals, by dialect, and whether the raters agree."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from arabic_llm_pipeline.evaluation.human import agreement
from arabic_llm_pipeline.evaluation.human.sheet import PAIRS, UNSURE, Key
from arabic_llm_pipeline.evaluation.results import ALL, SCORES, VALUES, Row, groups, harness, missing, score_rows
from arabic_llm_pipeline.evaluation.statistics import holm, resampled_ratios, sign_p
from arabic_llm_pipeline.recipes import parent

MEASURE, SET = "human", "answers"
MEAN, CHANGE, PREFERRED, AGREED, UNSURE_SHARE = "", "_change", "_preferred", "_alpha", "_not_judged"
HUMAN = pl.Schema(
    dict(SCORES)
    | {
        "candidate": pl.String,  # none where a score is of the raters
        "against": pl.String,
        "raters": pl.Int64,
        "p": pl.Float64,  # two-sided, by a bootstrap over items: of a change, or of a preference of neither
        "p_holm": pl.Float64,  # with Holm's correction for all that have one
    }
)
ALPHA_INTERVAL = "bootstrap over rows"
KEYS = ["axis", "candidate", "against", "id", "dialect", "family"]


def scores(ratings: pl.DataFrame, key: Key, resamples: int, seed: int) -> pl.DataFrame:
    """All scores, as `HUMAN`; several raters of an answer count as their mean.

    Of scales the mean of each axis by candidate, and its change from the candidate's parent on the same items. Of
    pairs the share in which the candidate was preferred to its parent, neither counting half. Of the raters alpha, and
    the share of cells that they did not judge.

    Args:
        ratings: from `filled.read`.
        key: of the sheet.
        resamples: of each bootstrap.
        seed: of the bootstraps.
    """
    about = {"harness": harness(), "prompts": key["sheet"], "decoding": "greedy", "view": "text"}
    raters = ratings["rater"].n_unique()
    rated = judged(ratings, key)
    values = [_preferences(rated, key)] if key["design"] == PAIRS else [_means(rated), _changes(_means(rated))]
    found = []
    for part in values:
        for (candidate, against, axis, metric), rows in part.group_by(
            "candidate", "against", "axis", "metric", maintain_order=True
        ):
            more = {"candidate": candidate, "against": against, "raters": raters}
            found += [row | more for row in _scored(rows, f"{axis}{metric}", resamples, seed, about)]
    found += [row | about for row in _of_raters(rated, raters, resamples, seed)]
    for axis in sorted(set(key["axes"]) - {row["metric"].split("_")[0] for row in found}):
        found.append(missing(MEASURE, SET, axis, "nobody judged it"))
    return _with_holm(pl.DataFrame(found, schema=HUMAN))


def lines(found: pl.DataFrame) -> Iterator[str]:
    """What is to be said of each score over all items, one after the other."""
    for row in found.filter(by=ALL).iter_rows(named=True):
        of = " over ".join(filter(None, (row["candidate"], row["against"]))) or "raters"
        if row["value"] is None:
            yield f"{row['metric']} ({of}): {row['why']}"
            continue
        bounds = "no interval" if row["low"] is None else f"[{row['low']:.2f}, {row['high']:.2f}]"
        chance = "" if row["p_holm"] is None else f", p = {row['p_holm']:.3f} (Holm)"
        yield f"{row['metric']} ({of}): {row['value']:.2f} {bounds}, {row['items']} items{chance}"


def judged(ratings: pl.DataFrame, key: Key) -> pl.DataFrame:
    """Ratings with whose answers they are of; of a pair `value` is 1 where the candidate was preferred."""
    rows = [_of(row) for row in key["rows"] if row["row"] is not None]
    schema = {"row": pl.Int64, "id": pl.String, "dialect": pl.String, "family": pl.String, "candidate": pl.String,
              "against": pl.String, "turned": pl.Boolean}  # fmt: skip
    found = ratings.join(pl.DataFrame(rows, schema=schema), on="row", how="left", maintain_order="left")
    return found.with_columns(value=pl.when("turned").then(1 - pl.col("value")).otherwise("value"))


def _of(row: Row) -> Row:
    names = row["answers_of"]
    found = {name: row[name] for name in ("row", "id", "dialect", "family")}
    if len(names) == 1:
        return found | {"candidate": names[0], "against": None, "turned": False}
    turned = parent(names[0]) == names[1]  # the candidate's answer is a
    candidate, against = names if turned else names[::-1]
    return found | {"candidate": candidate, "against": against, "turned": turned}


def _means(rated: pl.DataFrame, metric: str = MEAN) -> pl.DataFrame:
    """The raters' mean of each answer."""
    by_item = rated.group_by(KEYS, maintain_order=True).agg(pl.col("value").mean())
    return by_item.filter(pl.col("value").is_not_null()).with_columns(metric=pl.lit(metric))


def _changes(means: pl.DataFrame) -> pl.DataFrame:
    """From each candidate's parent, item by item."""
    before = means.select("axis", "id", against=pl.col("candidate"), before="value")
    with_parent = means.drop("against").with_columns(
        against=pl.col("candidate").map_elements(parent, return_dtype=pl.String)
    )
    both = with_parent.filter(pl.col("against") != pl.col("candidate")).join(
        before, on=["axis", "id", "against"], maintain_order="left"
    )
    changed = both.with_columns(value=pl.col("value") - pl.col("before"), metric=pl.lit(CHANGE))
    return changed.select(means.columns)


def _preferences(rated: pl.DataFrame, key: Key) -> pl.DataFrame:
    """The candidate's share of each pair; equal answers, which nobody was asked about, are a tie on every axis."""
    equal = [
        _of(row) | {"axis": axis, "value": 0.5} for row in key["rows"] if row["row"] is None for axis in key["axes"]
    ]
    ties = pl.DataFrame(equal, schema={**dict.fromkeys(KEYS, pl.String), "value": pl.Float64})
    means = _means(rated, PREFERRED)
    return pl.concat([means, ties.with_columns(metric=pl.lit(PREFERRED)).select(means.columns)])


def _scored(rows: pl.DataFrame, metric: str, resamples: int, seed: int, about: dict[str, Any]) -> Iterator[Row]:
    """Scores of a metric over all items and by group; those over all have a p-value where a change can be none."""
    values = rows.with_columns(
        measure=pl.lit(MEASURE), set=pl.lit(SET), metric=pl.lit(metric), weight=pl.lit(1.0)
    ).select(VALUES.names())
    none = {CHANGE: 0.0, PREFERRED: 0.5}.get(rows["metric"][0])
    for row in score_rows(values, resamples, seed, about=about):
        if row["by"] == ALL and none is not None and len(values) > 1:
            differences = (values["value"] - none).to_numpy()
            row["p"] = sign_p(resampled_ratios(differences, np.ones(len(differences)), resamples, seed))
        yield row


def _of_raters(rated: pl.DataFrame, raters: int, resamples: int, seed: int) -> Iterator[Row]:
    for (axis,), rows in rated.group_by("axis", maintain_order=True):
        unsure = rows.with_columns(value=(pl.col("said") == UNSURE).fill_null(value=True).cast(pl.Float64))
        values = unsure.with_columns(
            measure=pl.lit(MEASURE), set=pl.lit(SET), metric=pl.lit(f"{axis}{UNSURE_SHARE}"), weight=pl.lit(1.0)
        ).select(VALUES.names())
        for row in score_rows(values, resamples, seed, shares=(f"{axis}{UNSURE_SHARE}",)):
            yield row | {"raters": raters}
        for by, group, part in groups(rows):
            yield _alpha(part, {"by": by, "group": group}, f"{axis}{AGREED}", resamples, seed) | {"raters": raters}


def _alpha(rows: pl.DataFrame, by: Row, metric: str, resamples: int, seed: int) -> Row:
    found, domain = agreement.counts(_matrix(rows))
    paired = int((found.sum(axis=1) > 1).sum())
    value = agreement.alpha(found, domain)
    if value is None:
        why = "all ratings are the same" if paired else "no answer was judged by two raters"
        return {"measure": MEASURE, "set": SET, "metric": metric, "items": paired, "why": why, **by}
    bounds = agreement.interval(found, domain, resamples, seed)
    low, high = bounds or (None, None)
    return {
        "measure": MEASURE, "set": SET, "metric": metric, "value": value, "low": low, "high": high, "seed": seed,
        "interval": bounds and ALPHA_INTERVAL, "items": paired, **by,
    }  # fmt: skip


def _matrix(rows: pl.DataFrame) -> NDArray[np.float64]:
    """Values, [raters, rows of the sheet]."""
    wide = rows.pivot("row", index="rater", values="value", aggregate_function="first").drop("rater")
    return wide.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _with_holm(found: pl.DataFrame) -> pl.DataFrame:
    ps: Sequence[float] = found["p"].drop_nulls().to_list()
    tested = found.filter(pl.col("p").is_not_null()).with_columns(p_holm=pl.Series(holm(ps), dtype=pl.Float64))
    return pl.concat([tested, found.filter(pl.col("p").is_null())]) if ps else found
