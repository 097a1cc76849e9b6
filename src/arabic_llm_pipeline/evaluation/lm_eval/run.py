"""A candidate through lm-eval, and what it says as scores of ours, item by item."""

import logging
import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from importlib.metadata import version
from math import isnan
from pathlib import Path
from typing import Any

import polars as pl

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.files import File
from arabic_llm_pipeline.evaluation.candidate import Candidate
from arabic_llm_pipeline.evaluation.likelihood import not_a_number
from arabic_llm_pipeline.evaluation.lm_eval import local
from arabic_llm_pipeline.evaluation.results import ALL, VALUES, missing, score_rows, score_table, seen_share
from arabic_llm_pipeline.parameters.lm_eval import LmEvalSettings, LmEvalTask

MEASURE = "lm_eval"
SHARES = ("acc", "acc_norm", "acc_bytes", "acc_mutual_info", "exact_match")
NORMAL_95 = 1.959963984540054
ROUNDING = 1e-9
STDERR = "lm-eval's standard error"
NO_TASKS = "lm_eval.tasks names none"
Row = dict[str, Any]


def measure(
    candidate: Candidate,
    files: Mapping[str, Sequence[File]],
    settings: LmEvalSettings,
    seed: int,
    seen: Collection[str],
    folder: Path,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Scores (rows of `results.SCORES`) and values (`results.VALUES`) of all tasks.

    Args:
        candidate: what is measured; with its adapter, as it lies in memory.
        files: of each task and of its examples.
        settings: which tasks, and how.
        seed: of the bootstrap.
        seen: ids of items that stand in what was trained on.
        folder: where tasks and their data are written.

    Raises:
        UserError: lm-eval is not installed, or a task and its files do not fit.
    """
    tasks = settings.chosen()
    for name, task in tasks.items():
        local.write_task(files, name, task, settings.shots, folder)
    results = _evaluated(candidate, list(tasks), settings, folder)
    rows, values = [], [VALUES.to_frame()]
    for name, task in tasks.items():
        found, of_task = _scores(results, name, task, settings, seed, seen, candidate.model)
        rows += found
        values.append(of_task)
    return score_table(rows), pl.concat(values)


def nothing() -> tuple[pl.DataFrame, pl.DataFrame]:
    """The same where no tasks are named."""
    return score_table([missing(MEASURE, ALL, "acc", NO_TASKS)]), VALUES.to_frame()


def _evaluated(candidate: Candidate, names: list[str], settings: LmEvalSettings, folder: Path) -> Row:
    """What lm-eval's `simple_evaluate` returns, with all samples; memory that runs out halves the batch."""
    with _offline():
        from accelerate.utils import find_executable_batch_size
        from lm_eval.models.huggingface import HFLM
        from lm_eval.tasks import TaskManager

        @find_executable_batch_size(starting_batch_size=settings.batch_size)
        def run(batch_size: int) -> Row:
            model = HFLM(
                pretrained=candidate.model,
                tokenizer=candidate.tokenizer,
                batch_size=batch_size,
                max_length=candidate.context,
            )
            return _simple(
                model,
                tasks=names,
                num_fewshot=settings.shots,
                limit=settings.limit or None,
                apply_chat_template=settings.chat,
                fewshot_as_multiturn=settings.chat,
                task_manager=TaskManager(include_path=str(folder), include_defaults=False),
                bootstrap_iters=0,  # seeds are lm-eval's own, as in published figures
            )

        return run()


def _simple(model: Any, **asked: Any) -> Row:
    from lm_eval import simple_evaluate

    try:
        found: Row = simple_evaluate(model, **asked)
    except KeyError as error:  # of a function that belongs to a task
        tasks = ", ".join(asked["tasks"])
        raise UserError(
            f"lm_eval.tasks: a task asks for {error}, and the copy of its data has no such column; asked were {tasks}. "
            "Name the column in `fields`, or set the task to null."
        ) from error
    return found


@contextmanager
def _offline() -> Any:
    """Nothing is asked of a hub while lm-eval runs, and it says no more than its progress."""
    names, loud = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_EVALUATE_OFFLINE"), logging.getLogger("lm_eval")
    before, level = {name: os.environ.get(name) for name in names}, loud.level
    os.environ.update(dict.fromkeys(names, "1"))
    loud.setLevel(logging.ERROR)
    try:
        yield
    finally:
        loud.setLevel(level)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _scores(
    results: Row,
    name: str,
    task: LmEvalTask,
    settings: LmEvalSettings,
    seed: int,
    seen: Collection[str],
    model: Any,
) -> tuple[list[Row], pl.DataFrame]:
    samples = sorted(results["samples"][name], key=lambda sample: sample["doc_id"])
    config = results["configs"][name]
    for sample in samples:
        if _unknown(sample.get("filtered_resps")):
            raise not_a_number(model, f"lm-eval, {name}", f"item {local.item_id(name, sample['doc_id'])}")
    about = {
        "format": f"{name} {results['versions'].get(name)}, {'chat template' if settings.chat else 'plain'}",
        "shots": settings.shots,
        "decoding": "likelihood" if config["output_type"] == "multiple_choice" else config["output_type"],
        "view": "text",
        "prompts": _digest(samples),
        "harness": f"lm-eval {version('lm-eval')}",
    }
    known = seen if task.question else None
    rows, values = [], [VALUES.to_frame()]
    for metric, reported, stderr in _metrics(results["results"][name]):
        found = _values(samples, name, task, metric)
        if (
            found is None or abs(float(found["value"].to_numpy().mean()) - reported) > ROUNDING
        ):  # not the mean of its items
            rows.append(_reported(name, metric, reported, stderr, found, len(samples), seed) | about)
            continue
        values.append(found)
        rows += score_rows(found, settings.resamples, seed, shares=SHARES, about=about, seen=known)
    return rows, pl.concat(values)


def _unknown(said: Any) -> bool:
    """Whether a likelihood among a sample's responses is no number: the largest of such would still be a choice."""
    if isinstance(said, list | tuple):
        return any(map(_unknown, said))
    return isinstance(said, float) and isnan(said)


def _metrics(reported: Row) -> list[tuple[str, float, float | None]]:
    """Name, value and standard error of each metric: lm-eval writes `acc,none` and `acc_stderr,none`."""
    found = []
    for key, value in reported.items():
        metric, comma, filtered = key.partition(",")
        if comma and not metric.endswith("_stderr") and isinstance(value, int | float):
            stderr = reported.get(f"{metric}_stderr,{filtered}")
            found.append((metric, float(value), float(stderr) if isinstance(stderr, int | float) else None))
    return found


def _values(samples: Sequence[Row], name: str, task: LmEvalTask, metric: str) -> pl.DataFrame | None:
    """A row of `VALUES` for each item; None where an item's figure is no number."""
    given = [sample.get(metric) for sample in samples]
    if not all(isinstance(value, int | float) for value in given):
        return None
    frame = pl.DataFrame(
        {
            "id": [local.item_id(name, sample["doc_id"]) for sample in samples],
            "family": [local.family(sample["doc"], task) for sample in samples],
            "value": [float(value) for value in given],  # type: ignore[arg-type]
        },
        schema_overrides={"family": pl.String},
    )
    key = {"measure": MEASURE, "set": name, "metric": metric, "weight": 1.0}
    columns = [pl.lit(value).alias(column) for column, value in key.items()]
    return frame.with_columns(*columns, dialect=pl.lit(None, pl.String)).select(VALUES.names())


def _reported(
    name: str, metric: str, value: float, stderr: float | None, found: pl.DataFrame | None, items: int, seed: int
) -> Row:
    """A figure that is no mean over items, as lm-eval gives it."""
    row = {"measure": MEASURE, "set": name, "metric": metric, "by": ALL, "group": ALL, "items": items, "seed": seed}
    row |= {"value": value, "seen": None if found is None else seen_share(found["id"], ())}
    if stderr is None:
        return row
    return row | {"low": value - NORMAL_95 * stderr, "high": value + NORMAL_95 * stderr, "interval": STDERR}


def _digest(samples: Sequence[Row]) -> str:
    """Of all prompts and continuations, as lm-eval hands them to the model."""
    digest = blake2b(digest_size=8)
    for sample in samples:
        digest.update(repr(sample["arguments"]).encode())
    return digest.hexdigest()
