"""Likelihoods of choices as scores: accuracy by rule, F1, calibration, chance."""

from collections.abc import Collection, Iterator, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
import polars as pl

from arabic_llm_pipeline.corpus.records import Columns
from arabic_llm_pipeline.evaluation import calibration, classes
from arabic_llm_pipeline.evaluation.choices.asking import CLASSIFICATION, LABELS
from arabic_llm_pipeline.evaluation.choices.scoring import CONTEXTUAL, SUFFIXES, SUM, decided
from arabic_llm_pipeline.evaluation.results import (
    ALL,
    BOOTSTRAP,
    VALUES,
    groups,
    harness,
    missing,
    score_rows,
    seen_share,
)
from arabic_llm_pipeline.evaluation.statistics import stratified_mean
from arabic_llm_pipeline.parameters.choices import ChoicesSettings

CHOICES, MULTIPLE_CHOICE, CULTURE = "choices", "multiple_choice", "culture"
MACRO, FAMILIES = "macro", "families"  # the mean over families, each counted alike
_COLUMNS: Columns = {
    "id": pl.String,
    "measure": pl.String,  # multiple_choice, classification, culture
    "set": pl.String,  # the source
    "task": pl.String,
    "kind": pl.String,
    "family": pl.String,
    "dialect": pl.String,
    "format": pl.String,
    "way": pl.String,  # letters, answers, listed_answers; labels, of classification
    "shots": pl.Int64,
    "prompt": pl.String,  # as the model saw it
    "prompt_digest": pl.String,
    "cut": pl.Boolean,  # the prompt's beginning was, for its length
    "choices": pl.List(pl.String),
    "label": pl.Int64,  # place of the right one
    "log_probabilities": pl.List(pl.Float64),  # natural, of what stands for each choice
    "tokens": pl.List(pl.Int64),  # of it
    "unconditional": pl.List(pl.Float64),  # log-probabilities where nothing is asked
    "calibrated": pl.List(pl.Float64),  # probabilities
}
ANSWERS = pl.Schema(_COLUMNS)
Rows = list[dict[str, Any]]


def measure_of(task: str, kind: str, culture: Collection[str]) -> str:
    """What an item measures."""
    return CULTURE if task in culture else CLASSIFICATION if kind == CLASSIFICATION else MULTIPLE_CHOICE


def metric(way: str, name: str, rule: str, shots: int) -> str:
    """A metric's name: answers_acc_norm_3shot."""
    return f"{way}_{name}{SUFFIXES.get(rule, '')}_{shots}shot"


def rules_of(way: str, settings: ChoicesSettings) -> tuple[str, ...]:
    """By which rules a way is scored: letters are all of a length."""
    if way == LABELS:
        contextual = (CONTEXTUAL,) if settings.contextual else ()
        return (SUM, *(rule for rule in settings.rules if rule == "characters"), *contextual)
    return (SUM,) if way == "letters" else settings.rules


def score(
    answers: pl.DataFrame, settings: ChoicesSettings, seed: int, seen: Collection[str]
) -> tuple[Rows, pl.DataFrame]:
    """Rows of `SCORES` and frame of `VALUES` of all measures, sets, ways and numbers of examples.

    Args:
        answers: rows of `ANSWERS`.
        settings: rules, bins, resamples.
        seed: of the bootstrap.
        seen: ids of items that stand in what was trained on.
    """
    rows, values = [], [VALUES.to_frame()]
    chances: set[tuple[str, str]] = set()
    for (measure, of, way, shots), part in answers.group_by("measure", "set", "way", "shots", maintain_order=True):
        scorer = _Scorer(part, str(way), int(shots), settings, seed, seen)
        if (measure, of) not in chances:  # it does not hang on how they are asked
            chances.add((measure, of))
            values.append(scorer.chance())
            rows += scorer.rows_of(values[-1], [])
        for rule in rules_of(str(way), settings):
            found, of_rule = scorer.by(rule)
            rows += found
            values.append(of_rule)
    return rows, pl.concat(values)


class _Scorer:
    """Items of one set that were asked in one way."""

    def __init__(
        self, part: pl.DataFrame, way: str, shots: int, settings: ChoicesSettings, seed: int, seen: Collection[str]
    ):
        self.part, self.way, self.shots, self.settings, self.seed, self.seen = part, way, shots, settings, seed, seen
        self.key = {"measure": part["measure"][0], "set": part["set"][0]}
        prompts = blake2b("".join(part["prompt_digest"]).encode(), digest_size=8).hexdigest()
        self.about = {
            "format": part["format"][0], "shots": shots, "decoding": "likelihood", "view": "text",
            "prompts": prompts, "harness": harness(),
        }  # fmt: skip

    def by(self, rule: str) -> tuple[Rows, pl.DataFrame]:
        """All figures by one rule."""
        name = metric(self.way, "acc", rule, self.shots)
        there = self.part if rule != CONTEXTUAL else self.part.drop_nulls("calibrated")
        if not len(there):
            why = "no item's prompt holds its text as it is: there is no place for a text that says nothing"
            return [missing(self.key["measure"], self.key["set"], name, why)], VALUES.to_frame()
        found = decided(there, rule)
        right = self._values(found, name, found["right"].cast(pl.Float64))
        rows = self.rows_of(right, [name]) + self._over_families(right, name)
        values = [right]
        if rule in (SUM, CONTEXTUAL):
            values.append(self._values(found, metric(self.way, "brier", rule, self.shots), found["brier"]))
            rows += self.rows_of(values[-1], []) + self._calibration(found, rule)
        if self.way == LABELS:
            rows += self._f1(found, rule)
        if rule == SUM and there["cut"].any():
            cut = metric(self.way, "cut", "", self.shots)
            rows += [row for row in self.rows_of(self._values(found, cut, found["cut"].cast(pl.Float64)), [cut])
                     if row["by"] == ALL]  # fmt: skip
        return rows, pl.concat(values)

    def chance(self) -> pl.DataFrame:
        """What guessing gets right: one of the choices, each item by how many it has; and the most frequent class."""
        guessed = self._values(self.part, "chance", 1 / self.part["choices"].list.len())
        if self.way != LABELS:
            return guessed
        most = self.part["label"].mode().sort()[0]
        return pl.concat(
            [guessed, self._values(self.part, "most_frequent", (self.part["label"] == most).cast(pl.Float64))]
        )

    def rows_of(self, values: pl.DataFrame, shares: Sequence[str]) -> Rows:
        """Scores of values, with what they have in common."""
        resamples = self.settings.resamples
        rows = score_rows(values, resamples, self.seed, shares=shares, about=self.about, seen=self.seen)
        return [_certain(row) if row["metric"] in ("chance", "most_frequent") else row for row in rows]

    def _values(self, found: pl.DataFrame, name: str, values: pl.Series) -> pl.DataFrame:
        return found.with_columns(metric=pl.lit(name), value=values, weight=pl.lit(1.0)).select(VALUES.names())

    def _row(self, name: str, by: str, group: str, part: pl.DataFrame) -> dict[str, Any]:
        row = self.key | self.about | {"metric": name, "by": by, "group": group, "items": len(part), "seed": self.seed}
        return row | {"seen": seen_share(part["id"], self.seen)}

    def _over_families(self, values: pl.DataFrame, name: str) -> Rows:
        """The mean of the families' accuracies; its interval by a bootstrap within each."""
        parts = [part["value"].to_numpy() for part in values.partition_by("family", maintain_order=True)]
        if len(parts) < 2:
            return []
        row = self._row(name, MACRO, FAMILIES, values) | {"value": float(np.mean([part.mean() for part in parts]))}
        if alone := sum(len(part) == 1 for part in parts):
            return [row | {"interval": f"none: {alone} of {len(parts)} families have one item"}]
        low, high = stratified_mean(parts, self.settings.resamples, self.seed)
        return [row | {"low": low, "high": high, "interval": f"{BOOTSTRAP} of each family"}]

    def _calibration(self, found: pl.DataFrame, rule: str) -> Rows:
        name = metric(self.way, "ece", rule, self.shots)
        measured = found["confidence"], found["right"], self.settings.bins
        low, high = calibration.ece_interval(*measured, self.settings.resamples, self.seed) or (None, None)
        row = self._row(name, ALL, ALL, found) | {"value": calibration.ece(*measured), "low": low, "high": high}
        return [row | {"interval": None if low is None else BOOTSTRAP}]

    def _f1(self, found: pl.DataFrame, rule: str) -> Rows:
        return list(self._f1_rows(found, metric(self.way, "macro_f1", rule, self.shots)))

    def _f1_rows(self, found: pl.DataFrame, name: str) -> Iterator[dict[str, Any]]:
        count = int(found["choices"].list.len().max())  # type: ignore[arg-type]
        for by, group, part in groups(found):
            row = self._row(name, by, group, part)
            gold, chosen = part["label"].to_list(), part["chosen"].to_list()
            if len(set(gold)) < 2:
                said = part["choices"][0][gold[0]]
                yield row | {"why": f"all {len(part)} items are of one class ({said}): there is nothing to tell apart"}
                continue
            low, high = classes.macro_f1_interval(gold, chosen, count, self.settings.resamples, self.seed) or (
                None,
                None,
            )
            value = classes.macro_f1(gold, chosen, count)
            yield row | {"value": value, "low": low, "high": high, "interval": BOOTSTRAP}


def _certain(row: dict[str, Any]) -> dict[str, Any]:
    """What guessing gets is known, and no estimate."""
    return row | {"low": None, "high": None, "interval": None}
