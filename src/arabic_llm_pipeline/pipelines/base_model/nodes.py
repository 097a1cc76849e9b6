"""The step that settles the base model."""

from pathlib import Path
from typing import Any

from arabic_llm_pipeline.parameters.model import ModelSettings


def resolve_base_model(base_files: Path | None, settings: ModelSettings) -> dict[str, Any]:
    """Find the base model, or fetch it, and say which one it is.

    Args:
        base_files: where a local one lies; None for one on the hub.
        settings: its name.
    """
    from arabic_llm_pipeline.training.base import resolve_base

    return resolve_base(settings, base_files)
