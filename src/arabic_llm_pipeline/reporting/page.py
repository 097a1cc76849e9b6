"""The page: sections of blocks, filled into the templates."""

from collections.abc import Sequence
from dataclasses import dataclass

from arabic_llm_pipeline.reporting import (
    audit,
    data,
    fertility,
    findings,
    likeness,
    losses,
    quality,
    run,
    scores,
    tokens,
    training,
    writing,
)
from arabic_llm_pipeline.reporting.changes import change
from arabic_llm_pipeline.reporting.inputs import Inputs
from arabic_llm_pipeline.reporting.samples import samples
from arabic_llm_pipeline.reporting.templating import environment
from arabic_llm_pipeline.reporting.view import Block, listed


@dataclass(frozen=True)
class Section:
    """A heading of the page and what stands under it."""

    key: str
    title: str
    blocks: Sequence[Block]


def render(inputs: Inputs) -> str:
    """The report as one HTML page that needs nothing else."""
    return (
        environment()
        .get_template("page.html")
        .render(
            experiment=run.experiment_name(inputs),
            recipes=inputs.recipes,
            inputs=inputs,
            asked=asked(inputs),
            facts=findings.facts(inputs),
            done=findings.done(inputs),
            found=findings.found(inputs),
            found_table=findings.found_table(inputs),
            short_of=findings.short_of(inputs),
            sections=sections(inputs),
            samples=samples(inputs),
            changes=[change(*row, inputs.report.excerpt) for row in inputs.changes],
            command=run.command(inputs),
            besides=run.besides(inputs),
        )
    )


def asked(inputs: Inputs) -> str:
    """What the run was for, in a sentence."""
    base = inputs.base_model.get("name", "the base model")
    return (
        f"Take the base model {base} through {listed(inputs.stages)} on the sources of this experiment, and measure "
        "each result on the test split: prompts, preference pairs and prose that no stage has seen."
    )


def sections(inputs: Inputs) -> list[Section]:
    """All sections but the summary and the samples, in order."""
    return [
        Section("data", "Data", corpus_blocks(inputs)),
        Section("text", "Text", []),
        Section(
            "tokens",
            "Tokens",
            [
                Block(tables=tokens.split_tables(inputs), lists=list(tokens.train_tables(inputs))),
                *fertility.blocks(inputs.fertility),
            ],
        ),
        Section("training", "Training", training.stage_blocks(inputs)),
        Section("scores", "Scores", scores.blocks(inputs)),
        Section("writing", "Writing", writing.blocks(inputs)),
        Section("samples", "Samples", []),
        Section("resources", "Resources", [Block(tables=[training.resources_table(inputs)])]),
        Section("run", "What was run", run.blocks(inputs)),
    ]


def corpus_blocks(inputs: Inputs) -> list[Block]:
    """All that is said of the corpus: what became of it, what went, copies and contamination, thresholds, audit."""
    lost = [*losses.blocks(data.frame(inputs.funnel)), *likeness.blocks(inputs.verdicts)]
    return [*data.blocks(inputs), *lost, *quality.blocks(inputs), *audit.blocks(inputs)]
