"""How fast the candidates read and write on the machine of the run."""

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from arabic_llm_pipeline.reporting import plots
from arabic_llm_pipeline.reporting.cells import find, shown
from arabic_llm_pipeline.reporting.inputs import Inputs
from arabic_llm_pipeline.reporting.measured import Row, value
from arabic_llm_pipeline.reporting.style import to_svg
from arabic_llm_pipeline.reporting.view import Block, Column, Figure, Table, count

READ, WRITTEN, FIRST = "prefill_tokens_per_second", "generation_tokens_per_second", "time_to_first_token_ms"
COLUMNS = {FIRST: "Milliseconds to the first token [95%]", READ: "Read, tokens a second [95%]",
           WRITTEN: "Written, tokens a second [95%]"}  # fmt: skip
Scores = Mapping[str, pl.DataFrame]


def blocks(inputs: Inputs) -> list[Block]:
    """A figure of what is written a second by batch size, with all figures as its table."""
    scores = inputs.of("speed")
    timed = {name: of.filter(by="batch") for name, of in scores.items() if len(of.filter(by="batch"))}
    return [Block(figures=[_figure(timed, scores)])] if timed else []


def _figure(timed: Scores, scores: Scores) -> Figure:
    lines = {f"{name}, {form}": _line(frame, form) for name, frame in timed.items() for form in _forms(frame)}
    known = {name: line for name, line in lines.items() if line[0]}
    svg = to_svg(plots.powers(known, "Tokens written", "prompts at once", "tokens a second"), "speed") if known else ""
    conditions = ", ".join(next(iter(timed.values()))["decoding"][0].split("; ")[1:3])
    caption = (
        f"What transformers' generate does on this machine: {conditions}. Rates are of all prompts of a batch; "
        "the first token comes when the prompts are read. An adapter stands beside the base, whose weights are held as "
        "in training; merged are both in one, unquantised. Intervals: bootstrap over runs, on one machine on one day."
    )
    return Figure("speed", svg, caption, Table("Speed by batch", _columns(), list(_rows(timed, scores))))


def _line(frame: pl.DataFrame, form: str) -> tuple[Sequence[float], Sequence[float]]:
    rows = frame.filter(pl.col("value").is_not_null(), set=form, metric=WRITTEN)
    return [float(batch) for batch in rows["group"]], rows["value"].to_list()


def _forms(frame: pl.DataFrame) -> list[str]:
    return list(dict.fromkeys(frame["set"]))


def _rows(timed: Scores, scores: Scores) -> Iterator[list[str]]:
    for name, frame in timed.items():
        for form in _forms(frame):
            weights = find(scores[name], set=form, metric="weights_mb")
            for batch in dict.fromkeys(frame.filter(set=form)["group"]):
                cells = {metric: _of(frame, form, batch, metric) for metric in (*COLUMNS, "peak_memory_mb")}
                told = [shown(cells[metric], 0) for metric in COLUMNS]
                sizes = [count(_whole(row)) for row in (cells["peak_memory_mb"], weights)]
                yield [name, form, batch, *told, *sizes]


def _of(frame: pl.DataFrame, form: str, batch: str, metric: str) -> Row | None:
    return find(frame, set=form, metric=metric, by="batch", group=batch)


def _whole(row: Row | None) -> int | None:
    found = value(row, "value")
    return None if found is None else round(found)


def _columns() -> list[Column]:
    names = ["Prompts at once", *COLUMNS.values(), "Peak memory, MB", "Weights, MB"]
    return [Column("Candidate", "text"), Column("Form", "text"), *(Column(name, "number") for name in names)]
