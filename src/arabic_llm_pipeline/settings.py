"""Kedro's settings of this project."""

from arabic_llm_pipeline.artifacts.hooks import ArtifactHooks
from arabic_llm_pipeline.artifacts.session import MakeSession
from arabic_llm_pipeline.config import StackedConfigLoader
from arabic_llm_pipeline.hooks import ProjectHooks
from arabic_llm_pipeline.pipeline_registry import upstream

HOOKS = (ProjectHooks(), ArtifactHooks(upstream))
SESSION_CLASS = MakeSession
CONFIG_LOADER_CLASS = StackedConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    # Kedro's default is destructive: an environment's `sft: {steps: 5}` would drop every other setting of sft.
    "merge_strategy": {"parameters": "soft", "catalog": "soft"},
}
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-telemetry",)


def _without_pandas() -> None:
    """Spare Kedro the import of pandas for every parameter: what is not imported cannot be a DataFrame."""
    import sys
    from typing import Any

    from kedro.io import memory_dataset

    infer = memory_dataset._infer_copy_mode  # type: ignore[attr-defined]

    def quick(data: Any) -> Any:
        if "pandas" in sys.modules or "numpy" in sys.modules:
            return infer(data)
        return "assign" if type(data).__name__ == "DataFrame" else "deepcopy"

    memory_dataset._infer_copy_mode = quick  # type: ignore[attr-defined]


_without_pandas()
