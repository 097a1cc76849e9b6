"""Each candidate's answers against those of the base and of the stage before, by the declared judge."""

from collections.abc import Sequence
from functools import partial, update_wrapper
from pathlib import Path
from typing import Any

import polars as pl
from kedro.pipeline import Node

from arabic_llm_pipeline.parameters.judge import JudgeSettings
from arabic_llm_pipeline.parameters.model import ModelSettings
from arabic_llm_pipeline.pipelines.wiring import step
from arabic_llm_pipeline.recipes import BASE, parent


def judge_answers(
    *,
    base_model: dict[str, Any],
    tokenizer: Path,
    written: pl.DataFrame,
    judge: JudgeSettings,
    model: ModelSettings,
    seed: int,
    candidate: str,
    **others: pl.DataFrame,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """How often a candidate's answers win, and every verdict.

    Args:
        base_model: which base; a reward model that judges may stand on it.
        tokenizer: directory, of the candidates.
        written: the candidate's answers.
        judge: who judges; nobody: a row says so.
        model: how a judge in a directory is held.
        seed: of what is drawn.
        candidate: its name.
        others: `<candidate>_writing_answers` of those that it is compared with.
    """
    from arabic_llm_pipeline.evaluation.judging import judges
    from arabic_llm_pipeline.evaluation.judging.wins import wins

    answers = {name.removesuffix("_writing_answers"): frame for name, frame in others.items()}
    declared = judges.judge(judge, model, base_model, tokenizer)
    return wins(candidate, written, answers, declared, judge, seed)


def nodes(candidates: Sequence[str]) -> list[Node]:
    """One for each candidate but the base."""
    return [_node(candidate) for candidate in candidates if candidate != BASE]


def _node(candidate: str) -> Node:
    function = update_wrapper(partial(judge_answers, candidate=candidate), judge_answers)
    others = dict.fromkeys(f"{other}_writing_answers" for other in (BASE, parent(candidate)))
    outputs = [f"{candidate}_wins", f"{candidate}_verdicts"]
    own = {"tokenizer": "tokenizer", "written": f"{candidate}_writing_answers"}
    return step(function, outputs, *others, namespace=candidate, **own)
