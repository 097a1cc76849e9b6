"""Fields of what lm-evaluation-harness measures: its own tasks on local copies of their data."""

from typing import Literal

from pydantic import Field

from arabic_llm_pipeline.parameters.base import Settings
from arabic_llm_pipeline.parameters.shapes import Column

EXAMPLES = "/examples"  # after the name of a task: the files of its examples


class LmEvalTask(Settings):
    """A task as lm-eval ships it, that reads a local copy of its data set."""

    include: str = Field(
        description="The shipped YAML, from lm_eval/tasks: aexams/_default_template_yaml.", min_length=1
    )
    path: str | list[str] = Field(description="Files of the test split: paths or globs from `data_root`.")
    examples: str | list[str] | None = Field(None, description="Files of the split that few-shot examples come from.")
    format: Literal["jsonl", "json", "csv", "tsv", "parquet", "arrow"] = Field(description="How the files are written.")
    fields: dict[str, Column | list[Column]] = Field(
        default_factory=dict,
        description="Field that the task reads -> column of the copy, where it is called otherwise.",
    )
    values: dict[str, dict[str, str]] = Field(
        default_factory=dict, description="Field -> value of the copy -> value that the task knows."
    )
    constants: dict[str, str] = Field(default_factory=dict, description="Fields that are the same in every row.")
    question: str | None = Field(
        None, description="Field of the question, to see whether it stands in what was trained on."
    )
    family: str | None = Field(None, description="Field that scores are also given by; none: only over all.")
    family_pattern: str | None = Field(None, description="Regular expression; its first group in that field counts.")


class LmEvalSettings(Settings):
    """What is measured by lm-eval, so that figures compare with those of others."""

    tasks: dict[str, LmEvalTask | None] = Field(default_factory=dict, description="Tasks by name; null removes one.")
    shots: int = Field(0, description="Examples before a question; published figures say theirs.", ge=0)
    limit: int = Field(0, description="Items of each task, the first ones; 0: all, as published figures have it.", ge=0)
    chat: bool = Field(False, description="Apply the chat template; most published figures do not.")
    batch_size: int = Field(16, description="Sequences at once; halved where memory runs out.", ge=1)
    resamples: int = Field(1000, description="Bootstrap resamples for the intervals of what is no share.", ge=100)

    def chosen(self) -> dict[str, LmEvalTask]:
        """The tasks that are to be run."""
        return {name: task for name, task in self.tasks.items() if task is not None}

    def patterns(self) -> dict[str, list[str]]:
        """The files of each task and of its examples."""
        found = {}
        for name, task in self.chosen().items():
            for key, paths in ((name, task.path), (f"{name}{EXAMPLES}", task.examples)):
                if paths:
                    found[key] = [paths] if isinstance(paths, str) else paths
        return found
