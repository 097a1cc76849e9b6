"""What a chain of stages, each on a dialect of its own, leaves of MSA."""

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from arabic_llm_pipeline.evaluation.held_out import TAGGED
from arabic_llm_pipeline.evaluation.paired import paired
from arabic_llm_pipeline.evaluation.perplexity import COMPARED, MEASURE, SETS
from arabic_llm_pipeline.recipes import BASE, chain_of, stage
from arabic_llm_pipeline.reporting.inputs import Inputs
from arabic_llm_pipeline.reporting.view import ABSENT, Block, Column, Table, count, interval, probability

GROUPS = ("MSA", TAGGED.format("MSA"))  # by what sources say, and by our tagger, which errs
Values = Mapping[str, pl.DataFrame]


def blocks(inputs: Inputs) -> list[Block]:
    """A table for each chain that has stages on several dialects, where MSA was measured on held-out prose."""
    tables = [table for group in GROUPS for table in _tables(group, inputs)]
    return [Block("What is forgotten of MSA", tables=tables)] if tables else []


def _tables(group: str, inputs: Inputs) -> Iterator[Table]:
    """One for each chain that is measured on the documents of a group."""
    measured = {name: _of(group, frame) for name, frame in inputs.of("language_values").items() if len(frame)}
    values = {name: frame for name, frame in measured.items() if len(frame)}
    for line in chains(inputs.candidates):
        there = [name for name in line if name in values]
        if len(there) > 1:
            yield _table(group, there, values, inputs)


def chains(candidates: Sequence[str]) -> list[list[str]]:
    """The candidates along each chain with stages on two dialects or more, from the base on."""
    lines = [[BASE, *_beginnings(name, candidates)] for name in candidates if len(_dialects(name)) > 1]
    return [line for line in lines if not any(set(line) < set(other) for other in lines)]


def _beginnings(candidate: str, candidates: Sequence[str]) -> list[str]:
    labels = chain_of(candidate)
    found = [name for name in candidates if name != BASE and labels[: len(chain_of(name))] == chain_of(name)]
    return sorted(found, key=lambda name: len(chain_of(name)))


def _dialects(candidate: str) -> set[str]:
    """The dialects that stages of a candidate were trained on, each by itself."""
    chosen = (stage(label).settings.get("selection", {}).get("dialects", ()) for label in chain_of(candidate))
    return {dialects[0] for dialects in chosen if len(dialects) == 1}


def _of(group: str, values: pl.DataFrame) -> pl.DataFrame:
    wanted = values.filter(dialect=group, measure=MEASURE, metric=COMPARED, set=SETS["text"])
    return wanted.filter(pl.col("value").is_finite(), pl.col("weight").is_finite())


def _bits(values: pl.DataFrame) -> float:
    return float(values["value"].sum()) / float(values["weight"].sum())


def _against(line: Sequence[str], values: Values) -> Iterator[tuple[str, str]]:
    """Each candidate of a chain after the one that was best before it."""
    for place, name in enumerate(line[1:], 1):
        yield min(line[:place], key=lambda one: _bits(values[one])), name


def _table(group: str, line: Sequence[str], values: Values, inputs: Inputs) -> Table:
    """Forgetting as Chaudhry et al. 2018 (arXiv 1801.10112) have it: against the best before, not the last."""
    tests = paired(values, inputs["language"].resamples, inputs.seed, list(_against(line, values)))
    found = {row["b"]: row for row in tests.to_dicts()}
    rows = []
    for name in line:
        test = found.get(name)
        around = [ABSENT] * 3
        if test:
            ends = interval((test["low"], test["high"]), 3, 1)
            around = [test["a"], f"{test['difference']:+.3f} {ends}", probability(test["p_holm"])]
        rows.append([name, count(values[name]["id"].n_unique()), f"{_bits(values[name]):.3f}", *around])
    names = ["Stage", "Documents", "Bits a byte", "Best before it", "Difference [95%]", "p (Holm)"]
    columns = [Column(name, "text" if place in {0, 3} else "number") for place, name in enumerate(names)]
    return Table(f"{group} after each stage, against the best stage before it (above 0: forgotten)", columns, rows)
