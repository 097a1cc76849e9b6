"""Candidates against each other by scores of whole sets, which are no sums over items: chrF, BLEU, macro F1."""

from collections.abc import Iterator, Mapping

import polars as pl

from arabic_llm_pipeline.evaluation import classes
from arabic_llm_pipeline.evaluation.choices import scoring, tables
from arabic_llm_pipeline.evaluation.choices.asking import LABELS
from arabic_llm_pipeline.evaluation.paired import BOOTSTRAP, FEWEST, Row, pairs_of, tested
from arabic_llm_pipeline.evaluation.statistics import resampled_change
from arabic_llm_pipeline.evaluation.writing import translation
from arabic_llm_pipeline.evaluation.writing.candidate import CORPUS
from arabic_llm_pipeline.parameters.choices import ChoicesSettings

Frames = Mapping[str, pl.DataFrame]


def written(answers: Frames, resamples: int, seed: int) -> pl.DataFrame:
    """chrF++, BLEU and chrF of what was written, each candidate against the base and the stage before (`PAIRED`).

    Args:
        answers: `<candidate>_writing_answers`, by candidate.
        resamples: of the bootstrap, which draws the same items for both.
        seed: of the bootstrap.
    """
    return tested([row for a, b in pairs_of(answers) for row in _written(a, b, answers, resamples, seed)])


def _written(a: str, b: str, answers: Frames, resamples: int, seed: int) -> Iterator[Row]:
    if not (len(answers[a]) and len(answers[b])):
        return
    wanted = answers[a].filter(pl.col("measure").is_in([*CORPUS]), pl.col("answers").list.len() > 0)
    other = answers[b].select("measure", "set", "id", b="generated")
    both = wanted.join(other, on=["measure", "set", "id"], maintain_order="left")
    for (measure, of), part in both.group_by("measure", "set", maintain_order=True):
        texts = part["generated"].to_list(), part["b"].to_list(), part["answers"].to_list()
        for metric in CORPUS[str(measure)] if len(part) >= FEWEST else ():
            found = translation.compared(*texts, metric, resamples, seed)
            yield {"measure": measure, "set": of, "a": a, "b": b, "test": BOOTSTRAP} | found


def classified(answers: Frames, settings: ChoicesSettings, resamples: int, seed: int) -> pl.DataFrame:
    """Macro F1 of classification, each candidate against the base and the stage before (`PAIRED`).

    Args:
        answers: rows of `choices.tables.ANSWERS`, by candidate.
        settings: rules.
        resamples: of the bootstrap, which draws the same items for both.
        seed: of the bootstrap.
    """
    rows = [
        row
        for rule in tables.rules_of(LABELS, settings)
        for a, b in pairs_of(answers)
        for row in _classified(a, b, answers, rule, resamples, seed)
    ]
    return tested(rows)


def _classified(a: str, b: str, answers: Frames, rule: str, resamples: int, seed: int) -> Iterator[Row]:
    before, after = (_decided(answers[name], rule) for name in (a, b))
    key = ["measure", "set", "shots", "id"]
    both = before.join(after.select(*key, b="chosen"), on=key, maintain_order="left")
    for (measure, of, shots), part in both.group_by("measure", "set", "shots", maintain_order=True):
        gold, chosen = part["label"].to_list(), (part["chosen"].to_list(), part["b"].to_list())
        if len(part) < FEWEST or len(set(gold)) < 2:  # of one class there is nothing to tell apart
            continue
        count = int(part["choices"].list.len().max())  # type: ignore[arg-type]
        was, now = (classes.macro_f1(gold, one, count) for one in chosen)
        drawn = [classes.resampled_macro_f1(gold, one, count, resamples, seed) for one in chosen]
        name = tables.metric(LABELS, "macro_f1", rule, int(shots))
        found = {"difference": now - was, **resampled_change(*drawn)}
        about = {"measure": measure, "set": of, "metric": name, "a": a, "b": b, "test": BOOTSTRAP}
        yield about | found | {"items": len(part)}


def _decided(answers: pl.DataFrame, rule: str) -> pl.DataFrame:
    labelled = answers.filter(pl.col("way") == LABELS)
    return scoring.decided(labelled.drop_nulls("calibrated") if rule == scoring.CONTEXTUAL else labelled, rule)
