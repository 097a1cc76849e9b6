"""What lm-evaluation-harness says of each candidate, on local copies of its tasks' data."""

from pathlib import Path
from typing import Any

import polars as pl
from kedro.pipeline import Node

from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.corpus.sources import FoundFiles
from arabic_llm_pipeline.parameters.duplicates import DuplicatesSettings
from arabic_llm_pipeline.parameters.engine import EngineSettings
from arabic_llm_pipeline.parameters.lm_eval import LmEvalSettings
from arabic_llm_pipeline.parameters.model import ModelSettings
from arabic_llm_pipeline.pipelines.evaluate.candidates import load, of_candidate
from arabic_llm_pipeline.pipelines.wiring import step

OUTPUTS = ("lm_eval", "lm_eval_values")


def find_seen_lm_eval_items(
    documents: ShardSet,
    pairs: ShardSet,
    feedback: ShardSet,
    lm_eval_files: FoundFiles,
    lm_eval: LmEvalSettings,
    duplicates: DuplicatesSettings,
    engine: EngineSettings,
) -> pl.DataFrame:
    """Rows of `evaluation.seen.SEEN`, of the items of all tasks."""
    from arabic_llm_pipeline.evaluation import seen
    from arabic_llm_pipeline.evaluation.lm_eval import local

    training = {"documents": documents, "pairs": pairs, "feedback": feedback}
    asked = local.questions(lm_eval_files.files, lm_eval.chosen(), lm_eval.limit)
    return seen.find(training, asked, duplicates, engine.processes)


def measure_lm_eval(
    *,
    base_model: dict[str, Any],
    tokenizer: Path,
    lm_eval_files: FoundFiles,
    seen_lm_eval_items: pl.DataFrame,
    lm_eval: LmEvalSettings,
    model: ModelSettings,
    seed: int,
    adapter: Path | None,
    workspace: Path,
    candidate: str,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Scores of one candidate by lm-eval, and the values behind them; without tasks nothing is loaded."""
    from arabic_llm_pipeline.evaluation.lm_eval import run
    from arabic_llm_pipeline.evaluation.seen import taught

    if not lm_eval.chosen():
        return run.nothing()
    asked = load(candidate, base_model, adapter, tokenizer, model, ())
    return run.measure(asked, lm_eval_files.files, lm_eval, seed, taught(seen_lm_eval_items), workspace)


def seen_node() -> Node:
    """For all candidates alike."""
    return step(find_seen_lm_eval_items, "seen_lm_eval_items")


def node(candidate: str) -> Node:
    """The node that measures a candidate."""
    return of_candidate(measure_lm_eval, candidate, OUTPUTS, workspace=f"{candidate}_lm_eval_workspace")
