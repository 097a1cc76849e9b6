"""Batches that shrink where memory runs out, and models whose logits are no numbers."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.evaluation.generation import generate
from arabic_llm_pipeline.evaluation.likelihood import Stretch, log_probabilities
from arabic_llm_pipeline.evaluation.portions import in_portions


class Small:
    """A device that holds so many padded tokens at once."""

    def __init__(self, tokens: int, error: type[Exception] = MemoryError):
        self.tokens, self.error, self.seen = tokens, error, []

    def run(self, widths: list[int], **more: Any) -> list[int]:
        def work(batch: list[int]) -> list[int]:
            self.seen.append([widths[place] for place in batch])
            if max(self.seen[-1]) * len(batch) > self.tokens:
                raise self.error("CUDA out of memory. Tried to allocate 2.00 GiB")
            return [10 * place for place in batch]

        return in_portions(self, widths, work, **({"size": 8, "kind": "likelihood", "label": "Prose"} | more))


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


def cuda() -> type[Exception]:
    import torch

    return torch.OutOfMemoryError


@pytest.mark.parametrize("error", [MemoryError, "cuda", RuntimeError])
def test_out_of_memory_halves_the_batch_and_goes_on(error: Any, caplog: pytest.LogCaptureFixture) -> None:
    device = Small(25, cuda() if error == "cuda" else error)
    widths = [10] * 5 + [5] * 5
    assert device.run(widths) == [10 * place for place in range(10)]
    assert device.seen[:4] == [[10] * 5 + [5] * 3, [10] * 4, [10] * 2, [10] * 2]
    assert device.seen[4:] == [[10, 5], [5] * 4], "what fits is counted in tokens, so more of the short ones fit"
    assert len(warnings(caplog)) == 1
    assert "memory ran out with 8 sequences at once; it goes on with 2" in caplog.text


def test_the_smaller_size_is_remembered_for_what_follows_of_that_kind() -> None:
    device = Small(25)
    device.run([10] * 4)
    before = len(device.seen)
    device.run([10] * 4)
    assert device.seen[before:] == [[10, 10]] * 2
    device.run([10] * 4, kind="generation")
    assert device.seen[before + 2] == [10] * 4


def test_one_sequence_that_does_not_fit_is_a_clear_error() -> None:
    with pytest.raises(UserError, match="Prose: memory runs out with a single sequence of 30 tokens"):
        Small(25).run([10, 30])


def test_other_errors_stay_what_they_are() -> None:
    def work(_: list[int]) -> list[int]:
        raise RuntimeError("size mismatch")

    with pytest.raises(RuntimeError, match="size mismatch"):
        in_portions(Small(1), [1, 2], work, size=2, kind="likelihood", label="Prose")


@given(st.lists(st.integers(1, 20), max_size=40), st.integers(20, 200), st.integers(1, 9))
def test_every_place_is_worked_on_once_whatever_fits(widths: list[int], tokens: int, size: int) -> None:
    device = Small(tokens)
    assert device.run(widths, size=size) == [10 * place for place in range(len(widths))]
    assert max(map(len, device.seen), default=0) <= size


class Forgetful:
    """A model that runs out of memory above so many rows."""

    def __init__(self, model: Any, rows: int):
        self.model, self.rows, self.failed = model, rows, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def __call__(self, input_ids: Any, **more: Any) -> Any:
        self._hold(input_ids)
        return self.model(input_ids=input_ids, **more)

    def generate(self, input_ids: Any, **more: Any) -> Any:
        self._hold(input_ids)
        return self.model.generate(input_ids=input_ids, **more)

    def _hold(self, ids: Any) -> None:
        if len(ids) > self.rows:
            self.failed += 1
            raise MemoryError


def test_likelihoods_are_the_same_in_halves(model: Any, caplog: pytest.LogCaptureFixture) -> None:
    random = np.random.default_rng(0)
    stretches = [Stretch(random.integers(4, 300, 20), 1) for _ in range(7)]
    small = Forgetful(model, 2)
    found = log_probabilities(small, stretches, 7, "Prose")
    for one, other in zip(found, log_probabilities(model, stretches, 7, "Prose"), strict=True):
        assert one == pytest.approx(other, abs=1e-6)
    log_probabilities(small, stretches, 7, "Prose")
    assert small.failed == 2, "7, then 3; never again"
    assert len(warnings(caplog)) == 1


def test_answers_are_the_same_in_halves(model: Any, tokenizer: Any) -> None:
    prompts = [np.arange(5, 5 + length) for length in (3, 9, 4, 7)]
    options = {"stop_ids": [1], "stop_at_line": False, "max_new_tokens": 5, "batch_size": 4, "label": "Answers"}
    small = Forgetful(model, 1)
    assert generate(small, tokenizer, prompts, **options) == generate(model, tokenizer, prompts, **options)
    assert small.failed == 2


class Damaged:
    """A model that gives NaN after one token."""

    def __init__(self, model: Any, token: int, candidate: str | None):
        self.model, self.token, self.candidate = model, token, candidate

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def __call__(self, input_ids: Any, **more: Any) -> Any:
        logits = self.model(input_ids=input_ids, **more).logits
        logits[input_ids == self.token] = float("nan")
        return SimpleNamespace(logits=logits)


def test_no_number_names_candidate_and_item(model: Any, caplog: pytest.LogCaptureFixture) -> None:
    stretches = [Stretch(np.array([5, 6, 7]), 1), Stretch(np.array([5, 9, 7]), 1)]
    with pytest.raises(UserError, match=r"Pairs: the logits of sft_dpo for pair d/2 are not a number \(NaN\)"):
        log_probabilities(Damaged(model, 9, "sft_dpo"), stretches, 2, "Pairs", ["pair d/1", "pair d/2"])
    with pytest.raises(UserError, match="the logits of the model for sequence 2"):
        log_probabilities(Damaged(model, 9, None), stretches, 2, "Pairs")
    assert not warnings(caplog)


def test_an_answer_of_no_numbers_is_an_error_too(tokenizer: Any) -> None:
    """Of NaN the largest is the first token: it would be taken for an answer."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    config = Qwen2Config(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=2, tie_word_embeddings=False,
    )  # fmt: skip
    broken: Any = Qwen2ForCausalLM(config).eval()
    with torch.no_grad():
        broken.model.embed_tokens.weight[9] = float("nan")
    broken.candidate = "sft"
    prompts = [np.array([5, 6]), np.array([5, 9, 7])]
    options = {"stop_ids": [1], "stop_at_line": False, "max_new_tokens": 3, "batch_size": 4, "label": "Answers"}
    with pytest.raises(UserError, match="Answers: the logits of sft for item i/2 are not a number"):
        generate(broken, tokenizer, prompts, names=["item i/1", "item i/2"], **options)


def test_a_model_that_never_stops_is_cut_and_counted(model: Any, tokenizer: Any) -> None:
    found = generate(
        model, tokenizer, [np.array([5, 6])], stop_ids=[len(tokenizer) + 5], stop_at_line=False, max_new_tokens=4,
        batch_size=1, label="Answers",
    )  # fmt: skip
    assert [one.stopped for one in found] == [False]
    assert len(tokenizer(found[0].text, add_special_tokens=False)["input_ids"]) <= 4
