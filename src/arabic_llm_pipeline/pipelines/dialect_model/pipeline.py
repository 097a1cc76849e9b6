"""The pipeline `dialect_model`; no part of the default run, which tags by the model that comes with the package."""

from kedro.pipeline import Node, Pipeline

from arabic_llm_pipeline.pipelines.dialect_model import nodes


def create_pipeline() -> Pipeline:
    """Texts of known dialects -> a model for the tagger, and how well it does."""
    settings = "params:dialect_model"
    return Pipeline([
        Node(
            nodes.read_dialect_texts,
            {"files": "dialect_source_files", "settings": settings, "ingest": "params:ingest"},
            "dialect_texts",
            name="read_dialect_texts",
        ),
        Node(
            nodes.fit_dialect_model,
            {"texts": "dialect_texts", "settings": settings},
            "dialect_model",
            name="fit_dialect_model",
        ),
        Node(
            nodes.score_dialect_model,
            {"texts": "dialect_texts", "model": "dialect_model"},
            "dialect_model_scores",
            name="score_dialect_model",
        ),
    ])  # fmt: skip
