"""The page: sections of blocks, filled into the templates."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from arabic_llm_pipeline.reporting import (
    audit,
    choices,
    costs,
    data,
    dialect_tables,
    fertility,
    findings,
    forgetting,
    language,
    likeness,
    limits,
    losses,
    quality,
    reward,
    robustness,
    rows,
    run,
    samples,
    scores,
    speed,
    tokens,
    training,
    writing,
)
from arabic_llm_pipeline.reporting.inputs import Inputs
from arabic_llm_pipeline.reporting.templating import environment
from arabic_llm_pipeline.reporting.view import Block, listed


class Part(Protocol):
    """A module of this room that says one thing; no blocks, where there is nothing to say."""

    def blocks(self, inputs: Inputs) -> Iterable[Block]:
        """What stands on the page, in order."""


# Key, title, and the modules that fill a section. What they read, `pipelines.report.pipeline` gives them.
SECTIONS: Sequence[tuple[str, str, Sequence[Part]]] = (
    ("data", "Data", (data, losses, likeness, quality, audit)),
    ("text", "Text", (rows,)),
    ("tokens", "Tokens", (tokens, fertility)),
    ("training", "Training", (training,)),
    ("scores", "Scores", (scores, reward)),
    ("language", "Language", (language, forgetting)),
    ("choices", "Questions with choices", (choices,)),
    ("writing", "Writing", (writing, dialect_tables)),
    ("robustness", "Robustness", (robustness,)),
    ("speed", "Speed", (speed,)),
    ("samples", "Samples", (samples,)),
    ("resources", "What it cost", (costs,)),
    ("limits", "Limits and known biases", (limits,)),
    ("run", "What was run", (run,)),
)


@dataclass(frozen=True)
class Section:
    """A heading of the page and what stands under it."""

    key: str
    title: str
    blocks: Sequence[Block]


def render(inputs: Inputs) -> str:
    """The report as one HTML page that needs nothing else."""
    return filled(
        "page.html",
        title=f"{inputs.recipes}: experiment {run.experiment_name(inputs)}",
        asked=asked(inputs),
        facts=findings.facts(inputs),
        done=findings.done(inputs),
        found=findings.found(inputs),
        found_table=findings.found_table(inputs),
        short_of=findings.short_of(inputs),
        judged_well=findings.judged_well(inputs),
        not_judged=findings.not_judged(inputs),
        sections=sections(inputs),
    )


def filled(template: str, **values: Any) -> str:
    """A page of this room, from one of its templates."""
    return environment().get_template(template).render(**values)


def asked(inputs: Inputs) -> str:
    """What the run was for, in a sentence."""
    base = inputs["base_model"].get("name", "the base model")
    return (
        f"Take the base model {base} through {listed(inputs.stages)} on the sources of this experiment, and measure "
        "each result on the test split: prompts, preference pairs and prose that no stage has seen."
    )


def sections(inputs: Inputs) -> list[Section]:
    """All sections but the summary, in order; those in which nothing is to be said are left out."""
    made = ((key, title, [block for part in parts for block in part.blocks(inputs)]) for key, title, parts in SECTIONS)
    return [Section(key, title, blocks) for key, title, blocks in made if blocks]
