"""Kedro's settings, as the real project has them."""

import logging
from pathlib import Path

from kedro.framework.hooks import hook_impl

from arabic_llm_pipeline.artifacts.hooks import ArtifactHooks
from arabic_llm_pipeline.artifacts.session import MakeSession
from toy.pipeline_registry import upstream

logging.getLogger("arabic_llm_pipeline").setLevel("INFO")  # in the real project it is the package itself


class Recorder:
    @hook_impl
    def before_node_run(self, node) -> None:
        with Path("ran.txt").open("a", encoding="utf-8") as file:
            file.write(f"{node.name}\n")


HOOKS = (ArtifactHooks(upstream), Recorder())
SESSION_CLASS = MakeSession
CONFIG_LOADER_ARGS = {"base_env": "base", "default_run_env": "local", "merge_strategy": {"parameters": "soft"}}
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-telemetry", "kedro-viz")
