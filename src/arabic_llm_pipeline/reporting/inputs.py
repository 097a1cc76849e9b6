"""All that a report is made from: what sections read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from arabic_llm_pipeline.parameters.report import ReportSettings
from arabic_llm_pipeline.parameters.root import Parameters
from arabic_llm_pipeline.recipes import parent

PLAIN = ("recipes", "seed", "data_root")  # parameters that are no model


@dataclass(frozen=True)
class Inputs:
    """Entries of the catalog by name, `inputs["funnel"]`; those of candidates or stages, `inputs.of("choices")`.

    Which there are, `pipelines.report.pipeline` says: what a kind of evaluation makes is there by itself.
    """

    candidates: Sequence[str]  # the base first, then each stage's result
    stages: Sequence[str]  # what was trained, in order
    entries: Mapping[str, Any]  # of the catalog, and parameters, by their names
    reward_models: Sequence[str] = ()  # those of the stages that write nothing

    def __getitem__(self, entry: str) -> Any:
        return self.entries[entry]

    def of(self, kind: str) -> dict[str, Any]:
        """What there is of this kind, by candidate or stage: `of("log")["sft"]` is the entry `sft_log`."""
        names = dict.fromkeys((*self.candidates, *self.stages))
        return {name: self.entries[f"{name}_{kind}"] for name in names if f"{name}_{kind}" in self.entries}

    @property
    def writing(self) -> list[str]:
        """The stages that left a language model."""
        return [stage for stage in self.stages if stage not in self.reward_models]

    @property
    def recipes(self) -> str:
        """What was asked for."""
        return str(self.entries["recipes"])

    @property
    def seed(self) -> int:
        """Draws the samples."""
        return int(self.entries["seed"])

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Name of the parameters -> their model."""
        names = (name for name in Parameters.model_fields if name not in PLAIN)
        return {name: self.entries[name] for name in names if name in self.entries}

    @property
    def report(self) -> ReportSettings:
        """How many samples are shown."""
        found: ReportSettings = self.entries["report"]
        return found

    @cached_property
    def scores(self) -> dict[str, Mapping[str, Any]]:
        """Of those that write."""
        return {name: self.entries[f"{name}_scores"] for name in self.candidates}

    @cached_property
    def answers(self) -> dict[str, pl.DataFrame]:
        """Of those that write."""
        return {name: self.entries[f"{name}_answers"] for name in self.candidates}

    @cached_property
    def logs(self) -> dict[str, pl.DataFrame]:
        """A row a step, of each stage."""
        return self.of("log")

    @cached_property
    def resources(self) -> dict[str, Mapping[str, Any]]:
        """What each stage cost."""
        return self.of("resources")

    @cached_property
    def rewards(self) -> dict[str, tuple[Mapping[str, Any], pl.DataFrame]]:
        """Of each reward model its scores, and the values behind them."""
        return {name: (self.entries[f"{name}_scores"], self.entries[f"{name}_details"]) for name in self.reward_models}

    def parent(self, candidate: str) -> str:
        """The candidate that this one was trained from."""
        return parent(candidate)
