"""What is said of a reward model: against sums by hand."""

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.stats import spearmanr

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.corpus.records import message
from arabic_llm_pipeline.evaluation import reward
from arabic_llm_pipeline.evaluation.statistics import wilson
from arabic_llm_pipeline.parameters.evaluate import EvaluateSettings
from arabic_llm_pipeline.recipes import CHAINS, SCORING, candidates, reward_models, stage, trained
from arabic_llm_pipeline.tokens.chat import Renderer
from arabic_llm_pipeline.tokens.tokenizer import load_tokenizer
from tests.evaluation.conftest import TEXTS
from tests.tokenizers import train_bpe


def measured(chosen: list[float], rejected: list[float]) -> pl.DataFrame:
    count = len(chosen)
    return pl.DataFrame(
        {
            "id": [str(place) for place in range(count)],
            "source": ["one", "two"] * (count // 2),
            "dialect": ["MSA"] * count,
            "chosen": chosen,
            "rejected": rejected,
            "chosen_tokens": [3, 9, 4, 2],
            "rejected_tokens": [5, 5, 4, 1],
        }
    )


def test_scores_by_hand() -> None:
    found = reward.scores(measured([2.0, 0.5, 1.0, -1.0], [0.0, 0.0, 1.0, 0.5]), 100, 0)
    assert (found["pairs"], found["accuracy"]) == (4, 0.5)  # a tie counts as wrong
    assert found["interval"] == wilson(2, 4)
    assert found["margin_mean"] == pytest.approx((2 + 0.5 + 0 - 1.5) / 4)
    assert found["loss"] == pytest.approx(np.mean([math.log1p(math.exp(-margin)) for margin in (2, 0.5, 0, -1.5)]))
    assert found["length"]["longer_accuracy"] == 0.5
    expected = spearmanr([2.0, 0.5, 1.0, -1.0, 0.0, 0.0, 1.0, 0.5], [3, 9, 4, 2, 5, 5, 4, 1]).statistic
    assert found["length"]["correlation"] == pytest.approx(expected)
    assert [(row["by"], row["group"], row["accuracy"]) for row in found["by"]] == [
        ("source", "one", 0.5), ("source", "two", 0.5), ("dialect", "MSA", 0.5),
    ]  # fmt: skip
    assert found["rewards"]["chosen"]["mean"] == pytest.approx(0.625)


def test_calibration_by_hand() -> None:
    """Sure at 0.88 three times and right twice, at 0.62 once and right; bins of a tenth."""
    found = reward.calibration(np.array([2.0, 2.0, -2.0, 0.5]))
    sure, little = 1 / (1 + math.exp(-2)), 1 / (1 + math.exp(-0.5))
    filled = [row for row in found["bins"] if row["pairs"]]
    assert [(row["low"], row["pairs"]) for row in filled] == [(pytest.approx(0.6), 1), (pytest.approx(0.8), 3)]
    assert filled[1]["right"] == pytest.approx(2 / 3)
    assert filled[1]["said"] == pytest.approx(sure)
    assert found["error"] == pytest.approx((3 * abs(2 / 3 - sure) + (1 - little)) / 4)
    always = reward.calibration(np.full(50, 30.0))
    assert always["error"] == pytest.approx(0, abs=1e-9)


class Lengths:
    """A reward model that likes long sequences, and keeps what it is asked; it has room for so many tokens at once."""

    def __init__(self, room: int = 10_000, broken: int = 0):
        self.room, self.broken, self.rows, self.body = room, broken, [], self

    def together(self, rows: list[np.ndarray]) -> np.ndarray:
        if max(map(len, rows)) * len(rows) > self.room:
            raise MemoryError
        self.rows = rows
        return np.array([float("nan") if len(row) == self.broken else float(len(row)) for row in rows])


def test_a_reward_that_is_no_number_names_the_pair() -> None:
    rows = [np.arange(length) for length in (3, 5, 4)]
    with pytest.raises(UserError, match="Pairs: the rewards of the model for pair b are not a number"):
        reward.rewards(Lengths(broken=5), rows, ["pair a", "pair b", "pair c"], 8, "Pairs")


def test_where_memory_runs_out_fewer_are_asked_at_once() -> None:
    rows = [np.arange(length) for length in (3, 5, 4, 1)]
    assert reward.rewards(Lengths(room=10), rows, list("abcd"), 8, "Pairs").tolist() == [3, 5, 4, 1]


def test_prompts_and_answers_stand_as_in_training(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(train_bpe(TEXTS, 400, tmp_path / "tokenizer"))
    said = [message("user", "من أين أنت؟")]
    pairs = pl.DataFrame(
        {"id": ["1"], "source": ["s"], "dialect": ["MSA"], "prompt": [said], "chosen": ["من مصر"], "rejected": ["لا"]}
    )
    scorer, renderer = Lengths(), Renderer(tokenizer)
    frame = reward.measure(scorer, renderer, pairs, EvaluateSettings())
    text = tokenizer.apply_chat_template([*said, message("assistant", "لا")], tokenize=False).rstrip("\n")
    assert tokenizer.decode(scorer.rows[0]) == text
    assert frame["rejected"].item() == len(scorer.rows[0])
    reward.measure(scorer, renderer, pairs, EvaluateSettings(window=5))
    assert len(scorer.rows[0]) == 5
    scores, values = reward.evaluate_reward("sft_reward", scorer, renderer, pairs, EvaluateSettings(), 3)
    assert (scores["pairs"], scores["kind"], scores["seed"]) == (1, "reward", 3)
    assert set(values["kind"]) == {
        "chosen_reward", "rejected_reward", "chosen_tokens_reward", "rejected_tokens_reward",
    }  # fmt: skip
    none, _ = reward.evaluate_reward("reward", scorer, renderer, pairs.clear(), EvaluateSettings(), 3)
    assert (none["pairs"], none["why"]) == (0, "no held-out pairs")


def test_reward_models_are_no_candidates_and_end_their_chains() -> None:
    assert candidates("sft_reward+sft_dpo") == ["base", "sft", "sft_dpo"]
    assert reward_models("sft_reward+sft_dpo+reward") == ["sft_reward", "reward"]
    assert trained("sft_reward+sft") == ["sft", "sft_reward"]
    for chain in CHAINS.values():
        assert not [label for label in chain[:-1] if stage(label).method in SCORING]
