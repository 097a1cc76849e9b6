"""How each stage went: its settings, its curves, what it cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from matplotlib.figure import Figure as Plot

from arabic_llm_pipeline.artifacts.digests import plain as without_neutral
from arabic_llm_pipeline.recipes import Stage, last_stage
from arabic_llm_pipeline.reporting import plots, trained_on
from arabic_llm_pipeline.reporting.inputs import Inputs
from arabic_llm_pipeline.reporting.style import to_svg
from arabic_llm_pipeline.reporting.view import ABSENT, Block, Column, Figure, Table, count, duration, flat, short

TABLE_ROWS = 12  # of a curve's numbers; all of them are in the stage's log
MOST_LINES = 6  # of a plot: so many can be told apart
TAGS = ("source", "dialect", "kind")  # by which a step tells its loss


@dataclass(frozen=True)
class Curve:
    """One plot of a stage: columns of its log that share an axis."""

    key: str
    title: str
    columns: Mapping[str, str]  # column of the log -> its name in the plot
    smooth: bool = True


CURVES = (
    Curve("loss", "Loss", {"loss": "loss"}),
    Curve("held-out", "Loss on held-out rows", {"validation_loss": "held-out loss"}, smooth=False),
    Curve("rate", "Learning rate", {"learning_rate": "learning rate"}, smooth=False),
    Curve("gradient", "Gradient norm before clipping", {"grad_norm": "gradient norm"}),
    Curve("entropy", "Entropy of the next token, nats", {"entropy": "entropy"}),
    Curve("speed", "Tokens per second", {"tokens_per_second": "tokens per second"}),
    Curve(
        "memory",
        "Memory in MB",
        {
            "process_memory_now_mb": "process, now",
            "process_memory_mb": "process, most so far",
            "device_memory_mb": "tensors on the device, most so far",
            "device_used_mb": "device with CUDA's own, most so far",
        },
        smooth=False,
    ),
    Curve("load", "Share of the time in which the card computed", {"device_utilisation": "share"}),
    Curve("watts", "Watts that the card drew", {"device_watts": "watts"}),
    Curve("heat", "Temperature of the card, degrees Celsius", {"device_celsius": "degrees"}),
    Curve("rewards", "Implicit rewards", {"rewards/chosen": "chosen", "rewards/rejected": "rejected"}),
    Curve("margin", "Reward margin, chosen less rejected", {"rewards/margins": "margin"}),
    Curve("preferred", "Share of pairs ranked right", {"rewards/accuracies": "share"}),
    Curve("given", "Rewards given", {"max_reward": "most", "mean_reward": "mean", "min_reward": "least"}),
    Curve("answers", "Log-probability of answers", {"logps/chosen": "chosen", "logps/rejected": "rejected"}),
    Curve("likelihood", "Likelihood beside the preference, nats a token", {"nll_loss": "chosen answers"}),
    Curve("moved", "Estimated divergence from the reference, nats", {"kl": "divergence"}),
)


def blocks(inputs: Inputs) -> list[Block]:
    """For each stage its outcome, settings and curves."""
    return [_block(inputs, stage) for stage in inputs.stages]


def _block(inputs: Inputs, stage: str) -> Block:
    log, cost = inputs.logs[stage], inputs.resources[stage]
    parent = inputs.parent(stage)
    text = (
        f"Trained from {parent}: {count(cost.get('steps'))} steps, {count(cost.get('tokens'))} tokens, "
        f"{duration(cost.get('seconds'))} on {cost.get('device', 'an unnamed device')}. "
        f"Loss {_ends(log, 'loss')}; medians of the first and the last tenth of the steps."
    )
    figures = [figure for curve in (*CURVES, *loss_curves(log)) if (figure := curve_figure(stage, curve, log))]
    lists = [*trained_on.tables(stage, cost.get("data", {})), _settings(inputs, stage)]
    return Block(stage, [text, *_held_out(cost)], figures, lists=lists)


def loss_curves(log: pl.DataFrame) -> list[Curve]:
    """The loss by each tag that has several values, in training and on held-out rows; those that most steps have."""
    found = []
    for kind, words in (("loss", "Loss"), ("validation_loss", "Loss on held-out rows")):
        for tag in TAGS:
            prefix = f"{kind}/{tag}/"
            names = sorted(
                (name for name in log.columns if name.startswith(prefix)), key=lambda name: -log[name].count()
            )
            columns = {name: name.removeprefix(prefix) for name in names[:MOST_LINES]}
            others = f" (of {len(names)}, those that come most)" if len(names) > MOST_LINES else ""
            key = f"{kind}-{tag}".replace("_", "-")
            found.append(Curve(key, f"{words} by {tag}{others}", columns, smooth=kind == "loss"))
    return found


def _held_out(cost: Mapping[str, Any]) -> list[str]:
    """Which step was best on held-out rows, and whether the result is of it."""
    if "best_step" not in cost:
        return []
    taken = "the result is of that step" if cost.get("result_is_of_best_step") else "the result is of the last step"
    return [
        f"Lowest loss on held-out rows {short(cost['best_validation_loss'])}, at step {cost['best_step']}; {taken}."
    ]


def _ends(log: pl.DataFrame, column: str) -> str:
    """Medians of the first and the last tenth: single steps say little."""
    values = log[column].drop_nulls().to_numpy() if column in log.columns else np.array([])
    if not len(values):
        return ABSENT
    tenth = max(1, len(values) // 10)
    return f"from {np.median(values[:tenth]):.3f} to {np.median(values[-tenth:]):.3f}"


def _settings(inputs: Inputs, stage: str) -> Table:
    made = last_stage(stage) or Stage(stage)
    given = inputs.settings
    rows = [list(row) for row in flat(without_neutral(given.get(made.method, {})), made.method)]
    rows += [[f"{key}, of this stage", shown] for key, shown in flat(dict(made.settings))]
    rows += [["learning_rate, times", short(made.rate)]] if made.rate != 1 else []
    rows += [list(row) for row in flat(without_neutral(given.get("adapter", {})), "adapter")]
    return Table(f"Settings of {stage}", [Column("Parameter", "code"), Column("Value", "code")], rows)


def curve_figure(stage: str, curve: Curve, log: pl.DataFrame) -> Figure | None:
    """A curve with its numbers; none where the log has no such values (a device, rewards)."""
    there = {column: shown for column, shown in curve.columns.items() if column in log.columns and _some(log[column])}
    if not there:
        return None
    key = f"{stage}-{curve.key}".replace("_", "-")
    caption = f"{curve.title}, {stage}."
    if curve.smooth:
        caption += f" The strong line is the running mean over {plots.SMOOTH:.0%} of the steps."
    if len(log) > plots.MOST_POINTS:
        caption += f" Drawn as means of {plots.MOST_POINTS} stretches."
    return Figure(key, to_svg(curve_plot(curve, log, there), key), caption, _numbers(stage, log, there))


def curve_plot(curve: Curve, log: pl.DataFrame, columns: Mapping[str, str]) -> Plot:
    """The plot alone."""
    lines = {
        shown: log[column].cast(pl.Float64).fill_null(float("nan")).to_numpy() for column, shown in columns.items()
    }
    return plots.curves(log["step"].to_numpy(), lines, curve.title, smooth=curve.smooth)


def _some(values: pl.Series) -> bool:
    numbers = values.cast(pl.Float64).drop_nulls()
    return bool(len(numbers)) and bool((numbers.is_finite() & (numbers != 0)).any())


def _numbers(stage: str, log: pl.DataFrame, columns: Mapping[str, str]) -> Table:
    """Evenly spaced steps, the first and the last among them."""
    taken = log.filter(pl.any_horizontal(pl.col(list(columns)).is_not_null()))
    places = sorted({round(place) for place in np.linspace(0, len(taken) - 1, min(TABLE_ROWS, len(taken)))})
    rows = taken[places].select("step", *columns).rows()
    heads = [Column("Step", "number"), *(Column(shown, "number") for shown in columns.values())]
    return Table(
        f"{len(rows)} of {len(taken)} steps; all are in {stage}_log",
        heads,
        [[count(step), *map(short, rest)] for step, *rest in rows],
    )
