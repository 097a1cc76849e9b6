"""Perplexity against one plain forward pass each, the loop that transformers documents, and lm_eval."""

from math import exp, log
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arabic_llm_pipeline.arabic.clean import NORMALIZED, TEXT, clean
from arabic_llm_pipeline.evaluation import perplexity
from arabic_llm_pipeline.evaluation.results import SCORES, score_table
from arabic_llm_pipeline.parameters.language import LanguageSettings
from arabic_llm_pipeline.tokens.chat import Renderer
from tests.evaluation.test_likelihood import slowly

WORDS = {"tokens": 4}


def settings(window: int, stride: int, **more: Any) -> LanguageSettings:
    return LanguageSettings(window=window, stride=stride, stride_parts=(1,), words=WORDS, **more)


def texts() -> pl.DataFrame:
    rows = [
        ("p/1", "MSA", "ذهبت سلمى إلى السوق صباحًا، ثم عادت إلى البيت. " * 4),
        ("p/2", "MSA", "كتب المعلّم درسًا."),
        ("p/3", "EGY", "انا رايح السوق."),
    ]
    return pl.DataFrame(rows, schema=["id", "dialect", "text"], orient="row").with_columns(source=pl.lit("p"))


@pytest.mark.parametrize(("view", "policy"), [("text", TEXT), ("text_normalized", NORMALIZED)])
def test_a_long_window_scores_the_whole_text_at_once(
    model: Any, tokenizer: Any, renderer: Renderer, view: str, policy: Any
) -> None:
    chosen = settings(128, 64)
    measured = perplexity.measure(model, renderer, texts()[1:], chosen, view)
    for row, text in zip(measured.iter_rows(named=True), texts()[1:]["text"], strict=True):
        cleaned = clean(text, policy)
        ids = tokenizer(cleaned, add_special_tokens=False)["input_ids"]
        expected = -sum(slowly(model, [tokenizer.eos_token_id, *ids], 1))
        assert row["nll"] == pytest.approx(expected, rel=1e-6)
        sizes = len(ids), len(cleaned.split()), len(cleaned), len(cleaned.encode())
        assert (row["tokens"], row["words"], row["characters"], row["bytes"]) == sizes


def test_each_token_is_scored_once_with_the_context_that_the_stride_leaves(
    model: Any, tokenizer: Any, renderer: Renderer
) -> None:
    window, stride = 16, 5
    measured = perplexity.measure(model, renderer, texts()[:1], settings(window, stride))
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
    for stretch in perplexity.cut(np.arange(length), window, stride):
        assert len(stretch.ids) <= window
        assert stretch.start >= min(window - stride, stretch.ids[0] + 1)
        scored += stretch.ids[stretch.start :].tolist()
    assert scored == list(range(1, length))


def documents_loop(model: Any, ids: list[int], max_length: int, stride: int) -> list[float]:
    """Slowly, as transformers documents it (Perplexity of fixed-length models): losses of targets that are new."""
    import torch

    losses, prev_end_loc = [], 0
    for begin_loc in range(0, len(ids), stride):
        end_loc = min(begin_loc + max_length, len(ids))
        target_ids = torch.tensor([ids[begin_loc:end_loc]])
        fresh = end_loc - prev_end_loc
        with torch.no_grad():
            logits = model(target_ids).logits[0]
        target_ids[:, : len(target_ids[0]) - fresh] = -100
        said = torch.log_softmax(logits, 1)  # the labels are shifted inside the model
        scored = [place for place in range(1, len(target_ids[0])) if target_ids[0, place] != -100]
        losses += [-float(said[place - 1, target_ids[0, place]]) for place in scored]
        prev_end_loc = end_loc
        if end_loc == len(ids):
            break
    return losses


@pytest.mark.parametrize(("window", "stride"), [(16, 8), (32, 4), (24, 23)])
def test_it_is_what_the_loop_of_transformers_gives(
    model: Any, tokenizer: Any, renderer: Renderer, window: int, stride: int
) -> None:
    measured = perplexity.measure(model, renderer, texts()[:1], settings(window, stride))
    ids = [tokenizer.eos_token_id, *tokenizer(clean(texts()["text"][0], TEXT), add_special_tokens=False)["input_ids"]]
    losses = documents_loop(model, ids, window, stride)
    assert len(losses) == measured["tokens"][0]
    assert exp(sum(losses) / len(losses)) == pytest.approx(exp(measured["nll"][0] / measured["tokens"][0]), rel=1e-6)


def test_it_is_what_lm_eval_gives(model: Any, tokenizer: Any, renderer: Renderer) -> None:
    """Windows of its max_length tokens, which it predicts from the one before: of one token more here.

    Its last window reaches back to be full; so the text here fills its windows, and there is none to reach back.
    """
    pytest.importorskip("lm_eval")
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    length = 15
    ids = tokenizer(clean(texts()["text"][0], TEXT), add_special_tokens=False)["input_ids"]
    text = tokenizer.decode(ids[: len(ids) // length * length])
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert len(ids) % length == 0
    harness = HFLM(pretrained=model, tokenizer=tokenizer, max_length=length, batch_size=1, backend="causal")
    [expected] = harness.loglikelihood_rolling([Instance("loglikelihood_rolling", {}, (text,), 0)], disable_tqdm=True)
    prose = pl.DataFrame({"id": ["a"], "source": ["p"], "dialect": ["MSA"], "text": [text]})
    found = perplexity.measure(model, renderer, prose, settings(length + 1, length))
    assert found["tokens"][0] == len(ids) > 2 * length
    assert -found["nll"][0] == pytest.approx(expected, rel=1e-6)


def table(measured: pl.DataFrame, view: str = "text") -> pl.DataFrame:
    return score_table(perplexity.rows(measured, view, 200, 0, {"harness": "test"}))


def of(scores: pl.DataFrame, metric: str, by: str = "all", group: str = "all") -> dict[str, Any]:
    return scores.filter(pl.col("metric") == metric, pl.col("by") == by, pl.col("group") == group).row(0, named=True)


def test_scores_by_hand() -> None:
    """8, 24 and 20 bits: 52 of 18 tokens, 9 words, 30 characters, 40 bytes."""
    measured = pl.DataFrame(
        {"id": ["a", "b", "c"], "source": ["x", "x", "y"], "dialect": ["MSA", "MSA", "EGY"],
         "nll": [log(2) * 8, log(2) * 24, log(4) * 10], "tokens": [4, 4, 10], "words": [2, 2, 5],
         "characters": [8, 8, 14], "bytes": [10, 10, 20]},
    )  # fmt: skip
    scores = table(measured)
    assert scores.schema == SCORES
    for unit, size in {"token": 18, "word": 9, "character": 30, "byte": 40}.items():
        assert of(scores, f"perplexity_per_{unit}")["value"] == pytest.approx(2 ** (52 / size))
    assert of(scores, "bits_per_byte")["value"] == pytest.approx(52 / 40)
    assert of(scores, "bits_per_character")["value"] == pytest.approx(52 / 30)
    msa = of(scores, "bits_per_byte", "dialect", "MSA")
    assert (msa["value"], msa["low"], msa["high"], msa["items"]) == pytest.approx((1.6, 0.8, 2.4, 2))
    powers = of(scores, "perplexity_per_byte", "dialect", "MSA")
    assert (powers["low"], powers["high"]) == pytest.approx((2**0.8, 2**2.4))
    assert of(scores, "bits_per_byte", "dialect", "EGY")["low"] is None, "one document says nothing of its spread"
    assert of(scores, "bits_per_byte", "family", "y")["value"] == pytest.approx(1.0)
    lev = of(scores, "bits_per_byte", "dialect", "LEV")
    assert (lev["value"], lev["why"]) == (None, "no held-out prose of which its source says that it is LEV")
    assert set(table(measured, "text_normalized")["set"]) == {"prose_normalized"}


def test_values_are_what_the_scores_are_made_of() -> None:
    measured = pl.DataFrame({"id": ["a"], "source": ["x"], "dialect": ["MSA"], "nll": [log(2) * 8], "tokens": [4],
                             "words": [2], "characters": [8], "bytes": [10]})  # fmt: skip
    values = perplexity.values(measured, "text_normalized")
    assert values.rows() == [
        ("perplexity", "prose_normalized", "bits_per_byte", "a", "MSA", "x", pytest.approx(8.0), 10.0)
    ]


def test_a_perplexity_that_no_number_holds_says_so() -> None:
    measured = pl.DataFrame({"id": ["a"], "source": ["x"], "dialect": ["MSA"], "nll": [2000.0], "tokens": [300],
                             "words": [1], "characters": [300], "bytes": [600]})  # fmt: skip
    scores = table(measured)
    word = of(scores, "perplexity_per_word")
    assert (word["value"], word["why"]) == (None, "larger than any number")
    assert of(scores, "perplexity_per_token")["value"] == pytest.approx(exp(2000 / 300))


def test_no_prose_says_so(model: Any, renderer: Renderer) -> None:
    measured = perplexity.measure(model, renderer, texts().clear(), settings(16, 8))
    assert table(measured).select("value", "items", "why").rows() == [(None, 0, "no held-out prose")]
