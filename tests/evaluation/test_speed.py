"""Times against a clock that goes on when the model computes, and not else."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.evaluation import speed
from arabic_llm_pipeline.evaluation.results import SCORES, VALUES
from arabic_llm_pipeline.parameters.speed import SpeedSettings

SETTINGS = SpeedSettings(batch_sizes=(2, 1), prompt_tokens=10, new_tokens=5, repeats=3, resamples=100)


class Clock:
    """Two seconds for a prompt, a quarter of one for each token after it."""

    def __init__(self, model: Any, monkeypatch: pytest.MonkeyPatch):
        self.now, self.calls = 0.0, []
        plain = model.forward

        def forward(*args: Any, **kwargs: Any) -> Any:
            shape = tuple(kwargs["input_ids"].shape)
            self.calls.append(shape)
            self.now += 2.0 if shape[1] > 1 else 0.25
            return plain(*args, **kwargs)

        monkeypatch.setattr(model, "forward", forward)

    def __call__(self) -> float:
        return self.now


def test_a_run_is_timed_to_its_first_token_and_from_there_to_its_last(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, seen = Clock(model, monkeypatch), []
    prompts = np.random.default_rng(0).integers(0, 300, (3, 10))
    found = speed.run(model, prompts, 5, lambda: seen.append(clock.now), clock=clock)
    assert found == (2.0, 4 * 0.25)
    assert clock.calls == [(3, 10), *[(3, 1)] * 4], "the prompt is read once, then token by token"
    assert seen == [2.0, 2.25, 2.5, 2.75, 3.0]


def test_an_end_of_text_does_not_stop_it(model: Any, tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(model, monkeypatch)
    plain = model.forward

    def ends(*args: Any, **kwargs: Any) -> Any:
        out = plain(*args, **kwargs)
        out.logits[..., tokenizer.eos_token_id] = 1e6
        return out

    monkeypatch.setattr(model, "forward", ends)
    speed.run(model, np.ones((1, 10), np.int64), 7, clock=clock)
    assert len(clock.calls) == 7


def of(scores: pl.DataFrame, metric: str, batch: str) -> dict[str, Any]:
    return scores.filter(metric=metric, by="batch", group=batch).row(0, named=True)


def test_rates_are_those_of_all_tokens_of_a_batch(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = iter([speed.Run(9.0, 9.0), speed.Run(1.0, 0.5), speed.Run(2.0, 1.0), speed.Run(3.0, 1.5),
                 speed.Run(9.0, 9.0), *[speed.Run(4.0, 2.0)] * 3])  # fmt: skip
    monkeypatch.setattr(speed, "run", lambda *_args, **_more: next(runs))
    scores, values = speed.measure({"adapter": lambda: model}, SETTINGS, 0, "nf4")
    assert (scores.schema, values.schema) == (SCORES, VALUES)
    one, two = of(scores, speed.READ, "1"), of(scores, speed.READ, "2")
    assert one["value"] == pytest.approx(3 * 10 / 6)  # the first run warms up
    assert two["value"] == pytest.approx(3 * 20 / 12)
    assert of(scores, speed.WRITTEN, "1")["value"] == pytest.approx(3 * 4 / 3.0)
    assert of(scores, speed.WRITTEN, "2")["value"] == pytest.approx(3 * 8 / 6.0)
    first = of(scores, speed.FIRST, "1")
    assert (first["value"], first["items"]) == (2000.0, 3)
    assert 1000.0 <= first["low"] < first["value"] < first["high"] <= 3000.0
    assert of(scores, speed.FIRST, "2")["low"] == 4000.0
    assert set(scores["set"]) == {"adapter"}
    assert "nf4" in scores["decoding"][0]
    assert len(values) == 2 * 3 * 3


def test_a_real_run_has_all_figures_and_the_size_of_the_weights(model: Any) -> None:
    scores, _ = speed.measure({"base": lambda: model}, SETTINGS, 0, "none")
    assert set(scores["metric"]) == {*speed.METRICS, speed.PEAK, speed.WEIGHTS}
    assert scores["value"].is_not_null().all()
    assert (scores["value"] > 0).all()
    expected = sum(p.numel() * p.element_size() for p in model.parameters())  # tied ones are there once
    weights = scores.filter(metric=speed.WEIGHTS)["value"].item() * speed.MB
    assert weights == pytest.approx(expected, rel=0.01)


def test_a_batch_that_memory_does_not_hold_says_so_and_spares_larger_ones(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried, plain = [], speed.run

    def little(model: Any, prompts: Any, *rest: Any, **more: Any) -> Any:
        tried.append(len(prompts))
        if len(prompts) > 2:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
        return plain(model, prompts, *rest, **more)

    monkeypatch.setattr(speed, "run", little)
    settings = SETTINGS.model_copy(update={"batch_sizes": (2, 4, 8), "repeats": 1})
    scores, values = speed.measure({"base": lambda: model}, settings, 0, "none")
    assert tried == [2, 2, 4]
    for batch in ("4", "8"):
        row = of(scores, speed.WRITTEN, batch)
        assert (row["value"], row["why"]) == (None, f"memory does not hold {batch} at once")
    assert of(scores, speed.WRITTEN, "2")["value"] > 0
    assert set(values["id"]) == {"2/0"}


def test_other_errors_are_not_taken_for_lack_of_memory(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: Any, **_more: Any) -> Any:
        raise RuntimeError("shape mismatch")

    monkeypatch.setattr(speed, "run", broken)
    with pytest.raises(RuntimeError, match="shape mismatch"):
        speed.measure({"base": lambda: model}, SETTINGS, 0, "none")


def test_what_is_longer_than_the_model_sees_is_refused(model: Any) -> None:
    settings = SETTINGS.model_copy(update={"prompt_tokens": 120, "new_tokens": 20})
    with pytest.raises(UserError, match=r"are 140 tokens, but the model can see 128 at once"):
        speed.measure({"base": lambda: model}, settings, 0, "none")


def test_logits_that_are_no_numbers_are_refused(model: Any) -> None:
    from copy import deepcopy

    broken = deepcopy(model)
    broken.model.norm.weight.data.fill_(float("nan"))
    with pytest.raises(UserError, match="not a number"):
        speed.measure({"base": lambda: broken}, SETTINGS, 0, "none")


def test_no_form_says_so() -> None:
    scores, values = speed.measure({}, SETTINGS, 0, "none")
    assert scores.select("value", "why").rows() == [(None, "speed.forms names no form of this candidate")]
    assert values.is_empty()
