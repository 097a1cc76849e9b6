"""Choices as a run would leave them: likelihoods by a seed, scored by what scores them."""

from functools import cache
from typing import Any

import numpy as np
import polars as pl

from arabic_llm_pipeline.evaluation.choices import tables
from arabic_llm_pipeline.evaluation.paired import paired
from arabic_llm_pipeline.evaluation.results import SCORES, missing, score_table
from arabic_llm_pipeline.parameters.choices import ChoicesSettings
from tests.reporting.made_scores import CANDIDATES

SETTINGS = ChoicesSettings(shots=(0,), ways=("letters", "answers"), resamples=100, bins=4)
LABELS = ["إيجابي", "سلبي", "محايد"]
SUBJECTS = ("history", "physics", "poetry")
EACH = 12


@cache
def choices_answers(name: str) -> pl.DataFrame:
    """Rows of `tables.ANSWERS`: school questions by letters and answers, reviews, statements of culture."""
    random, better = np.random.default_rng(CANDIDATES.index(name)), 0.4 * CANDIDATES.index(name)
    rows = []
    for item in range(EACH * len(SUBJECTS)):
        subject = SUBJECTS[item % len(SUBJECTS)]
        asked = {"family": subject, "task": "school", "choices": ["دمشق", "القاهرة", "تونس الخضراء", "بغداد"]}
        rows += [answer(f"school/{item}", "multiple_choice", way, asked, item % 4, better, random)
                 for way in ("letters", "answers")]  # fmt: skip
        asked = {"family": None, "task": "reviews", "choices": LABELS}
        rows.append(answer(f"reviews/{item}", "classification", "labels", asked, item % 3, better, random))
        asked = {"family": None, "task": "acva", "choices": ["نعم", "لا"]}
        rows.append(answer(f"acva/{item}", "classification", "labels", asked, item % 2, better, random))
    return pl.DataFrame(rows, schema=tables.ANSWERS)


def answer(
    of: str, kind: str, way: str, asked: dict[str, Any], label: int, better: float, random: np.random.Generator
) -> dict[str, Any]:
    count = len(asked["choices"])
    found = random.normal(-4, 1, count) + better * np.eye(count)[label]
    return asked | {
        "id": of, "measure": tables.measure_of(asked["task"], kind, SETTINGS.culture), "set": asked["task"],
        "kind": kind, "dialect": "MSA", "format": "question_answer", "way": way, "shots": 0, "prompt": "سؤال؟",
        "prompt_digest": of, "cut": False, "label": label, "log_probabilities": found.tolist(), "tokens": [1] * count,
        "unconditional": [-3.0] * count if way == "answers" else None,
        "calibrated": [1 / count] * count if way == "labels" else None,
    }  # fmt: skip


@cache
def choices(name: str) -> pl.DataFrame:
    """The scores of these answers, and a set of which none could be scored."""
    rows, _ = tables.score(choices_answers(name), SETTINGS, 0, {"school/0"})
    lost = missing("multiple_choice", "no_labels", "left_out", "7 items whose label is none of their choices")
    return score_table([*rows, lost])


@cache
def paired_tests() -> pl.DataFrame:
    return paired({name: tables.score(choices_answers(name), SETTINGS, 0, ())[1] for name in CANDIDATES}, 100, 0)


def lm_eval(name: str) -> pl.DataFrame:
    place = CANDIDATES.index(name)
    row = {"measure": "lm_eval", "set": "exams", "by": "all", "group": "all", "metric": "acc",
           "value": 0.25 + place / 10, "low": 0.2, "high": 0.5, "interval": "Wilson", "items": 268,
           "format": "exams 1.0, plain", "shots": 0,
           "harness": "lm-eval 0.4.13", "seen": 0.0, "seed": 0}  # fmt: skip
    return pl.DataFrame([row], schema=SCORES)
