"""What the project does before Kedro builds anything: every parameter is checked, sources and base get their files."""

import gc
import logging
import os
import sys
from pathlib import Path
from typing import Any

from kedro.framework.hooks import hook_impl

from arabic_llm_pipeline.common.logs import use_terminal
from arabic_llm_pipeline.common.memory import give_back

log = logging.getLogger(__name__)
QUIET = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",  # kedro-telemetry, and whoever else keeps to it
    "TOKENIZERS_PARALLELISM": "true",  # said aloud, so that a fork does not warn about it
}


PAGES = {
    "report": "The report",
    "compared_page": "The comparison",
    "token_windows": "What training reads",
    "human_sheet": "The sheet for raters",
}


class ProjectHooks:
    """Parameters as a whole, against one model of all of them (Kedro alone checks those of the pipelines that run)."""

    def __init__(self) -> None:
        self.parameters: Any = None
        self.project = Path()
        self.experiment = ""

    @hook_impl
    def after_context_created(self, context: Any) -> None:
        """Check the parameters and learn from them which recipes are asked for, before pipelines are made."""
        from arabic_llm_pipeline.parameters.root import check
        from arabic_llm_pipeline.pipeline_registry import Asked
        from arabic_llm_pipeline.recipes import chosen

        use_terminal()
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        self.parameters = check(context.config_loader["parameters"])
        chosen(self.parameters.recipes)
        Asked.recipes = self.parameters.recipes
        Asked.exported, Asked.push = self.parameters.export.stage, bool(self.parameters.export.push_to)
        self.project = context.project_path
        self.experiment = context.config_loader.experiment()

    @hook_impl
    def after_catalog_created(self, catalog: Any) -> None:
        """Tell the entries of files from outside which files these are: parameters say so, the catalog cannot."""
        from arabic_llm_pipeline.parameters.human import FILLED
        from arabic_llm_pipeline.parameters.preference import RULES

        root, trained = self.project / self.parameters.data_root, self.parameters.dialect.model
        judge = self.parameters.toxicity.model
        declared = {
            "source_files": self.parameters.sources,
            "dialect_source_files": self.parameters.dialect_model.sources,
            "toxicity_source_files": self.parameters.toxicity_model.sources,
        }
        for entry, found in declared.items():
            sources = found.chosen()
            paths = {name: source.paths for name, source in sources.items()}
            licences = {name: source.licence for name, source in sources.items()}
            catalog.get(entry).bind(root, paths, licences)
        catalog.get("lm_eval_files").bind(root, self.parameters.lm_eval.patterns())
        filled = list(self.parameters.human.filled)
        catalog.get("human_files").bind(root, {FILLED: filled} if filled else {})
        catalog.get("dialect_model_file").bind(self.project / trained if trained else None)
        catalog.get("toxicity_model_file").bind(self.project / judge if judge else None)
        catalog.get("base_files").bind(self.parameters.model.directory(self.project))
        begun = self.parameters.model.adapter
        catalog.get("start_adapter").bind(self.project / begun if begun else None)
        chosen = self.parameters.dno.judge
        directory = None if chosen in RULES else self.project / Path(chosen).expanduser()
        catalog.get("judge_adapter").bind(directory)
        catalog.get("planned_judge").bind(directory, chosen)
        catalog.get("experiments").bind(self.parameters.compare.named("experiments") or [self.experiment])
        catalog.get("tokenizer_files").bind(self.parameters.tokenizer.directory(self.project))
        catalog.get("encoder_files").bind(self.parameters.language.directories(self.project))
        catalog.get("compared_tokenizers").bind(self.parameters.fertility.directories(self.project))

    @hook_impl
    def before_pipeline_run(self) -> None:
        """Have shards done as `engine` says, and training under `memory`, on `devices`, told as `tracking` says."""
        from arabic_llm_pipeline.corpus import workers
        from arabic_llm_pipeline.training import conditions

        workers.begin(self.parameters.engine)
        settings = self.parameters
        conditions.begin(settings.memory, settings.devices, settings.tracking, self.project)

    @hook_impl
    def after_node_run(self) -> None:
        """Give back what a node has left of its model: a stage after it plans with what is free."""
        torch = sys.modules.get("torch")  # where nobody has imported it, nothing is on a card
        if torch is not None and torch.cuda.is_initialized():
            gc.collect()  # a model's modules point at each other
            torch.cuda.empty_cache()
        give_back()

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Let go of what did it."""
        from arabic_llm_pipeline.corpus import workers

        workers.end()

    @hook_impl
    def after_pipeline_run(self, pipeline: Any, catalog: Any) -> None:
        """End by telling what the sources look like, or by naming a page, where the run was about it."""
        from arabic_llm_pipeline.corpus import workers

        workers.end()
        if "source_check" in pipeline.outputs():
            from arabic_llm_pipeline.corpus.check import lines

            for line in lines(catalog.load("source_check")):
                log.info("%s", line)
        if "exported_model" in pipeline.all_outputs():
            log.info("The model: %s", catalog.load("exported_model"))
        for name, what in PAGES.items():
            if name in pipeline.outputs():
                page = catalog.get(name)
                log.info("%s: %s", what, page.store.folder / page.experiment / page.file)
