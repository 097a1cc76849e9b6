"""Held-out prose: perplexity by dialect, what the stride does to it, loss by position, words guessed."""

from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from arabic_llm_pipeline.reporting import plots
from arabic_llm_pipeline.reporting.cells import ends, find, rows, shown
from arabic_llm_pipeline.reporting.inputs import Inputs
from arabic_llm_pipeline.reporting.measured import Row, value
from arabic_llm_pipeline.reporting.plots import Series, percent, percents
from arabic_llm_pipeline.reporting.style import to_svg
from arabic_llm_pipeline.reporting.view import Block, Column, Figure, Table, count, short

Scores = Mapping[str, pl.DataFrame]
VIEWS = {"prose": "orthography kept", "prose_normalized": "letters unified"}
UNITS = {"token": "Per token", "word": "Per word", "character": "Per character", "byte": "Per byte"}
WORDS = {
    ("next_word", "top_1"): "next word, first guess",
    ("next_word", "top_5"): "next word, five guesses",
    ("masked_word", "accuracy"): "word left out",
    ("masked_word", "top_1"): "word left out, first guess",
    ("masked_word", "top_5"): "word left out, five guesses",
}


def blocks(inputs: Inputs) -> list[Block]:
    """The section's parts."""
    scores = inputs.of("language")
    if not any(len(frame) for frame in scores.values()):
        return []
    guessed = _words_figure({**scores, **_encoders(inputs["encoder_scores"])})
    return [
        Block("Held-out prose", figures=[_perplexity_figure(scores, of) for of in VIEWS]),
        Block("Words", figures=[guessed] if guessed else [], text=_reasons(scores, {"next_word", "masked_word"})),
        Block(
            "Context",
            figures=list(filter(None, [_position_figure(scores), _dialect_positions(scores)])),
            tables=list(filter(None, [_stride_table(scores)])),
            text=_reasons(scores, {"stride", "loss_by_position"}),
        ),
    ]


def _encoders(found: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The scores of each encoder in the shape of a candidate's."""
    named = found.filter(by="encoder").drop_nulls("value")["group"].unique(maintain_order=True)
    return {
        f"{name} (encoder)": pl.concat([
            found.filter(by="encoder", group=name).with_columns(by=pl.lit("all"), group=pl.lit("all")),
            found.filter(by=f"encoder {name}").with_columns(by=pl.lit("dialect")),
        ])
        for name in named
    }  # fmt: skip


def _reasons(scores: Scores, measures: set[str]) -> list[str]:
    """Why a measure has no score at all, once each."""
    found = [row for of in scores.values() for row in of.filter(pl.col("measure").is_in(measures)).to_dicts()]
    said = [f"{row['measure'].replace('_', ' ').capitalize()}: {row['why']}." for row in found if row["why"]]
    return list(dict.fromkeys(said))


def _groups(scores: Scores, **wanted: str) -> list[str]:
    """Groups that some candidate has a score of, in the order of the rows."""
    found = (row["group"] for of in scores.values() for row in rows(of, **wanted) if row["value"] is not None)
    return list(dict.fromkeys(found))


def _perplexity_figure(scores: Scores, of: str) -> Figure:
    named = {"measure": "perplexity", "set": of}
    dialects = ["all", *_groups(scores, **named, metric="bits_per_byte", by="dialect")]
    found = {name: [_of(frame, group, **named, metric="bits_per_byte") for group in dialects]
             for name, frame in scores.items()}  # fmt: skip
    series = [Series(name, [value(row, "value") for row in cells], list(map(ends, cells)))
              for name, cells in found.items()]  # fmt: skip
    names = ["Dialect", "Candidate", "Documents", *UNITS.values(), "Bits a byte [95%]"]
    cells = [
        [group, name, count(value(found[name][place], "items")),
         *(short(value(_of(scores[name], group, **named, metric=f"perplexity_per_{unit}"), "value")) for unit in UNITS),
         shown(found[name][place], 3)]
        for place, group in enumerate(dialects) for name in scores
    ]  # fmt: skip
    absent = {row["why"] for frame in scores.values() for row in rows(frame, **named) if row["why"]}
    caption = (
        f"How well held-out prose is predicted, {VIEWS[of]}: bits a byte, lower is better. Perplexity per token hangs "
        "on the tokenizer, per word, character and byte it does not. Intervals: bootstrap over documents."
        + "".join(f" There is {why}." for why in sorted(absent))
    )
    key = f"perplexity-{of}"
    svg = to_svg(plots.dots(dialects, series, "bits a byte", f"Prose: {VIEWS[of]}"), key)
    return Figure(key, svg, caption, Table(f"Perplexity, {VIEWS[of]}", _columns(names, 2), cells))


def _of(frame: pl.DataFrame, group: str, **wanted: str) -> Row | None:
    return find(frame, **wanted) if group == "all" else find(frame, **wanted, by="dialect", group=group)


def _words_figure(scores: Scores) -> Figure | None:
    found = {name: {key: find(of, measure=key[0], metric=key[1]) for key in WORDS} for name, of in scores.items()}
    there = [key for key in WORDS if any(value(cells[key], "value") is not None for cells in found.values())]
    if not there:
        return None
    chance = value(find(next(iter(scores.values())), measure="masked_word", metric="chance"), "value")
    series = [
        Series(
            name, [percent(value(cells[key], "value")) for key in there], [percents(ends(cells[key])) for key in there]
        )
        for name, cells in found.items()
    ]
    groups = {key: ["all", *_groups(scores, measure=key[0], metric=key[1], by="dialect")] for key in there}
    table = [
        [WORDS[key], group, name, count(value(row, "items")), shown(row, 1, 100)]
        for key in there for group in groups[key] for name, frame in scores.items()
        for row in [_of(frame, group, measure=key[0], metric=key[1])] if row
    ]  # fmt: skip
    caption = (
        "Whole words, with their clitics. Next word: the true one is the most probable, or one of the five most "
        "probable, after the text before it. Word left out: the sentence with the true word is more probable than with "
        f"each of the others of like length and frequency; by chance that is {percent(chance) or 0:.0f}%. Encoders see "
        "both sides of a gap, and their guesses are of words of as many tokens as the true one has. Intervals: "
        "Wilson, over places."
    )
    names = ("Measure", "Dialect", "Candidate", "Places", "Percent [95%]")
    svg = to_svg(plots.dots([WORDS[key] for key in there], series, "percent", "Words guessed"), "words-guessed")
    return Figure("words-guessed", svg, caption, Table("Words guessed", _columns(names, 3), table))


def _position_figure(scores: Scores) -> Figure | None:
    """Loss by the number of tokens before, of all candidates."""
    lines = {name: rows(of, measure="loss_by_position", by="position") for name, of in scores.items()}
    return _curve("loss-by-position", "Loss by position in the window", "Candidate", lines)


def _dialect_positions(scores: Scores) -> Figure | None:
    """The same of the last candidate, by dialect."""
    last, frame = list(scores.items())[-1]
    found = frame.filter(pl.col("by").str.starts_with("position ")).to_dicts()
    dialects = dict.fromkeys(row["by"].removeprefix("position ") for row in found)
    lines = {name: [row for row in found if row["by"] == f"position {name}"] for name in dialects}
    return _curve("loss-by-position-dialect", f"Loss by position and dialect: {last}", "Dialect", lines)


def _curve(key: str, title: str, what: str, lines: Mapping[str, Sequence[Row]]) -> Figure | None:
    lines = {name: [row for row in found if row["value"] is not None] for name, found in lines.items()}
    lines = {name: found for name, found in lines.items() if found}
    if not lines:
        return None
    figure = plots.powers(
        {name: ([_middle(row["group"]) for row in found], [row["value"] for row in found])
         for name, found in lines.items()},
        title, "tokens before", "nats a token",
    )  # fmt: skip
    caption = (
        "How much a token costs by how many tokens stand before it in the window: where the line stops falling, more "
        "context does not help. Of full windows of the documents that fill one, the same windows at every position."
    )
    table = [[name, row["group"], count(row["items"]), shown(row, 3)] for name, found in lines.items() for row in found]
    names = (what, "Tokens before", "Documents", "Nats a token [95%]")
    return Figure(key, to_svg(figure, key), caption, Table(title, _columns(names, 2), table))


def _middle(group: str) -> float:
    """The middle of a bucket on a scale of powers."""
    first, _, last = group.partition("-")
    return float((int(first) * int(last or first)) ** 0.5)


def _stride_table(scores: Scores) -> Table | None:
    strides = _groups(scores, measure="stride", metric="bits_per_byte")
    if not strides:
        return None
    cells = [
        [name, stride, count(value(bits, "items")), shown(bits, 3), shown(tokens, 1)]
        for name, frame in scores.items() for stride in strides
        for bits, tokens in [[find(frame, measure="stride", metric=metric, by="stride", group=stride)
                              for metric in ("bits_per_byte", "perplexity_per_token")]]
    ]  # fmt: skip
    caption = (
        "What the stride does: a smaller one gives each token more context before it, and takes longer. On documents "
        "longer than a window; the largest stride leaves one token of overlap."
    )
    names = ("Candidate", "Stride, tokens", "Documents", "Bits a byte [95%]", "Perplexity per token [95%]")
    return Table(caption, _columns(names, 1), cells, "Perplexity by stride")


def _columns(names: Iterable[str], texts: int) -> list[Column]:
    return [Column(name, "text" if place < texts else "number") for place, name in enumerate(names)]
