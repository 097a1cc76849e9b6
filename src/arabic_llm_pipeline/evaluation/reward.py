"""What a reward model makes of held-out pairs: how often, by how much and how surely the chosen answer is first."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from arabic_llm_pipeline.evaluation.details import long
from arabic_llm_pipeline.evaluation.likelihood import not_a_number
from arabic_llm_pipeline.evaluation.portions import in_portions
from arabic_llm_pipeline.evaluation.results import harness
from arabic_llm_pipeline.evaluation.statistics import bootstrap, wilson
from arabic_llm_pipeline.parameters.evaluate import EvaluateSettings
from arabic_llm_pipeline.tokens.chat import Renderer
from arabic_llm_pipeline.tokens.encoder import Ids
from arabic_llm_pipeline.training.rewards import Scorer

ANSWERS = ("chosen", "rejected")
REWARD = "_reward"  # ends the kinds of the values behind the scores
BINS = 5  # of the probability that a reward model gives to its own choice, which is a half at least
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
Scores = dict[str, Any]


def evaluate_reward(
    name: str, scorer: Scorer, renderer: Renderer, pairs: pl.DataFrame, settings: EvaluateSettings, seed: int
) -> tuple[Scores, pl.DataFrame]:
    """Scores of a reward model, and the values behind them (kind, id, value).

    Args:
        name: of the stage.
        scorer: the model.
        renderer: of its tokenizer.
        pairs: held-out ones: id, source, dialect, prompt, chosen, rejected.
        settings: window, batch_size, resamples.
        seed: of the bootstrap.

    Raises:
        UserError: a reward is no number, or memory runs out with one pair alone.
    """
    measured = measure(scorer, renderer, pairs, settings)
    about = {"candidate": name, "kind": "reward", "seed": seed, "harness": harness()}
    found = scores(measured, settings.resamples, seed) if len(measured) else {"pairs": 0, "why": "no held-out pairs"}
    values = measured.select("id", *ANSWERS, *(f"{answer}_tokens" for answer in ANSWERS))
    return {**about, **found, "settings": settings.model_dump(mode="json")}, long([values], [REWARD])


def measure(scorer: Scorer, renderer: Renderer, pairs: pl.DataFrame, settings: EvaluateSettings) -> pl.DataFrame:
    """The reward of both answers to each prompt, and their tokens: id, source, dialect, chosen, rejected, ...

    Prompts are in the chat format and an answer's end of turn stands with it, as in training. What does not fit in the
    window is cut: the end of the answer, then the beginning of the prompt.
    """
    prompts = pairs["prompt"].to_list()
    begun = renderer.prompts(prompts)
    told = pairs.select("id", "source", "dialect")
    for name in ANSWERS:
        answers = renderer.answers(prompts, pairs[name].to_list())
        rows = [_within(prompt, answer, settings.window) for prompt, answer in zip(begun, answers, strict=True)]
        given = rewards(scorer, rows, [f"pair {id_}" for id_ in pairs["id"]], settings.batch_size, "Rewards of pairs")
        told = told.with_columns(
            pl.Series(name, given, pl.Float64), pl.Series(f"{name}_tokens", [len(ids) for ids in answers], pl.Int64)
        )
    return told


def rewards(
    scorer: Scorer, rows: Sequence[Ids], names: Sequence[str], batch_size: int, label: str
) -> NDArray[np.float64]:
    """The reward of each sequence of tokens, prompt and answer together; [rows].

    Args:
        scorer: the model.
        rows: token ids.
        names: of them, for errors.
        batch_size: how many at once, at most; fewer where memory runs out.
        label: what is being done, for the progress shown.

    Raises:
        UserError: a reward is no number, or memory runs out with one sequence alone.
    """

    def work(batch: list[int]) -> list[float]:
        found = scorer.together([rows[place] for place in batch])
        for place, reward in zip(batch, found, strict=True):
            if not np.isfinite(reward):
                raise not_a_number(scorer.body, label, names[place], "rewards")
        return found.tolist()

    widths = [len(row) for row in rows]
    return np.array(in_portions(scorer.body, widths, work, size=batch_size, kind="rewards", label=label), np.float64)


def scores(measured: pl.DataFrame, resamples: int, seed: int) -> Scores:
    """Accuracy with its interval, margin, loss, calibration, by source and dialect, and what length alone would say.

    A tie counts as wrong. The loss is -log sigmoid of the margin, 0.693 for one who knows nothing.

    Args:
        measured: from `measure`.
        resamples: for the interval of the margin.
        seed: of the bootstrap.
    """
    margins = (measured["chosen"] - measured["rejected"]).to_numpy()
    losses, ones = np.logaddexp(0, -margins), [1.0] * len(margins)
    longer = (measured["chosen_tokens"] > measured["rejected_tokens"]).to_numpy()
    both = np.concatenate([measured[name].to_numpy() for name in ANSWERS])
    tokens = np.concatenate([measured[f"{name}_tokens"].to_numpy() for name in ANSWERS])
    return {
        "pairs": len(measured),
        **_accuracy(margins > 0),
        "margin_mean": float(margins.mean()),
        "margin_interval": bootstrap(margins.tolist(), ones, resamples, seed),
        "loss": float(losses.mean()),
        "loss_interval": bootstrap(losses.tolist(), ones, resamples, seed),
        "calibration": calibration(margins),
        "rewards": {name: _spread(measured[name].to_numpy()) for name in ANSWERS},
        "by": list(_by(measured)),
        "length": {
            "longer_accuracy": float(longer.mean()),  # of one who takes the longer answer
            "longer_interval": wilson(int(longer.sum()), len(longer)),
            "correlation": _correlation(both, tokens),
        },
    }


def calibration(margins: np.ndarray) -> dict[str, Any]:
    """Whether a model is right as often as it says: by bins of the probability that it gives to its own choice.

    The probability is sigmoid(|margin|) (Bradley and Terry 1952). The error is the mean distance of the share that was
    right from the mean probability, weighted by pairs (Guo et al. 2017, equation 3).
    """
    sure, right = 1 / (1 + np.exp(-np.abs(margins))), margins > 0
    edges = np.linspace(0.5, 1, BINS + 1)
    places = np.clip(np.digitize(sure, edges) - 1, 0, BINS - 1)
    bins: list[dict[str, Any]] = []
    for place in range(BINS):
        inside = places == place
        count, hits = int(inside.sum()), int(right[inside].sum())
        said = float(sure[inside].mean()) if count else None
        row = {"low": float(edges[place]), "high": float(edges[place + 1]), "pairs": count, "said": said}
        bins.append({**row, "right": hits / count if count else None, "interval": wilson(hits, count)})
    apart = sum(row["pairs"] * abs(row["right"] - row["said"]) for row in bins if row["pairs"])
    return {"error": apart / len(margins), "bins": bins}


def _accuracy(right: np.ndarray) -> Scores:
    return {"accuracy": float(right.mean()), "interval": wilson(int(right.sum()), len(right))}


def _by(measured: pl.DataFrame) -> Iterator[Scores]:
    for by in ("source", "dialect"):
        for (group,), part in measured.sort(by).group_by(by, maintain_order=True):
            right = (part["chosen"] > part["rejected"]).to_numpy()
            yield {"by": by, "group": group, "pairs": len(part), **_accuracy(right)}


def _spread(values: np.ndarray) -> dict[str, float]:
    quantiles = {f"q{round(100 * share):02d}": float(np.quantile(values, share)) for share in QUANTILES}
    return {"mean": float(values.mean()), "deviation": float(values.std()), **quantiles}


def _correlation(rewards: np.ndarray, tokens: np.ndarray) -> float | None:
    """Of ranks (Spearman 1904); None where either does not vary."""
    if len({*rewards.tolist()}) < 2 or len({*tokens.tolist()}) < 2:
        return None
    return float(pl.DataFrame({"a": rewards, "b": tokens}).select(pl.corr("a", "b", method="spearman")).item())


def _within(prompt: Ids, answer: Ids, window: int) -> Ids:
    answer = answer[: window - 1]
    return np.concatenate([prompt[-(window - len(answer)) :], answer])
