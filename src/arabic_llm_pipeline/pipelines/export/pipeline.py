"""The pipeline `export`: a stage merged with its base, and pushed where `export.push_to` says."""

from functools import partial, update_wrapper

from kedro.pipeline import Node, Pipeline

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.pipelines.export.nodes import export_model, push_model
from arabic_llm_pipeline.recipes import CHAINS, chain_of, name, prefixes, scores_answers


def create_pipeline(stage: str, push: bool) -> Pipeline:
    """The export of one stage.

    Args:
        stage: a beginning of a chain, such as sft_dpo.
        push: whether it goes to the hub, too.

    Raises:
        UserError: no chain has such a beginning.
    """
    if not (chain := chain_of(stage)):
        known = sorted({name(part) for whole in CHAINS.values() for part in prefixes(whole)})
        raise UserError(f"export.stage={stage}: there is no such stage. There are: {', '.join(known)}.")
    if scores_answers(stage):
        raise UserError(
            f"export.stage={stage}: it is a reward model, of which there is nothing to merge. Its directory is loaded "
            "by AutoModelForSequenceClassification (num_labels=1) and PEFT as it is; name a stage that writes."
        )
    before = [f"{name(prefix)}_{what}" for prefix in prefixes(chain)[:-1] for what in ("adapter", "facts")]
    inputs = {
        "workspace": "exported_model_workspace",
        "base_model": "base_model",
        "tokenizer": "tokenizer",
        "adapter": f"{stage}_adapter",
        "model": "params:model",
        "settings": "params:export",
        "sources": "params:sources",
        "facts": f"{stage}_facts",
        **{entry: entry for entry in before},
    }
    step = update_wrapper(partial(export_model, stage=stage), export_model)
    nodes = [Node(step, inputs=inputs, outputs="exported_model", name="export_model")]
    if push:
        told = ["exported_model", "params:export.push_to", "params:export.push_private"]
        nodes.append(Node(push_model, inputs=told, outputs="pushed_model", name="push_model"))
    return Pipeline(nodes)
