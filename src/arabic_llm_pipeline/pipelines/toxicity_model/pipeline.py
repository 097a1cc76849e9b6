"""The pipeline `toxicity_model`; no part of the default run, whose audit goes by a list of words."""

from kedro.pipeline import Node, Pipeline

from arabic_llm_pipeline.pipelines.toxicity_model import nodes


def create_pipeline() -> Pipeline:
    """Texts that people judged -> a model for the audit, and how well it does."""
    settings = "params:toxicity_model"
    return Pipeline([
        Node(
            nodes.read_toxicity_texts,
            {"files": "toxicity_source_files", "settings": settings, "ingest": "params:ingest"},
            "toxicity_texts",
            name="read_toxicity_texts",
        ),
        Node(
            nodes.fit_toxicity_model,
            {"texts": "toxicity_texts", "settings": settings},
            "toxicity_model",
            name="fit_toxicity_model",
        ),
        Node(
            nodes.score_toxicity_model,
            {"texts": "toxicity_texts", "model": "toxicity_model"},
            "toxicity_model_scores",
            name="score_toxicity_model",
        ),
    ])  # fmt: skip
