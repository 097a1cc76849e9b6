"""The pipeline `base_model`: a pointer to the model that everything stands on."""

from kedro.pipeline import Node, Pipeline

from arabic_llm_pipeline.pipelines.base_model.nodes import resolve_base_model


def create_pipeline() -> Pipeline:
    """One node: name, commit and digests of the base."""
    inputs = {"base_files": "base_files", "settings": "params:model"}
    return Pipeline([Node(resolve_base_model, inputs=inputs, outputs="base_model", name="resolve_base_model")])
