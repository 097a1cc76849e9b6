"""A candidate as a whole, and candidates against each other."""

import json
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.evaluation import candidate as module
from arabic_llm_pipeline.evaluation import details
from arabic_llm_pipeline.evaluation.candidate import PAIR, Candidate, evaluate_candidate
from arabic_llm_pipeline.evaluation.comparison import Measured, compare
from arabic_llm_pipeline.evaluation.generation import Generated
from arabic_llm_pipeline.evaluation.held_out import HeldOut, held_out
from arabic_llm_pipeline.evaluation.preference import measure, scores
from arabic_llm_pipeline.evaluation.results import VALUES
from arabic_llm_pipeline.evaluation.statistics import mcnemar, wilson
from arabic_llm_pipeline.parameters.evaluate import EvaluateSettings
from arabic_llm_pipeline.tokens.chat import Renderer

SETTINGS = EvaluateSettings(window=64, max_new_tokens=6, resamples=100)
FORMATS = SETTINGS.formats


@pytest.fixture
def asked(corpus: dict[str, ShardSet]) -> HeldOut:
    return held_out(corpus["pairs"], corpus["items"], SETTINGS, 0)


@pytest.fixture
def base(model: Any, tokenizer: Any) -> Candidate:
    return Candidate("base", model, tokenizer, FORMATS, "none")


def knowing(monkeypatch: pytest.MonkeyPatch, tokenizer: Any, knows: dict[str, str], only_in: str = "") -> list[str]:
    """Instead of a model, one that answers by what stands in its prompt; gives the prompts it was asked."""
    seen = []

    def generate(_model: Any, _tokenizer: Any, prompts: list[Any], **_: Any) -> list[Generated]:
        texts = [tokenizer.decode(prompt) for prompt in prompts]
        seen.extend(texts)
        return [
            Generated(next((a for q, a in knows.items() if q in t.rsplit("\n\n")[-1] and only_in in t), "؟"), True)
            for t in texts
        ]

    monkeypatch.setattr(module, "generate", generate)
    return seen


KNOWS = {"مصر": "القاهرة", "لبنان": "العاصمة هي بيروت.", "كتاب": "كتب"}


def test_scores_have_all_that_the_report_reads(base: Candidate, asked: HeldOut) -> None:
    found, answers, values = evaluate_candidate(base, asked, SETTINGS, 0, seen={"test/c0", "elsewhere"})
    json.dumps(found, allow_nan=False)
    assert (found["candidate"], found["quantization"], found["seed"]) == ("base", "none", 0)
    assert found["format"] in FORMATS
    assert set(found["formats_dev"]) == set(FORMATS)
    assert found["settings"] == SETTINGS.model_dump(mode="json")
    assert found["harness"].startswith("arabic_llm_pipeline")
    assert [row["family"] for row in found["accuracy"]] == ["all", "capital", "plural"]
    assert found["accuracy"][0]["unanswerable"] == 1
    assert [row["seen"] for row in found["accuracy"]] == [1 / 4, 1 / 3, 0]
    assert [(row["dialect"], row["items"], row["seen"]) for row in found["accuracy_by_dialect"]] == [("MSA", 4, 1 / 4)]
    assert found["shots"] == (3 if found["format"] == "question_answer_3" else 0)
    assert len(found["prompts"]) == len(found["preference"]["prompts"]) == 16
    assert found["preference"]["pairs"] == 3
    assert found["preference"]["implicit_accuracy"] is None
    assert 0 <= found["stopped"] <= 1
    assert answers["item_id"].to_list() == ["test/c0", "test/c1", "test/c2", "test/p1"]
    assert values.group_by("kind").len().sort("kind").rows() == [
        ("chosen_sum_pair", 3), ("chosen_tokens_pair", 3), ("rejected_sum_pair", 3), ("rejected_tokens_pair", 3),
    ]  # fmt: skip


def test_the_same_seed_gives_the_same(base: Candidate, asked: HeldOut) -> None:
    once, again = (evaluate_candidate(base, asked, SETTINGS, 3) for _ in range(2))
    assert once[0] == again[0]
    assert once[1].equals(again[1])
    assert once[2].equals(again[2])


def test_implicit_rewards_are_against_the_details_of_the_stage_before(
    base: Candidate, asked: HeldOut, renderer: Renderer
) -> None:
    """The reference prefers what the candidate does, but for one pair, in which it does so more strongly."""
    measured = measure(base.model, renderer, asked.pairs, SETTINGS)
    shift = pl.Series([1.0, -1.0, -1.0])
    before = details.long([measured.with_columns(pl.col("chosen_sum") + shift)], [PAIR])
    found, _, _ = evaluate_candidate(base, asked, SETTINGS, 0, before)
    assert found["preference"]["implicit_accuracy"] == pytest.approx(2 / 3)
    assert found["preference"]["implicit_interval"] == wilson(2, 3)


def test_details_come_back_as_they_went_in(base: Candidate, asked: HeldOut, renderer: Renderer) -> None:
    measured = measure(base.model, renderer, asked.pairs, SETTINGS)
    back = details.wide(details.long([measured], [PAIR]), PAIR)
    assert back.select(measured.columns).equals(measured.cast({pl.Int64: pl.Float64}))
    assert details.wide(details.long([measured.clear()], [PAIR]), PAIR).is_empty()


def test_the_base_is_asked_in_the_format_that_suits_it_on_development_items(
    base: Candidate, asked: HeldOut, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = knowing(monkeypatch, tokenizer, KNOWS, "سؤال: ")
    found, answers, _ = evaluate_candidate(base, asked, SETTINGS, 0)
    assert found["formats_dev"] == {"chat": 0, "question_answer": 0.5, "question_answer_3": 0.5, "bare": 0}
    assert found["format"] == "question_answer", "of equal ones the first"
    assert answers["strict"].to_list() == [True, True, False, True]
    assert seen[-4:] == [f"سؤال: {text}\nجواب:" for text in answers["prompt"]]
    examples = [text for text in seen if text.count("جواب:") > 1]
    assert len(examples) == 4
    assert all(text.count("جواب: ") == 3 for text in examples), "an item is no example of itself"


def test_a_trained_candidate_is_asked_in_chat(
    base: Candidate, asked: HeldOut, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    knowing(monkeypatch, tokenizer, KNOWS)
    found, _, _ = evaluate_candidate(replace(base, name="sft", formats=("chat",)), asked, SETTINGS, 0)
    assert found["format"] == "chat"
    assert found["formats_dev"] == {"chat": 0.5}


def test_without_development_items_the_first_format_is_taken(base: Candidate, asked: HeldOut) -> None:
    found, _, _ = evaluate_candidate(base, replace(asked, dev=asked.dev.clear()), SETTINGS, 0)
    assert (found["format"], found["formats_dev"]) == ("chat", {})


def test_with_nothing_to_ask_every_score_says_why_it_is_absent(base: Candidate, asked: HeldOut) -> None:
    nothing = HeldOut(asked.items.clear(), asked.dev.clear(), asked.pairs.clear())
    found, answers, values = evaluate_candidate(base, nothing, SETTINGS, 0, details.long([], []))
    json.dumps(found, allow_nan=False)
    assert [(row["strict"], row["why"]) for row in found["accuracy"]] == [
        (None, "no held-out item with an accepted answer")
    ]
    assert found["preference"]["why"] == "no held-out pairs"
    assert found["stopped"] is None
    assert answers.is_empty()
    assert values.is_empty()
    empty = Measured(answers, values, VALUES.to_frame())
    assert compare({"base": empty, "sft": empty}, {}, SETTINGS, 0) == []


@pytest.mark.parametrize("wrong", [{"window": 200}, {"max_new_tokens": 128}])
def test_what_the_model_cannot_see_is_refused(base: Candidate, asked: HeldOut, wrong: dict[str, int]) -> None:
    with pytest.raises(UserError, match=rf"evaluate.{next(iter(wrong))} is {next(iter(wrong.values()))}.*128"):
        evaluate_candidate(base, asked, SETTINGS.model_copy(update=wrong), 0)


def test_a_prompt_longer_than_the_model_can_see_loses_its_beginning(
    base: Candidate, asked: HeldOut, caplog: pytest.LogCaptureFixture
) -> None:
    long = [[{"role": "user", "content": "كلمة " * 300}]] * len(asked.items)
    items = asked.items.with_columns(pl.Series("prompt", long, asked.items.schema["prompt"]))
    _, answers, _ = evaluate_candidate(base, replace(asked, items=items), SETTINGS, 0)
    assert len(answers) == 4
    assert "4 prompts are longer than 122 tokens" in caplog.text


def frame(strict: list[bool], form: list[bool | None]) -> pl.DataFrame:
    ids = [f"i/{n}" for n in range(len(strict))]
    return pl.DataFrame({"item_id": ids, "strict": strict, "preferred_form": pl.Series(form, dtype=pl.Boolean)})


def values(margins: list[float]) -> pl.DataFrame:
    pairs = pl.DataFrame({"id": [f"d/{n}" for n in range(len(margins))], "chosen_sum": margins, "rejected_sum": 0.0,
                          "chosen_tokens": 2.0, "rejected_tokens": 2.0})  # fmt: skip
    return details.long([pairs], [PAIR])


def prose(bits: list[float]) -> pl.DataFrame:
    rows = [
        ("perplexity", of, "bits_per_byte", f"p/{n}", "MSA", "p", bit, 100.0)
        for of in ("prose", "prose_normalized")
        for n, bit in enumerate(bits)
    ]
    return pl.DataFrame(rows, schema=VALUES, orient="row")


def test_comparison_by_hand() -> None:
    before = Measured(frame([False] * 9 + [True], [False] * 9 + [None]), values([-1.0] * 8), prose([100.0] * 5))
    after = Measured(
        frame([True] * 8 + [False, False], [True] * 9 + [None])[::-1], values([1.0] * 8), prose([50.0] * 5)
    )
    baselines = {"nearest": {"right": ["i/0", "i/9"]}}
    rows = compare(
        {"base": before, "sft": after, "sft_dpo": after}, baselines, SETTINGS.model_copy(update={"resamples": 999}), 0
    )
    keyed = {(row["measure"], row["a"], row["b"]): row for row in rows}
    assert len(keyed) == len(rows) == 3 * 6 + 2
    strict = keyed["strict", "base", "sft"]
    assert strict["difference"] == pytest.approx(0.7)
    assert strict["p"] == pytest.approx(mcnemar([0] * 8 + [1], [1] * 8 + [0]))
    assert strict["interval"][0] < 0.7 < strict["interval"][1]
    assert keyed["preferred_form", "base", "sft"]["items"] == 9
    assert keyed["preference_sum", "base", "sft"]["difference"] == 1.0
    assert keyed["preference_mean", "base", "sft"]["p"] == pytest.approx(2 / 2**8)
    bits = keyed["bits_per_byte_text", "base", "sft_dpo"]
    assert bits["difference"] == pytest.approx(-0.5, abs=1e-6)
    assert (bits["items"], bits["p"]) == (5, pytest.approx(2 / 1000))
    same = keyed["bits_per_byte_text", "sft", "sft_dpo"]
    assert (same["difference"], same["interval"], same["p"]) == (0, [0, 0], 1)
    near = keyed["strict", "nearest", "sft"]
    assert near["difference"] == pytest.approx(0.6)
    assert all(row["p"] <= row["p_holm"] <= 1 for row in rows)
    assert min(row["p_holm"] for row in rows) == pytest.approx(len(rows) * min(row["p"] for row in rows))


def test_one_document_alone_is_no_test() -> None:
    of = {name: Measured(frame([True, False], [None, None]), values([1.0]), prose([9.0])) for name in ("base", "sft")}
    assert [row["measure"] for row in compare(of, {}, SETTINGS, 0)] == ["strict"]


def test_a_preferred_form_that_one_was_not_judged_by_does_not_count() -> None:
    forms: dict[str, list[bool | None]] = {"base": [True, True, None, False], "sft": [True, False, True, True]}
    of = {name: Measured(frame([True] * 4, form), values([]), prose([])) for name, form in forms.items()}
    [row] = [row for row in compare(of, {}, SETTINGS, 0) if row["measure"] == "preferred_form"]
    assert (row["items"], row["difference"]) == (3, 0)


def test_pairs_are_matched_by_their_ids() -> None:
    margins = pl.DataFrame({"id": ["b", "a"], "chosen_sum": [2.0, -1.0], "rejected_sum": [0.0, 0.0],
                            "chosen_tokens": [1, 1], "rejected_tokens": [1, 1]})  # fmt: skip
    before = margins.with_columns(chosen_sum=pl.Series([3.0, -2.0]))
    assert scores(margins, before.sort("id"), 100, 0)["implicit_accuracy"] == 0.5
