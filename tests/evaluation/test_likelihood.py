"""Log-probabilities, and what stands on them, against one plain forward pass each."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from arabic_llm_pipeline.evaluation import likelihood, preference
from arabic_llm_pipeline.evaluation.likelihood import Stretch, log_probabilities
from arabic_llm_pipeline.parameters.evaluate import EvaluateSettings
from arabic_llm_pipeline.tokens.chat import Renderer
from tests.evaluation.conftest import said


def slowly(model: Any, ids: list[int], start: int) -> list[float]:
    """One sequence, no padding: softmax of the logits before each token."""
    import torch

    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0]
    return [float(torch.log(torch.softmax(logits[place - 1], 0))[ids[place]]) for place in range(start, len(ids))]


@pytest.fixture
def stretches() -> list[Stretch]:
    random = np.random.default_rng(0)
    lengths = [1, 2, 7, 30, 30, 64, 3]
    return [Stretch(random.integers(4, 300, n), int(random.integers(1, n + 1))) for n in lengths]


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_batches_give_what_a_loop_gives(model: Any, stretches: list[Stretch], batch_size: int) -> None:
    found = log_probabilities(model, stretches, batch_size, "test")
    for stretch, values in zip(stretches, found, strict=True):
        expected = slowly(model, stretch.ids.tolist(), stretch.start)
        assert values == pytest.approx(expected, abs=1e-5)  # logsumexp is done in float32
    assert len(found[5]) > 0


def test_large_logits_make_small_batches(model: Any, stretches: list[Stretch], monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    monkeypatch.setattr(likelihood, "LOGITS_BYTES", 70 * model.config.vocab_size * 8)
    score = likelihood._score
    monkeypatch.setattr(
        likelihood, "_score", lambda model, batch: sizes.append([len(s.ids) for s in batch]) or score(model, batch)
    )
    log_probabilities(model, stretches, 64, "test")
    assert sizes == [[64], [30, 30], [7, 3, 2, 1]]


def pairs() -> pl.DataFrame:
    rows = [
        ("d/1", said("ما عاصمة العراق؟"), "العاصمة هي بغداد.", "بغداد"),
        ("d/2", said("ما عاصمة عمان؟"), "مسقط", "العاصمة هي مسقط، وهي مدينة قديمة."),
        ("d/3", [{"role": "system", "content": "أجب باختصار."}, *said("ما لون البحر؟")], "أزرق", "أخضر"),
    ]
    return pl.DataFrame(rows, schema=["id", "prompt", "chosen", "rejected"], orient="row")


def test_pairs_are_scored_as_the_template_writes_them(model: Any, tokenizer: Any, renderer: Renderer) -> None:
    measured = preference.measure(model, renderer, pairs(), EvaluateSettings(window=128, batch_size=4))
    for row, found in zip(pairs().iter_rows(named=True), measured.iter_rows(named=True), strict=True):
        begun = tokenizer.apply_chat_template(
            row["prompt"], add_generation_prompt=True, tokenize=True, return_dict=False
        )
        for name in ("chosen", "rejected"):
            answer = tokenizer(row[name] + "<|im_end|>", add_special_tokens=False)["input_ids"]
            expected = slowly(model, begun + answer, len(begun))
            assert found[f"{name}_tokens"] == len(answer)
            assert found[f"{name}_sum"] == pytest.approx(sum(expected), rel=1e-6)


def test_a_pair_longer_than_the_window_loses_the_beginning_of_its_prompt(
    model: Any, tokenizer: Any, renderer: Renderer
) -> None:
    measured = preference.measure(model, renderer, pairs()[:1], EvaluateSettings(window=24))
    begun = tokenizer.apply_chat_template(pairs()["prompt"][0].to_list(), add_generation_prompt=True, return_dict=False)
    answer = tokenizer("بغداد<|im_end|>", add_special_tokens=False)["input_ids"]
    whole = (begun + answer)[-24:]
    assert len(begun + answer) > 24 > len(answer)
    assert measured["rejected_sum"][0] == pytest.approx(sum(slowly(model, whole, 24 - len(answer))), rel=1e-6)


def measured_pairs(*rows: tuple[float, float, int, int]) -> pl.DataFrame:
    names = ["chosen_sum", "rejected_sum", "chosen_tokens", "rejected_tokens"]
    table = pl.DataFrame(
        list(rows), schema=dict.fromkeys(names[:2], pl.Float64) | dict.fromkeys(names[2:], pl.Int64), orient="row"
    )
    return table.insert_column(0, pl.Series("id", [f"d/{i}" for i in range(len(rows))], dtype=pl.String))


def test_preference_by_hand() -> None:
    """By sums the second and third are right (a tie is wrong), by means the first and third, by reward the first."""
    measured = measured_pairs((-8.0, -3.0, 8, 2), (-4.0, -6.0, 2, 6), (-1.0, -9.0, 3, 3), (-2.0, -2.0, 4, 4))
    before = measured_pairs((-9.0, -3.0, 8, 2), (-3.0, -6.0, 2, 6), (-1.0, -9.0, 3, 3), (-2.0, -2.0, 4, 4))
    scores = preference.scores(measured, before[::-1], 500, 0)
    assert (scores["pairs"], scores["sum_accuracy"], scores["mean_accuracy"]) == (4, 0.5, 0.5)
    assert scores["implicit_accuracy"] == 0.25
    assert scores["margin_mean"] == pytest.approx((-5 + 2 + 8 + 0) / 4)
    assert scores["margin_interval"][0] < scores["margin_mean"] < scores["margin_interval"][1]
    assert scores["implicit_margin_mean"] == pytest.approx((1 - 1 + 0 + 0) / 4)
    assert scores["implicit_margin_interval"] == pytest.approx((-0.75, 0.75), abs=0.26)
    told = pl.DataFrame({"id": ["d/0", "d/1", "d/2", "d/3"], "dialect": ["MSA", "EGY", "MSA", None]})
    egy, msa = preference.dialect_rows(measured, before, told, 500, 0)
    assert (egy["dialect"], egy["pairs"], egy["sum_accuracy"], egy["margin_mean"]) == ("EGY", 1, 1, 2)
    assert (msa["dialect"], msa["pairs"], msa["sum_accuracy"], msa["implicit_margin_mean"]) == ("MSA", 2, 0.5, 0.5)
    assert preference.scores(measured, None, 500, 0)["implicit_accuracy"] is None


def test_without_pairs_there_is_no_score() -> None:
    scores = preference.scores(measured_pairs(), None, 500, 0)
    assert scores["why"] == "no held-out pairs"
    assert {key: value for key, value in scores.items() if key not in {"why", "pairs"}} == dict.fromkeys(
        ["sum_accuracy", "sum_interval", "mean_accuracy", "mean_interval", "implicit_accuracy", "implicit_interval",
         "margin_mean", "margin_interval"]
    )  # fmt: skip
