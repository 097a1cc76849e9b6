"""Reward models in the pipeline: a node for each, from its directory to its scores."""

from pathlib import Path
from typing import Any

import polars as pl
from kedro.pipeline import Node

from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.parameters.evaluate import EvaluateSettings
from arabic_llm_pipeline.parameters.model import ModelSettings
from arabic_llm_pipeline.pipelines.evaluate.candidates import of_candidate


def node(candidate: str) -> Node:
    """The node of a reward model.

    Args:
        candidate: the stage that left it.
    """
    return of_candidate(evaluate_reward, candidate, ("scores", "details"), name="evaluate", settings="params:evaluate")


def evaluate_reward(
    *,
    base_model: dict[str, Any],
    tokenizer: Path,
    pairs: ShardSet,
    settings: EvaluateSettings,
    model: ModelSettings,
    seed: int,
    adapter: Path,
    candidate: str,
) -> tuple[dict[str, Any], pl.DataFrame]:
    """Scores of a reward model on the test split's pairs, and the rewards behind them.

    Args:
        base_model: which base.
        tokenizer: directory.
        pairs: those of the test split are scored.
        settings: how many of them, and how.
        model: how the base is loaded.
        seed: of what is drawn.
        adapter: of the stage that left the reward model.
        candidate: its name; last, because Kedro counts the arguments that are inputs from the first.
    """
    from arabic_llm_pipeline.evaluation.held_out import held_out_pairs
    from arabic_llm_pipeline.evaluation.reward import evaluate_reward
    from arabic_llm_pipeline.tokens.chat import Renderer
    from arabic_llm_pipeline.tokens.tokenizer import load_tokenizer
    from arabic_llm_pipeline.training.rewards import load_scorer

    scorer = load_scorer(adapter, tokenizer, model, base_model)
    asked = held_out_pairs(pairs, settings, seed)
    return evaluate_reward(candidate, scorer, Renderer(load_tokenizer(tokenizer)), asked, settings, seed)
