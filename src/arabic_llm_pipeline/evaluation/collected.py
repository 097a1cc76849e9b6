"""Every score of a candidate, whatever kind of evaluation made it, in the one shape of `results`."""

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from arabic_llm_pipeline.evaluation import details, preference
from arabic_llm_pipeline.evaluation.candidate import PAIR
from arabic_llm_pipeline.evaluation.results import ALL, SCORES, VALUES, Row, score_table
from arabic_llm_pipeline.recipes import BASE, chain_of

ACCURACY, PREFERENCE, REWARD = "accuracy", "preference", "reward"
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
    about = {"format": scores.get("format"), "seed": scores.get("seed"), "harness": scores.get("harness")}
    if isinstance(scores.get("accuracy"), float):
        key = {"measure": REWARD, "set": HELD_OUT, "by": ALL, "group": ALL, "metric": "accuracy", **about}
        yield key | _measured(scores, "accuracy", scores.get("interval"), scores.get("pairs"))
        return
    for row in scores.get("accuracy") or ():
        by, group = (ALL, ALL) if row["family"] == ALL else ("family", row["family"])
        key = {"measure": ACCURACY, "set": HELD_OUT, "by": by, "group": group, "decoding": "greedy", **about}
        limits = {"strict": row.get("interval"), "preferred_form": row.get("preferred_form_interval")}
        for metric in JUDGED:
            yield (
                key | {"metric": metric, "view": "text"} | _measured(row, metric, limits.get(metric), row.get("items"))
            )
    yield from _of_pairs(scores.get("preference") or {}, about)


def _of_pairs(pairs: Scores, about: Row) -> Iterator[Row]:
    key = {"measure": PREFERENCE, "set": HELD_OUT, "by": ALL, "group": ALL, "decoding": "likelihood", **about}
    for rule in RULES:
        if pairs and (rule != "implicit" or pairs.get("implicit_accuracy") is not None):
            found = _measured(pairs, f"{rule}_accuracy", pairs.get(f"{rule}_interval"), pairs.get("pairs"))
            yield key | {"metric": rule} | found


def _measured(row: Mapping[str, Any], name: str, interval: Any, items: Any) -> Row:
    low, high = interval or (None, None)
    value = row.get(name)
    why = None if value is not None else str(row.get("why") or "not measured")
    return {"value": value, "low": low, "high": high, "items": items or 0, "why": why}


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
