"""What the project does before Kedro builds anything: every parameter is checked, sources and base get their files."""

import os
from pathlib import Path
from typing import Any

from kedro.framework.hooks import hook_impl

QUIET = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",  # kedro-telemetry, and whoever else keeps to it
    "TOKENIZERS_PARALLELISM": "true",  # said aloud, so that a fork does not warn about it
}


class ProjectHooks:
    """Parameters as a whole, against one model of all of them (Kedro alone checks those of the pipelines that run)."""

    def __init__(self) -> None:
        self.parameters: Any = None
        self.project = Path()

    @hook_impl
    def after_context_created(self, context: Any) -> None:
        """Check the parameters and learn from them which recipes are asked for, before pipelines are made."""
        from arabic_llm_pipeline.parameters.root import check
        from arabic_llm_pipeline.pipeline_registry import Asked
        from arabic_llm_pipeline.recipes import chosen

        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        self.parameters = check(context.config_loader["parameters"])
        chosen(self.parameters.recipes)
        Asked.recipes = self.parameters.recipes
        self.project = context.project_path

    @hook_impl
    def after_catalog_created(self, catalog: Any) -> None:
        """Tell the entries of files from outside which files these are: parameters say so, the catalog cannot."""
        sources, root = self.parameters.sources.chosen(), self.project / self.parameters.data_root
        catalog.get("source_files").bind(root, {name: source.paths for name, source in sources.items()})
        catalog.get("base_files").bind(self.parameters.model.directory(self.project))
