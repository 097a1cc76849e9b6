"""The test items that stand in what was trained on: what every score says beside it."""

import polars as pl
from kedro.pipeline import Node

from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.parameters.duplicates import DuplicatesSettings
from arabic_llm_pipeline.parameters.engine import EngineSettings
from arabic_llm_pipeline.pipelines.wiring import step


def find_seen_items(
    documents: ShardSet,
    pairs: ShardSet,
    feedback: ShardSet,
    items: ShardSet,
    duplicates: DuplicatesSettings,
    engine: EngineSettings,
) -> pl.DataFrame:
    """Rows of `evaluation.seen.SEEN`."""
    from arabic_llm_pipeline.evaluation import seen

    training = {"documents": documents, "pairs": pairs, "feedback": feedback}
    return seen.find(training, seen.questions(items), duplicates, engine.processes)


def node() -> Node:
    """For all candidates alike."""
    return step(find_seen_items, "seen_items")
