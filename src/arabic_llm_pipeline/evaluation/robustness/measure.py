"""Scores of a candidate by noise: of its answers to questions with noise, and how far these are from those without.

Noise is the share of words that are altered. The words of a low share are among those of every higher one, so the
differences from no noise are paired, item by item. Beside the scores stand how many words were altered indeed.
"""

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import polars as pl

from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.evaluation import exact_match, formats
from arabic_llm_pipeline.evaluation.candidate import Candidate
from arabic_llm_pipeline.evaluation.held_out import ANSWERABLE, CHOOSABLE, drawn, first_of, kept, of_part
from arabic_llm_pipeline.evaluation.results import (
    ALL,
    CONTAMINATION,
    VALUES,
    harness,
    missing,
    score_rows,
    score_table,
)
from arabic_llm_pipeline.evaluation.robustness.answers import Answered, Asker
from arabic_llm_pipeline.evaluation.robustness.conditions import (
    CLEAN,
    MEAN,
    NOISE,
    WORST,
    Condition,
    conditions,
    perturbed,
)
from arabic_llm_pipeline.evaluation.writing import squad, translation
from arabic_llm_pipeline.parameters.robustness import RobustnessSettings

log = logging.getLogger(__name__)
MEASURE = "robustness"
EXACT, NORMALIZED, CHOICE = "exact_match", "exact_match_normalized", "choice_accuracy"
F1, F1_NORMALIZED = "f1_squad", "f1_normalized"
CHRF_REFERENCE = f"{translation.CHRF}{translation.SENTENCE}"
CHRF, ALTERED, CUT, CHANGE = "chrf++_to_clean", "words_altered", "cut", "_change"
SHARES = (EXACT, NORMALIZED, CHOICE, CUT)
FULL = 100.0  # of chrF++
CHOICES, SHORT, QUESTIONS, FREE = "choices", "short_answers", "questions", "free_answers"  # how an item is answered
WRITTEN = {"question_answering": QUESTIONS, "free_answers": FREE}  # by its kind; all others that are written are short
TASK = {  # what an item is about, beside how much noise changes its answer; the first chooses a format
    CHOICES: (CHOICE,), SHORT: (EXACT, NORMALIZED), QUESTIONS: (F1, F1_NORMALIZED), FREE: (CHRF_REFERENCE,),
}  # fmt: skip
COMPARED = tuple(metric for metrics in TASK.values() for metric in metrics)
ANSWERS = (
    "set", "id", "dialect", "family", "how", "format", "cut", "by", "group", "perturbation", "prompt", "generated",
    "clean",
)  # fmt: skip
Measured = tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]
About = dict[str, Any]


def measure(
    candidate: Candidate,
    items: ShardSet,
    settings: RobustnessSettings,
    seed: int,
    seen: Collection[str] | None = None,
) -> Measured:
    """Scores (`results.SCORES`), values (`results.VALUES`; a metric names its noise), and every answer.

    Args:
        candidate: who is asked, in which of its formats is chosen on development items.
        items: those of the test split are asked; those of dev are examples.
        settings: which noises, on how many.
        seed: of items, noise, examples and bootstrap.
        seen: ids of items that stand in what was trained on.
    """
    asked, dev = (asked_items(items, split, limit, seed) for split, limit in (("test", settings.items), ("dev", 0)))
    if not len(asked):
        why = "no test item with an accepted answer, or with choices and a label"
        return score_table([missing(MEASURE, ALL, EXACT, why)]), pl.DataFrame(schema=VALUES), _no_answers()
    answers, values, about = [], [], {}
    for (how,), part in asked.group_by("how", maintain_order=True):
        asker = chosen_asker(candidate, str(how), dev.filter(how=how), settings, seed)
        shown, found, about[str(how)] = _asked(asker, part, settings, seed)
        answers.append(shown)
        values.append(_with_perturbations(found, settings))
    every = pl.concat(values)
    rows = list(_rows(every, settings.resamples, seed, about, seen))
    return score_table(rows), _named(every), pl.concat(answers)


def asked_items(items: ShardSet, split: str, limit: int, seed: int) -> pl.DataFrame:
    """Items of each set, at most so many (0: all), with `how` they are answered."""
    rows = kept(items, split)
    chosen = of_part(rows, "choices").filter(CHOOSABLE).with_columns(how=pl.lit(CHOICES))
    parts = [of_part(rows, part).filter(ANSWERABLE) for part in ("exact_match", "writing")]
    written = pl.concat(parts).filter(pl.col("kind").ne_missing("translation"))
    how = pl.col("kind").replace_strict(WRITTEN, default=SHORT, return_dtype=pl.String)
    return drawn(pl.concat([chosen, written.with_columns(how=how)]), "source", limit, seed)


def chosen_asker(candidate: Candidate, how: str, dev: pl.DataFrame, settings: RobustnessSettings, seed: int) -> Asker:
    """The candidate in the format in which it does best on development items that are answered so, without noise.

    Where there are none it is the first of its formats.
    """
    askers = [Asker(candidate, name, dev, settings, seed) for name in candidate.formats]
    sample = first_of(dev, "source", settings.dev_items)
    if len(askers) == 1 or not len(sample):
        return askers[0]
    tried = {asker.name: _mean(sample, _answered(asker, sample).texts) for asker in askers}
    log.info("%s, %s with noise: %s", candidate.name, how.replace("_", " "), tried)
    return max(askers, key=lambda asker: tried[asker.name])


def _mean(rows: pl.DataFrame, texts: Sequence[str]) -> float:
    found = _scored(rows, texts)[TASK[rows["how"][0]][0]]
    return sum(found) / len(found)


def _answered(asker: Asker, rows: pl.DataFrame) -> Answered:
    return asker.chosen(rows) if rows["how"][0] == CHOICES else asker.written(rows)


def _scored(rows: pl.DataFrame, texts: Sequence[str]) -> dict[str, list[float]]:
    """What each answer is worth, by the metrics of the way in which the rows, which have one, are answered."""
    how, accepted = rows["how"][0], rows["answers"].to_list()
    if how == CHOICES:
        right = zip(texts, rows["choices"].to_list(), rows["label"], strict=True)
        return {CHOICE: [float(text == choices[label]) for text, choices, label in right]}
    if how == SHORT:
        judged = exact_match.judged(rows, texts, [True] * len(rows))
        return {EXACT: judged["strict"].cast(pl.Float64).to_list(),
                NORMALIZED: judged["normalized"].cast(pl.Float64).to_list()}  # fmt: skip
    if how == QUESTIONS:
        scores = squad.score(texts, accepted, ())
    else:
        scores = translation.sentences(texts, accepted, translation.CHRF)
    return {metric: [found[metric][0] for found in scores] for metric in TASK[how]}


def _asked(
    asker: Asker, items: pl.DataFrame, settings: RobustnessSettings, seed: int
) -> tuple[pl.DataFrame, pl.DataFrame, About]:
    """Of items that are answered in one way: answers under all noises, values of each, and what scores say of it."""
    how, every = items["how"][0], conditions(settings)
    rows = pl.concat(_noisy(items, one, settings, seed) for one in every if how != CHOICES or one.by == NOISE)
    answered = _answered(asker, rows)
    if cut := sum(answered.cut):
        log.warning("%d of %d prompts are too long for %s and were cut.", cut, len(rows), asker.candidate.name)
    rows = _beside_clean(rows, answered.texts)
    likeness = {} if how == CHOICES else {CHRF: [_chrf(*both) for both in rows.select("generated", "clean").rows()]}
    scores = _scored(rows, answered.texts) | likeness | {CUT: list(map(float, answered.cut))}
    values = [_values(rows, metric, found) for metric, found in scores.items()]
    shown = rows.rename({"source": "set"}).with_columns(
        pl.Series("cut", answered.cut, pl.Boolean), prompt=_said(), format=pl.lit(asker.name)
    )
    about = {
        "view": "text", "format": asker.name, "shots": formats.SHOTS.get(asker.name, 0), "harness": harness(),
        "prompts": formats.digest(answered.prompts), "decoding": "likelihood" if how == CHOICES else "greedy",
    }  # fmt: skip
    return shown.select(ANSWERS), pl.concat([*values, _altered(rows)]), about


def _noisy(items: pl.DataFrame, one: Condition, settings: RobustnessSettings, seed: int) -> pl.DataFrame:
    by, group = one.key
    return perturbed(items, one, settings, seed).with_columns(
        by=pl.lit(by), group=pl.lit(group), perturbation=pl.lit(one.perturbation, pl.Int64)
    )


def _beside_clean(rows: pl.DataFrame, answers: Sequence[str]) -> pl.DataFrame:
    """Rows with `generated`, and `clean`: what was answered to the same item without noise."""
    found = rows.with_columns(pl.Series("generated", answers, pl.String))
    clean = found.filter(by=CLEAN[0], group=CLEAN[1]).select("id", "source", clean="generated")
    return found.join(clean, on=["id", "source"], how="left", maintain_order="left")


def _said() -> pl.Expr:
    return pl.col("prompt").list.eval(pl.element().struct.field("content")).list.join("\n")


def _altered(rows: pl.DataFrame) -> pl.DataFrame:
    return _values(rows, ALTERED, rows["altered"].to_list(), rows["words"].to_list())


def _values(
    rows: pl.DataFrame, metric: str, values: Sequence[float], weights: Sequence[float] | None = None
) -> pl.DataFrame:
    return rows.select(
        pl.lit(MEASURE).alias("measure"),
        pl.col("source").alias("set"),
        pl.lit(metric).alias("metric"),
        "id",
        "dialect",
        "family",
        pl.Series("value", values, pl.Float64, strict=False),
        pl.Series("weight", weights or [1.0] * len(rows), pl.Float64, strict=False),
        "how",
        "by",
        "group",
        "perturbation",
    )


def _with_perturbations(values: pl.DataFrame, settings: RobustnessSettings) -> pl.DataFrame:
    """Values by noise and kind; in the place of perturbations their worst and their mean; and changes from no noise."""
    level = f"{settings.worst_level:g}"
    several = values.filter((pl.col("by") == WORST) | ((pl.col("by") == NOISE) & (pl.col("group") == level)))
    several = several.filter(~pl.col("metric").is_in([CHOICE, ALTERED, CUT]))
    found = [values.filter(pl.col("by") != WORST).drop("perturbation")]
    if settings.worst_of > 1 and len(several):
        group = f"{level}, {settings.worst_of} times"
        keys = ["measure", "set", "metric", "id", "dialect", "family", "how"]
        for by, of in ((WORST, pl.col("value").min()), (MEAN, pl.col("value").mean())):
            part = several.group_by(keys, maintain_order=True).agg(of, pl.col("weight").first())
            found.append(part.with_columns(by=pl.lit(by), group=pl.lit(group)))
    whole = pl.concat(found, how="diagonal")
    return pl.concat([whole, _changes(whole)], how="diagonal")


def _changes(values: pl.DataFrame) -> pl.DataFrame:
    """What noise adds to each item's score: -1 where it made a right answer wrong."""
    scores = values.filter(pl.col("metric").is_in(COMPARED))
    keys = ["measure", "set", "metric", "id"]
    clean = scores.filter(by=CLEAN[0], group=CLEAN[1]).select(*keys, before="value")
    noisy = scores.filter((pl.col("by") != CLEAN[0]) | (pl.col("group") != CLEAN[1]))
    joined = noisy.join(clean, on=keys, how="left", maintain_order="left")
    return joined.with_columns(value=pl.col("value") - pl.col("before"), metric=pl.col("metric") + CHANGE).drop(
        "before"
    )


def _rows(
    values: pl.DataFrame, resamples: int, seed: int, about: Mapping[str, About], seen: Collection[str] | None
) -> Iterator[dict[str, Any]]:
    """A score of each set, metric and noise, over all of its items; of levels also by dialect, and of unseen ones."""
    for (_, by, group, metric), part in values.group_by("set", "by", "group", "metric", maintain_order=True):
        more = _common([about[how] for how in part["how"].unique(maintain_order=True)])
        if signature := _signature(str(metric).removesuffix(CHANGE)):
            more["harness"] = f"sacrebleu {signature}"
        shares = SHARES if by != MEAN else ()
        for row in score_rows(part, resamples, seed, shares=shares, about=more, seen=seen):
            if row["by"] == ALL:
                yield row | {"by": by, "group": group}
            elif by == NOISE and row["by"] in ("dialect", CONTAMINATION):
                yield row | {"by": f"{by}, {row['by']}", "group": f"{group}, {row['group']}"}


def _common(about: Sequence[About]) -> About:
    """What is the same for all ways in which the items of a set are answered."""
    first, *others = about
    return {key: value for key, value in first.items() if all(other[key] == value for other in others)}


def _signature(metric: str) -> str | None:
    """Of sacrebleu, where a metric is by it."""
    if metric == CHRF:
        return str(_scorer().get_signature())
    return translation.signature(translation.CHRF) if metric == CHRF_REFERENCE else None


def _named(values: pl.DataFrame) -> pl.DataFrame:
    """Rows of `VALUES`, whose metrics name the noise: tests are paired by them.

    What hangs on the items and the noise alone, and not on what is answered, is left out.
    """
    named = pl.format("{}, {} {}", "metric", "by", "group")
    answered = values.filter(~pl.col("metric").is_in([ALTERED, CUT])).with_columns(metric=named)
    return answered.select(pl.col(name).cast(kind) for name, kind in VALUES.items())


def of_levels(values: pl.DataFrame) -> pl.DataFrame:
    """Of values, those by level of noise: tests of each kind and perturbation, too, would be hundreds."""
    return values.filter(pl.col("metric").str.contains(f", {NOISE} ", literal=True))


def _no_answers() -> pl.DataFrame:
    return pl.DataFrame(schema=dict.fromkeys(ANSWERS, pl.String) | {"perturbation": pl.Int64, "cut": pl.Boolean})


def _chrf(generated: str, clean: str) -> float:
    """chrF++ of two answers of the same candidate, 0 to 100; of two empty ones 100, being equal."""
    return float(_scorer().sentence_score(generated, [clean]).score) if generated != clean else FULL


@cache
def _scorer() -> Any:
    from sacrebleu.metrics.chrf import CHRF as Chrf  # noqa: N811

    return Chrf(word_order=2)
