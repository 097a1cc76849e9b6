"""Steps from a finished stage to a directory that others load, and to the hub if asked."""

from pathlib import Path
from typing import Any

from arabic_llm_pipeline.parameters.export import ExportSettings
from arabic_llm_pipeline.parameters.model import ModelSettings
from arabic_llm_pipeline.parameters.sources import Sources

RESULT = "model"


def export_model(
    *,
    workspace: Path,
    base_model: dict[str, Any],
    tokenizer: Path,
    adapter: Path,
    model: ModelSettings,
    settings: ExportSettings,
    sources: Sources,
    facts: dict[str, Any],
    stage: str,
    **before: Any,
) -> Path:
    """A directory that `AutoModelForCausalLM` loads, with tokenizer, generation config and model card.

    Args:
        workspace: where it is made.
        base_model: pointer to the base.
        tokenizer: of the run.
        adapter: what the stage left, an adapter or a whole model.
        model: how the base was held.
        settings: into what is merged, and as what it is written.
        sources: of the data, for their licences.
        facts: scores, costs and data card, as far as they are there.
        stage: its name; it and what follows is no input of Kedro's count.
        before: what the stages before it left, and what is known of them.
    """
    import shutil

    from arabic_llm_pipeline.reporting.model_card import write_card
    from arabic_llm_pipeline.training.base import base_path
    from arabic_llm_pipeline.training.merge import merge, vllm_lacks, vllm_rank

    new = workspace / RESULT
    shutil.rmtree(new, ignore_errors=True)
    made = merge(base_model, adapter, tokenizer, model, settings, new)
    serving = {"lacks": vllm_lacks(adapter), "rank": vllm_rank(adapter)}
    directories = {name: path for name, path in before.items() if name.endswith("_adapter")}
    directories[f"{stage}_adapter"] = adapter
    for name in sorted(before.keys() - directories.keys()):
        facts = {**before[name], **facts}
    write_card(new, stage, base_model, base_path(base_model), directories, settings, sources, facts, made, serving)
    return new


def push_model(exported_model: Path, repository: str, private: bool) -> dict[str, Any]:
    """Put an exported model on the hub.

    Args:
        exported_model: directory.
        repository: owner/name.
        private: whether a repository that is made for it is private.
    """
    from arabic_llm_pipeline.reporting.push import push

    return push(exported_model, repository, private)
