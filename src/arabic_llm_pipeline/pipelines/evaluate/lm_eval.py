"""What lm-evaluation-harness says of each candidate, on local copies of its tasks' data."""

from functools import partial, update_wrapper
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
from arabic_llm_pipeline.pipelines.wiring import step
from arabic_llm_pipeline.recipes import BASE

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
    from arabic_llm_pipeline.evaluation.candidate import Candidate
    from arabic_llm_pipeline.evaluation.lm_eval import run
    from arabic_llm_pipeline.evaluation.seen import taught
    from arabic_llm_pipeline.tokens.tokenizer import load_tokenizer
    from arabic_llm_pipeline.training.models import load_candidate, quantization

    if not lm_eval.chosen():
        return run.nothing()
    loaded = load_candidate(base_model, adapter, model, candidate)
    asked = Candidate(candidate, loaded, load_tokenizer(tokenizer), (), quantization(base_model, model))
    return run.measure(asked, lm_eval_files.files, lm_eval, seed, taught(seen_lm_eval_items), workspace)


def seen_node() -> Node:
    """For all candidates alike."""
    return step(find_seen_lm_eval_items, "seen_lm_eval_items")


def node(candidate: str) -> Node:
    """The node that measures a candidate."""
    function = update_wrapper(partial(measure_lm_eval, candidate=candidate), measure_lm_eval)
    data = ("base_model", "tokenizer", "lm_eval_files", "seen_lm_eval_items")
    inputs = {name: name for name in data} | {name: f"params:{name}" for name in ("lm_eval", "model", "seed")}
    inputs["adapter"] = "start_adapter" if candidate == BASE else f"{candidate}_adapter"
    inputs["workspace"] = f"{candidate}_lm_eval_workspace"
    outputs = [f"{candidate}_{kind}" for kind in OUTPUTS]
    return Node(function, inputs=inputs, outputs=outputs, name="measure_lm_eval", namespace=candidate)
