"""Every score of a candidate, whatever kind of evaluation made it, in the one shape of `results`."""

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from arabic_llm_pipeline.evaluation import details, preference
from arabic_llm_pipeline.evaluation.candidate import PAIR
from arabic_llm_pipeline.evaluation.formats import CHAT
from arabic_llm_pipeline.evaluation.results import ALL, BOOTSTRAP, SCORES, VALUES, WILSON, Row, score_table
from arabic_llm_pipeline.recipes import BASE, chain_of

ACCURACY, PREFERENCE, REWARD = "accuracy", "preference", "reward"
MARGIN, REWARD_MARGIN = "preference_margin", "reward_margin"
HELD_OUT = "held_out"
TIMED = "speed"  # its values are of runs of a clock, not of items: nothing to pair
JUDGED = ("strict", "normalized", "preferred_form")
RULES = ("sum", "mean", "implicit")
Scores = Mapping[str, Any]


def all_scores(entries: Mapping[str, Any], candidate: str) -> pl.DataFrame:
    """Rows of `SCORES`: of prompts and pairs, and of every table of that shape.

    Args:
        entries: what there is of the candidate, by kind: scores, choices, ...
        candidate: its name, the first column.
    """
    own = score_table(list(_core(entries.get("scores") or {})))
    tables = [own, *(table for table in entries.values() if _is(table, SCORES))]
    return pl.concat(tables).select(pl.lit(candidate).alias("candidate"), pl.all())


def all_values(entries: Mapping[str, Any]) -> pl.DataFrame:
    """Rows of `VALUES`, by item or pair, and of every table of that shape: what paired tests need.

    Args:
        entries: as in `all_scores`.
    """
    parts = [*_values(entries), *(table for table in entries.values() if _is(table, VALUES))]
    return pl.concat([VALUES.to_frame(), *parts]).filter(pl.col("measure") != TIMED)


def of_candidates(entries: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Candidate -> kind -> entry, from names like `sft_dpo_choices`; the base first, then by the number of stages.

    Candidates are those that have `<name>_scores`.
    """
    scored = (name.removesuffix("_scores") for name in entries if name.endswith("_scores"))
    names = [name for name in scored if name == BASE or chain_of(name)]
    names = sorted(names, key=lambda name: (len(chain_of(name)), name))
    found: dict[str, dict[str, Any]] = {name: {} for name in names}
    for name, entry in entries.items():
        owner = max((one for one in names if name.startswith(f"{one}_")), key=len, default=None)
        if owner is not None:
            found[owner][name.removeprefix(f"{owner}_")] = entry
    return found


def _is(table: Any, shape: pl.Schema) -> bool:
    return isinstance(table, pl.DataFrame) and table.schema == shape


def _core(scores: Scores) -> Iterator[Row]:
    about = {"set": HELD_OUT, "seed": scores.get("seed"), "harness": scores.get("harness")}
    if isinstance(scores.get("accuracy"), float):
        yield from _of_reward_model(scores, about)
        return
    asked = {name: scores.get(name) for name in ("format", "shots", "prompts")} | {"decoding": "greedy", "view": "text"}
    for row in [*(scores.get("accuracy") or ()), *(scores.get("accuracy_by_dialect") or ())]:
        for metric in JUDGED:
            key = {"measure": ACCURACY, **_group(row), "metric": metric, "seen": row.get("seen")}
            limits = row.get("interval" if metric == "strict" else f"{metric}_interval")
            yield about | asked | key | _measured(row, metric, limits, row.get("items"), WILSON)
    pairs = scores.get("preference") or {}
    asked = {"format": CHAT, "shots": 0, "prompts": pairs.get("prompts"), "decoding": "likelihood", "view": "text"}
    for row in [pairs, *(pairs.get("by_dialect") or ())]:
        yield from (about | asked | _group(row) | found for found in _of_pairs(row))


def _group(row: Scores) -> Row:
    """What a row is of: all, a family, or a dialect."""
    by = next((by for by in ("family", "dialect") if row.get(by, ALL) != ALL), ALL)
    return {"by": by, "group": row.get(by, ALL)}


def _of_pairs(pairs: Scores) -> Iterator[Row]:
    """Shares of pairs, and margins in nats, which stand apart: they have no common axis with shares."""
    for rule in RULES:
        if pairs and (rule != "implicit" or pairs.get("implicit_accuracy") is not None):
            limits = pairs.get(f"{rule}_interval")
            found = _measured(pairs, f"{rule}_accuracy", limits, pairs.get("pairs"), WILSON)
            yield {"measure": PREFERENCE, "metric": rule} | found
    for metric, name in (("sum", "margin"), ("implicit", "implicit_margin")):
        if pairs.get(f"{name}_mean") is not None:
            limits = pairs.get(f"{name}_interval")
            found = _measured(pairs, f"{name}_mean", limits, pairs.get("pairs"), BOOTSTRAP)
            yield {"measure": MARGIN, "metric": metric} | found


def _of_reward_model(scores: Scores, about: Row) -> Iterator[Row]:
    key = about | {"by": ALL, "group": ALL, "format": CHAT, "decoding": "reward", "view": "text"}
    told = {**scores, "calibration_error": (scores.get("calibration") or {}).get("error")}
    for measure, metric, name, limits, how in (
        (REWARD, "accuracy", "accuracy", "interval", WILSON),
        (REWARD, "calibration_error", "calibration_error", "", BOOTSTRAP),
        (REWARD_MARGIN, "margin", "margin_mean", "margin_interval", BOOTSTRAP),
        (REWARD_MARGIN, "loss", "loss", "loss_interval", BOOTSTRAP),
    ):
        if told.get(name) is not None:
            found = _measured(told, name, told.get(limits), told.get("pairs"), how)
            yield key | {"measure": measure, "metric": metric} | found
    for row in scores.get("by") or ():
        if row["by"] == "dialect" and row["group"] is not None:
            found = _measured(row, "accuracy", row.get("interval"), row.get("pairs"), WILSON)
            yield key | {"measure": REWARD, "metric": "accuracy", "by": "dialect", "group": row["group"]} | found


def _measured(row: Mapping[str, Any], name: str, interval: Any, items: Any, how: str) -> Row:
    low, high = interval or (None, None)
    value = row.get(name)
    why = None if value is not None else str(row.get("why") or "not measured")
    found = {"value": value, "low": low, "high": high, "interval": how if interval else None}
    return found | {"items": items or 0, "why": why}


def _values(entries: Mapping[str, Any]) -> Iterator[pl.DataFrame]:
    answers, found = entries.get("answers"), entries.get("details")
    if answers is not None:
        for metric in ("strict", "preferred_form"):
            kept = answers.filter(pl.col(metric).is_not_null())
            yield _shaped(ACCURACY, metric, kept.rename({"item_id": "id"}), kept[metric].cast(pl.Float64))
    if found is None:
        return
    pairs = details.wide(found, PAIR)
    if len(pairs):
        for rule, won in preference.preferred(pairs).items():
            yield _shaped(PREFERENCE, rule, pairs, won.cast(pl.Float64))


def _shaped(measure: str, metric: str, rows: pl.DataFrame, values: pl.Series) -> pl.DataFrame:
    missing = [pl.lit(None, pl.String).alias(name) for name in ("dialect", "family") if name not in rows.columns]
    told = rows.with_columns(
        *missing,
        measure=pl.lit(measure), set=pl.lit(HELD_OUT), metric=pl.lit(metric), value=values,
        weight=pl.lit(1.0),
    )  # fmt: skip
    return told.select(pl.col(name).cast(kind) for name, kind in VALUES.items())
