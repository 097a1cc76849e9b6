"""The plan that a stage was begun with, for the record of its costs."""

from pathlib import Path
from typing import Any

from arabic_llm_pipeline.common.files import read_json

PLAN = "memory_plan.json"  # in the workspace
CHOSEN = ("micro_batch", "accumulation", "activation_checkpointing")  # settings that `memory.fit` may choose
SHOWN = {"planned_allocated_mb": "allocated_mib", "planned_device_mb": "device_mib", "planned_host_mb": "host_mib"}


def planned(workspace: Path) -> dict[str, Any]:
    """What was planned, in MiB, and the settings it is for; empty where nothing was."""
    path = workspace / PLAN
    if not path.is_file():
        return {}
    found = read_json(path)
    return {name: found[key] for name, key in SHOWN.items()} | {name: found[name] for name in CHOSEN}
