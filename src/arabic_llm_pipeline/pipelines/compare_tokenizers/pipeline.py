"""The pipeline `compare_tokenizers`; no part of the default run."""

from kedro.pipeline import Node, Pipeline

from arabic_llm_pipeline.pipelines.compare_tokenizers import nodes


def create_pipeline() -> Pipeline:
    """From documents to a table of ways to make a tokenizer, with what a small model learns by each."""
    common = {"documents": "documents", "settings": "params:tokenizer_comparison", "seed": "params:seed"}
    training = {"training": "params:tokenizer_training"}
    model = {"model": "params:model"}
    return Pipeline([
        Node(
            nodes.train_variants,
            {**common, **training, "workspace": "tokenizer_variants_workspace"},
            "tokenizer_variants",
            name="train_variants",
        ),
        Node(
            nodes.measure_variants,
            {**common, **training, "variants": "tokenizer_variants"},
            "tokenizer_variants_table",
            name="measure_variants",
        ),
        Node(
            nodes.train_variant_models,
            {**common, **model, "variants": "tokenizer_variants", "workspace": "variant_models_workspace"},
            "variant_models",
            name="train_variant_models",
        ),
        Node(
            nodes.score_variant_models,
            {**common, **model, "models": "variant_models", "language": "params:language"},
            "variant_scores",
            name="score_variant_models",
        ),
        Node(
            nodes.join,
            {"measured": "tokenizer_variants_table", "scored": "variant_scores"},
            "tokenizer_comparison",
            name="join_comparison",
        ),
        Node(nodes.plot, "tokenizer_comparison", "tokenizer_comparison_plot", name="plot_comparison"),
    ])  # fmt: skip
