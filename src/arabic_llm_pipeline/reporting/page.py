"""The page: sections of blocks, filled into the templates."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from arabic_llm_pipeline.reporting import audit, data, fertility, findings, quality, run, scores, tokens, training
from arabic_llm_pipeline.reporting.changes import change
from arabic_llm_pipeline.reporting.inputs import Inputs
from arabic_llm_pipeline.reporting.samples import samples
from arabic_llm_pipeline.reporting.view import Block, listed

ARABIC = re.compile("[\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufeff]")  # Unicode's Arabic blocks
JSON = re.compile(r"""\s*[\[{]\s*["']""")  # a raw record: its syntax runs from left to right
LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True)
class Section:
    """A heading of the page and what stands under it."""

    key: str
    title: str
    blocks: Sequence[Block]


def render(inputs: Inputs) -> str:
    """The report as one HTML page that needs nothing else."""
    environment = Environment(
        loader=PackageLoader("arabic_llm_pipeline.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(say=say, direction=direction)
    return environment.get_template("page.html").render(
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
        Section("data", "Data", [*data.blocks(inputs), *quality.blocks(inputs), *audit.blocks(inputs)]),
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
        Section("samples", "Samples", []),
        Section("resources", "Resources", [Block(tables=[training.resources_table(inputs)])]),
        Section("run", "What was run", run.blocks(inputs)),
    ]


def direction(text: Any) -> Markup:
    """Attributes of an element that holds a text of the corpus: right to left, unless it is not mostly Arabic."""
    if JSON.match(str(text)):
        return Markup(' dir="ltr"')
    letters = LETTER.findall(str(text))
    arabic = sum(bool(ARABIC.match(letter)) for letter in letters)
    return Markup(' dir="rtl" lang="ar"') if 2 * arabic >= len(letters) else Markup(' dir="ltr"')


def say(text: Any) -> Markup:
    """A text among others: escaped, and Arabic in it kept from turning its neighbours around."""
    shown = "" if text is None else str(text)
    return Markup("<bdi{}>{}</bdi>").format(direction(shown), shown) if ARABIC.search(shown) else escape(shown)
