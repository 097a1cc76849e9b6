"""Log-probabilities, and what stands on them, against one plain forward pass each."""

from math import exp, log
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arabic_llm_pipeline.arabic.clean import NORMALIZED, TEXT, clean
from arabic_llm_pipeline.evaluation import likelihood, perplexity, preference
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


def texts() -> pl.DataFrame:
    rows = [
        ("p/1", "MSA", "ذهبت سلمى إلى السوق صباحًا، ثم عادت إلى البيت. " * 4),
        ("p/2", "MSA", "كتب المعلّم درسًا."),
        ("p/3", "EGY", "انا رايح السوق."),
    ]
    return pl.DataFrame(rows, schema=["id", "dialect", "text"], orient="row")


@pytest.mark.parametrize(("view", "policy"), [("text", TEXT), ("text_normalized", NORMALIZED)])
def test_a_long_window_scores_the_whole_text_at_once(
    model: Any, tokenizer: Any, renderer: Renderer, view: str, policy: Any
) -> None:
    settings = EvaluateSettings(window=128, stride=64)
    measured = perplexity.measure(model, renderer, texts()[1:], settings, view)
    for row, text in zip(measured.iter_rows(named=True), texts()[1:]["text"], strict=True):
        cleaned = clean(text, policy)
        ids = tokenizer(cleaned, add_special_tokens=False)["input_ids"]
        expected = -sum(slowly(model, [tokenizer.eos_token_id, *ids], 1))
        assert row["nll"] == pytest.approx(expected, rel=1e-6)
        assert (row["tokens"], row["words"], row["bytes"]) == (len(ids), len(cleaned.split()), len(cleaned.encode()))


def test_each_token_is_scored_once_with_the_context_that_the_stride_leaves(
    model: Any, tokenizer: Any, renderer: Renderer
) -> None:
    window, stride = 16, 5
    measured = perplexity.measure(model, renderer, texts()[:1], EvaluateSettings(window=window, stride=stride), "text")
    ids = [tokenizer.eos_token_id, *tokenizer(clean(texts()["text"][0], TEXT), add_special_tokens=False)["input_ids"]]
    expected = 0.0
    for place in range(1, len(ids)):
        begin = 0 if place < window else -(-(place - window + 1) // stride) * stride  # the first window that holds it
        expected -= slowly(model, ids[begin : place + 1], place - begin)[0]
    assert measured["nll"][0] == pytest.approx(expected, rel=1e-6)


@given(st.integers(1, 200), st.integers(2, 40).flatmap(lambda w: st.tuples(st.just(w), st.integers(1, w - 1))))
def test_windows_cover_every_token_but_the_first_exactly_once(length: int, shape: tuple[int, int]) -> None:
    window, stride = shape
    scored = []
    for stretch in perplexity._windows(np.arange(length), window, stride):
        assert len(stretch.ids) <= window
        assert stretch.start >= min(window - stride, stretch.ids[0] + 1)
        scored += stretch.ids[stretch.start :].tolist()
    assert scored == list(range(1, length))


def test_perplexity_rows_by_hand() -> None:
    measured = pl.DataFrame(
        {"id": ["a", "b", "c"], "dialect": ["MSA", "MSA", "EGY"], "nll": [log(2) * 8, log(2) * 24, log(4) * 10],
         "tokens": [4, 4, 10], "words": [2, 2, 5], "bytes": [10, 10, 20]},
    )  # fmt: skip
    rows = {row["dialect"]: row for row in perplexity.rows(measured, "text", 200, 0)}
    assert list(rows) == ["all", "MSA", "EGY", "GLF", "LEV", "MGR"]
    assert rows["MSA"]["per_token"] == pytest.approx(2**4)
    assert rows["MSA"]["per_word"] == pytest.approx(2**8)
    assert rows["MSA"]["bits_per_byte"] == pytest.approx(1.6)
    assert rows["MSA"]["interval"] == pytest.approx((0.8, 2.4))
    assert rows["EGY"]["bits_per_byte"] == pytest.approx(1.0)
    assert rows["EGY"]["interval"] is None
    assert rows["all"]["documents"] == 3
    assert rows["all"]["bits_per_byte"] == pytest.approx((8 + 24 + 20) / 40)
    assert rows["LEV"]["bits_per_byte"] is None
    assert rows["LEV"]["why"] == "no held-out prose of dialect LEV"


def test_a_perplexity_that_no_number_holds_is_null() -> None:
    measured = pl.DataFrame(
        {"id": ["a"], "dialect": ["MSA"], "nll": [2000.0], "tokens": [300], "words": [1], "bytes": [600]}
    )
    row = perplexity.rows(measured, "text", 100, 0)[0]
    assert row["per_word"] is None
    assert row["per_token"] == pytest.approx(exp(2000 / 300))


def pairs() -> pl.DataFrame:
    rows = [
        ("d/1", said("ما عاصمة العراق؟"), "العاصمة هي بغداد.", "بغداد"),
        ("d/2", said("ما عاصمة عمان؟"), "مسقط", "العاصمة هي مسقط، وهي مدينة قديمة."),
        ("d/3", [{"role": "system", "content": "أجب باختصار."}, *said("ما لون البحر؟")], "أزرق", "أخضر"),
    ]
    return pl.DataFrame(rows, schema=["id", "prompt", "chosen", "rejected"], orient="row")


def test_pairs_are_scored_as_the_template_writes_them(model: Any, tokenizer: Any, renderer: Renderer) -> None:
    measured = preference.measure(model, renderer, pairs(), EvaluateSettings(window=128, stride=64, batch_size=4))
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
    measured = preference.measure(model, renderer, pairs()[:1], EvaluateSettings(window=24, stride=2))
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
    assert preference.scores(measured, None, 500, 0)["implicit_accuracy"] is None


def test_without_pairs_there_is_no_score() -> None:
    scores = preference.scores(measured_pairs(), None, 500, 0)
    assert scores["why"] == "no held-out pairs"
    assert {key: value for key, value in scores.items() if key not in {"why", "pairs"}} == dict.fromkeys(
        ["sum_accuracy", "sum_interval", "mean_accuracy", "mean_interval", "implicit_accuracy", "implicit_interval",
         "margin_mean", "margin_interval"]
    )  # fmt: skip
