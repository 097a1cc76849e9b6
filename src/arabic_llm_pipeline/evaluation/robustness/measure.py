"""Scores of a candidate by noise: of its answers to questions with noise, and how far these are from those without.

Noise is the share of words that are altered. The words of a low share are among those of every higher one, so the
differences from no noise are paired, item by item. Beside the scores stand how many words were altered indeed.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import polars as pl

from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.evaluation import exact_match, formats
from arabic_llm_pipeline.evaluation.candidate import Candidate
from arabic_llm_pipeline.evaluation.held_out import drawn, kept, of_part
from arabic_llm_pipeline.evaluation.results import (
    ALL,
    CONTAMINATION,
    VALUES,
    harness,
    missing,
    score_rows,
    score_table,
)
from arabic_llm_pipeline.evaluation.robustness.answers import Asker
from arabic_llm_pipeline.evaluation.robustness.conditions import (
    CLEAN,
    MEAN,
    NOISE,
    WORST,
    Condition,
    conditions,
    perturbed,
)
from arabic_llm_pipeline.parameters.robustness import RobustnessSettings

MEASURE = "robustness"
EXACT, NORMALIZED, CHOICE = "exact_match", "exact_match_normalized", "choice_accuracy"
CHRF, ALTERED, CHANGE = "chrf++_to_clean", "words_altered", "_change"
SHARES = (EXACT, NORMALIZED, CHOICE)
FULL = 100.0  # of chrF++
CHOICES, WRITTEN = "choices", "written"  # how an item is answered
ANSWERS = ("set", "id", "dialect", "family", "how", "by", "group", "perturbation", "prompt", "generated", "clean")
Measured = tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]


def measure(
    candidate: Candidate,
    name: str,
    items: ShardSet,
    settings: RobustnessSettings,
    seed: int,
    seen: Collection[str] | None = None,
) -> Measured:
    """Scores (`results.SCORES`), values (`results.VALUES`; a metric names its noise), and every answer.

    Args:
        candidate: who is asked.
        name: of the format that suits it.
        items: those of the test split are asked; those of dev are examples.
        settings: which noises, on how many.
        seed: of items, noise, examples and bootstrap.
        seen: ids of items that stand in what was trained on.
    """
    asked = asked_items(items, settings.items, seed)
    if not len(asked):
        why = "no test item with an accepted answer, or with choices and a label"
        return score_table([missing(MEASURE, ALL, EXACT, why)]), pl.DataFrame(schema=VALUES), _no_answers()
    dev = drawn(of_part(kept(items, "dev"), "exact_match").filter(pl.col("answers").list.len() > 0), "family", 0, seed)
    asker = Asker(candidate, name, dev, settings, seed)
    answers, values, digest = _asked(asker, asked, settings, seed)
    values = _with_perturbations(values, settings)
    about = {
        "view": "text", "format": name, "shots": formats.SHOTS.get(name, 0), "prompts": digest, "harness": harness(),
    }  # fmt: skip
    rows = list(_rows(values, settings.resamples, seed, about, seen))
    return score_table(rows), _named(values), answers


def asked_items(items: ShardSet, limit: int, seed: int) -> pl.DataFrame:
    """Test items of each set, at most so many, with `how` they are answered."""
    test = kept(items, "test")
    labelled = (pl.col("choices").list.len() > 1) & pl.col("label").is_not_null()
    chosen = of_part(test, "choices").filter(labelled).with_columns(how=pl.lit(CHOICES))
    written = [of_part(test, part).filter(pl.col("answers").list.len() > 0) for part in ("exact_match", "writing")]
    short = pl.concat(written).filter(pl.col("kind").ne_missing("translation")).with_columns(how=pl.lit(WRITTEN))
    return drawn(pl.concat([chosen, short]), "source", limit, seed)


def _asked(
    asker: Asker, items: pl.DataFrame, settings: RobustnessSettings, seed: int
) -> tuple[pl.DataFrame, pl.DataFrame, str]:
    """Answers under all noises, values of each, and the digest of the prompts."""
    every = conditions(settings)
    noisy = {how: [_noisy(items.filter(how=how), one, settings, seed) for one in every] for how in (CHOICES, WRITTEN)}
    noisy[CHOICES] = [part for one, part in zip(every, noisy[CHOICES], strict=True) if one.by == NOISE]
    written, chosen = (pl.concat(noisy[how]) for how in (WRITTEN, CHOICES))
    prompts = {how: asker.prompts(rows) for how, rows in ((WRITTEN, written), (CHOICES, chosen))}
    texts = [one.text for one in asker.written(prompts[WRITTEN], written["id"].to_list())]
    places = asker.chosen(chosen, prompts[CHOICES])
    picked = [choices[place] for choices, place in zip(chosen["choices"].to_list(), places, strict=True)]
    written, chosen = _beside_clean(written, texts), _beside_clean(chosen, picked)
    right = [float(place == label) for place, label in zip(places, chosen["label"], strict=True)]
    values = [_of_written(written), _values(chosen, CHOICE, right), *map(_altered, (written, chosen))]
    shown = pl.concat([written, chosen]).rename({"source": "set"}).with_columns(prompt=_said())
    return shown.select(ANSWERS), pl.concat(values), formats.digest([*prompts[WRITTEN], *prompts[CHOICES]])


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


def _of_written(rows: pl.DataFrame) -> pl.DataFrame:
    judged = exact_match.judged(rows, rows["generated"].to_list(), [True] * len(rows))
    likeness = [_chrf(*both) for both in rows.select("generated", "clean").rows()]
    return pl.concat(
        [
            _values(rows, EXACT, judged["strict"].cast(pl.Float64).to_list()),
            _values(rows, NORMALIZED, judged["normalized"].cast(pl.Float64).to_list()),
            _values(rows, CHRF, likeness),
        ]
    )


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
        "by",
        "group",
        "perturbation",
    )


def _with_perturbations(values: pl.DataFrame, settings: RobustnessSettings) -> pl.DataFrame:
    """Values by noise and kind; in the place of perturbations their worst and their mean; and changes from no noise."""
    level = f"{settings.worst_level:g}"
    several = values.filter((pl.col("by") == WORST) | ((pl.col("by") == NOISE) & (pl.col("group") == level)))
    several = several.filter(pl.col("metric").is_in([EXACT, NORMALIZED, CHRF]))
    found = [values.filter(pl.col("by") != WORST).drop("perturbation")]
    if settings.worst_of > 1 and len(several):
        group = f"{level}, {settings.worst_of} times"
        keys = ["measure", "set", "metric", "id", "dialect", "family"]
        for by, of in ((WORST, pl.col("value").min()), (MEAN, pl.col("value").mean())):
            part = several.group_by(keys, maintain_order=True).agg(of, pl.col("weight").first())
            found.append(part.with_columns(by=pl.lit(by), group=pl.lit(group)))
    whole = pl.concat(found, how="diagonal")
    return pl.concat([whole, _changes(whole)], how="diagonal")


def _changes(values: pl.DataFrame) -> pl.DataFrame:
    """Right answers that noise made wrong (-1), or wrong ones right, for each item."""
    shares = values.filter(pl.col("metric").is_in(SHARES))
    keys = ["measure", "set", "metric", "id"]
    clean = shares.filter(by=CLEAN[0], group=CLEAN[1]).select(*keys, before="value")
    noisy = shares.filter((pl.col("by") != CLEAN[0]) | (pl.col("group") != CLEAN[1]))
    joined = noisy.join(clean, on=keys, how="left", maintain_order="left")
    return joined.with_columns(value=pl.col("value") - pl.col("before"), metric=pl.col("metric") + CHANGE).drop(
        "before"
    )


def _rows(
    values: pl.DataFrame, resamples: int, seed: int, about: Mapping[str, Any], seen: Collection[str] | None
) -> Iterator[dict[str, Any]]:
    """A score of each set, metric and noise, over all of its items; of levels also by dialect, and of unseen ones."""
    for (by, group, metric), part in values.group_by("by", "group", "metric", maintain_order=True):
        more = {"decoding": "likelihood" if str(metric).startswith(CHOICE) else "greedy"}
        if metric == CHRF:
            more["harness"] = f"sacrebleu {_scorer().get_signature()}"
        shares = SHARES if by != MEAN else ()
        for row in score_rows(part, resamples, seed, shares=shares, about={**about, **more}, seen=seen):
            if row["by"] == ALL:
                yield row | {"by": by, "group": group}
            elif by == NOISE and row["by"] in ("dialect", CONTAMINATION):
                yield row | {"by": f"{by}, {row['by']}", "group": f"{group}, {row['group']}"}


def _named(values: pl.DataFrame) -> pl.DataFrame:
    """Rows of `VALUES`, whose metrics name the noise: tests are paired by them."""
    named = pl.format("{}, {} {}", "metric", "by", "group")
    return values.with_columns(metric=named).select(pl.col(name).cast(kind) for name, kind in VALUES.items())


def _no_answers() -> pl.DataFrame:
    return pl.DataFrame(schema=dict.fromkeys(ANSWERS, pl.String) | {"perturbation": pl.Int64})


def _chrf(generated: str, clean: str) -> float:
    """chrF++ of two answers of the same candidate, 0 to 100; of two empty ones 100, being equal."""
    return float(_scorer().sentence_score(generated, [clean]).score) if generated != clean else FULL


@cache
def _scorer() -> Any:
    from sacrebleu.metrics.chrf import CHRF as Chrf  # noqa: N811

    return Chrf(word_order=2)
