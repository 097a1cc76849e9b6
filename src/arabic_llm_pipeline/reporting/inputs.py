"""All that a report is made from, gathered by its node."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from arabic_llm_pipeline.parameters.report import ReportSettings
from arabic_llm_pipeline.recipes import parent
from arabic_llm_pipeline.reporting.rows import changed_texts, dropped_rows, rejected_rows


@dataclass(frozen=True)
class Inputs:
    """What the sections read; frames of samples hold only what is shown."""

    recipes: str
    candidates: Sequence[str]  # the base first, then each stage's result
    stages: Sequence[str]
    seed: int
    settings: Mapping[str, Any]  # name of the parameters -> their model
    funnel: Sequence[Mapping[str, Any]]
    dialects: pl.DataFrame  # what is left, as corpus.funnel has it; likewise the scripts
    scripts: pl.DataFrame
    quality: pl.DataFrame  # values behind the thresholds, as corpus.quality_table makes them
    audit: pl.DataFrame  # as corpus.audit makes it, with shares; likewise the groups
    groups: pl.DataFrame
    verdicts: pl.DataFrame
    tokens: Mapping[str, Any]
    fertility: pl.DataFrame  # as tokens.fertility makes it
    baselines: Mapping[str, Any]
    comparison: Sequence[Mapping[str, Any]]
    base_model: Mapping[str, Any]
    scores: Mapping[str, Mapping[str, Any]]
    answers: Mapping[str, pl.DataFrame]
    logs: Mapping[str, pl.DataFrame]
    resources: Mapping[str, Mapping[str, Any]]
    dropped: pl.DataFrame
    rejects: pl.DataFrame
    changes: Sequence[tuple[str, str, str]]  # id, text before, text after
    provenance: Mapping[str, Any]
    # of each reward model its scores, and the values behind them
    rewards: Mapping[str, tuple[Mapping[str, Any], pl.DataFrame]] = field(default_factory=dict)

    @property
    def writing(self) -> list[str]:
        """The stages that left a language model."""
        return [stage for stage in self.stages if stage not in self.rewards]

    @property
    def report(self) -> ReportSettings:
        """How many samples are shown."""
        found: ReportSettings = self.settings["report"]
        return found

    def parent(self, candidate: str) -> str:
        """The candidate that this one was trained from."""
        return parent(candidate)


def gather(
    candidates: Sequence[str],
    stages: Sequence[str],
    recipes: str,
    seed: int,
    settings: Mapping[str, Any],
    data: Mapping[str, Any],
    reward_models: Sequence[str] = (),
) -> Inputs:
    """Sort what the catalog holds, and take from the corpus the few rows that are shown.

    Args:
        candidates: the base, then what each stage made.
        stages: the trained ones of them.
        recipes: what was asked for.
        seed: draws the samples.
        settings: parameter models by name.
        data: by the names of the catalog.
        reward_models: the stages that left one.
    """
    report, documents = settings["report"], data["documents"].scan()
    return Inputs(
        recipes=recipes,
        candidates=candidates,
        stages=stages,
        seed=seed,
        settings=settings,
        funnel=data["funnel"],
        dialects=data["dialect_table"],
        scripts=data["script_table"],
        quality=data["quality_table"],
        audit=data["audit_table"],
        groups=data["group_mentions"],
        verdicts=data["verdicts"],
        tokens=data["token_summary"],
        fertility=data["fertility_table"],
        baselines=data["baseline_scores"],
        comparison=data["comparison"],
        base_model=data["base_model"],
        scores={name: data[f"{name}_scores"] for name in candidates},
        answers={name: data[f"{name}_answers"] for name in candidates},
        logs={name: data[f"{name}_log"] for name in stages},
        resources={name: data[f"{name}_resources"] for name in stages},
        dropped=dropped_rows(documents, report.dropped_per_reason, report.excerpt),
        rejects=rejected_rows(data["ingest_rejects"].scan(), report.dropped_per_reason),
        changes=changed_texts(data["ingested_documents"].scan(), documents, report.changes),
        provenance=data["provenance"],
        rewards={name: (data[f"{name}_scores"], data[f"{name}_details"]) for name in reward_models},
    )
