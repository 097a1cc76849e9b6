"""What a stage's process is told, and how it answers."""

import json
import os
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

from pydantic import Field

from arabic_llm_pipeline.parameters.base import Settings
from arabic_llm_pipeline.parameters.devices import DeviceSettings
from arabic_llm_pipeline.parameters.memory import MemorySettings
from arabic_llm_pipeline.parameters.model import AdapterSettings, ModelSettings
from arabic_llm_pipeline.parameters.tracking import TrackingSettings

CHECKPOINTS, FINISHED = "checkpoints", "finished"  # in the workspace
RESULT, LOG, RESOURCES = "result", "log.parquet", "resources.json"  # in what is finished


class Job(Settings):
    """One stage: directories in, directories out."""

    workspace: Path = Field(description="Where checkpoints and the finished directory go.")
    tokenizer: Path = Field(description="Tokenizer directory.")
    tokens: Path = Field(description="Token store: documents, or pairs.")
    settings: dict[str, Any] = Field(description="Of the method.")
    model: ModelSettings = Field(description="How the base is loaded.")
    method: str = Field("", description="By which it is trained; empty: not told.")
    seed: int = Field(description="Of initial weights, dropout and the order of the data.")
    base: dict[str, Any] = Field(default_factory=dict, description="Pointer to the base; empty where one is made.")
    lora: AdapterSettings = Field(default_factory=AdapterSettings, description="A new adapter's shape.")
    adapter: Path | None = Field(default=None, description="Adapter of the stage before.")
    memory: MemorySettings = Field(default_factory=MemorySettings, description="What the stage may take.")
    devices: DeviceSettings = Field(default_factory=DeviceSettings, description="On what it is trained.")
    tracking: TrackingSettings | None = Field(default=None, description="Who else gets the row of every step.")
    run: str = Field(default="stage", description="Name of the training for them: stage and fingerprint.")

    @property
    def checkpoints(self) -> Path:
        """Folder of unfinished training."""
        return self.workspace / CHECKPOINTS

    @property
    def finished(self) -> Path:
        """Folder of the finished stage: result, log and resources; it appears whole."""
        return self.workspace / FINISHED


class Channel:
    """Answers of a stage's process: a line of JSON each, on what was its standard output.

    What libraries print goes to standard error from here on, which the parent keeps in a file.
    """

    def __init__(self, kinds: Collection[str] | None = None) -> None:
        """Take over standard output.

        Args:
            kinds: what is passed on; None: everything.
        """
        self._kinds = kinds
        sys.stdout.flush()
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
        os.dup2(2, 1)

    def send(self, kind: str, value: Any) -> None:
        """Tell the parent.

        Args:
            kind: "rows" (the first that are trained on, as texts), "plan" (first step and number of steps), "row" (of
                the log), "warning", "error" or "memory" (a text for people; the last: there was too little).
            value: anything that is JSON.
        """
        if self._kinds is not None and kind not in self._kinds:
            return
        self._out.write(json.dumps({kind: value}, ensure_ascii=False) + "\n")


class InterruptedTrainingError(Exception):
    """The user wants it to stop; the checkpoint is written."""
