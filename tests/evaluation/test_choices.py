"""Choices by likelihood: against lm-eval, scikit-learn, a plain loop, and by hand."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, f1_score

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.corpus.records import ITEMS
from arabic_llm_pipeline.corpus.shards import ShardSet
from arabic_llm_pipeline.evaluation import calibration, classes
from arabic_llm_pipeline.evaluation.candidate import Candidate
from arabic_llm_pipeline.evaluation.choices import asking, measure, scoring, tables
from arabic_llm_pipeline.evaluation.choices.asking import Asking
from arabic_llm_pipeline.evaluation.results import SCORES, VALUES
from arabic_llm_pipeline.parameters.choices import ChoicesSettings
from arabic_llm_pipeline.tokens.chat import Renderer
from tests.evaluation.conftest import item, shards

SETTINGS = ChoicesSettings(shots=(0, 1), ways=("letters", "answers", "listed_answers"), resamples=100)
WORDS = ["القاهرة", "دمشق", "تونس", "بغداد", "أحمد", "ليلى", "القراءة", "المساء", "الخميس", "السبت", "سوريا", "مصر"]


def choice_item(n: int, split: str = "test", **more: Any) -> dict[str, Any]:
    """A question with two to four choices of one to three words, of one of two subjects."""
    random = np.random.default_rng(n)
    choices = [" ".join(random.choice(WORDS, random.integers(1, 4))) + f" {k}" for k in range(2 + n % 3)]
    label, question = n % len(choices), f"ما {WORDS[n % len(WORDS)]} رقم {n}؟"
    row = item(f"s/{split}{n}", ("تاريخ", "علوم")[n % 2], question, choices[label], split=split, label=label, **more)
    return {**row, "task": "mmlu", "kind": "multiple_choice", "question": question, "choices": choices, "passage": None}


def class_item(n: int, split: str = "test", label: int | None = None, **more: Any) -> dict[str, Any]:
    label = n % 2 if label is None else label
    text, words = f"كان الطعام {WORDS[n % len(WORDS)]} {n}", ["إيجابي", "سلبي"]
    row = item(
        f"c/{split}{n}", "reviews", f"صنف: إيجابي، سلبي؟\n\n{text}", words[label], split=split, label=label, **more
    )
    return {
        **row,
        "source": "c",
        "task": "reviews",
        "kind": "classification",
        "question": text,
        "choices": words,
        "passage": None,
    }


ROWS = [
    *(choice_item(n) for n in range(12)), *(choice_item(n + 20, "dev") for n in range(6)),
    *(class_item(n, label=int(n % 3 == 0)) for n in range(14)), *(class_item(n + 20, "dev") for n in range(4)),
]  # fmt: skip


@pytest.fixture
def candidate(model: Any, tokenizer: Any) -> Candidate:
    return Candidate("base", model, tokenizer, ("question_answer", "chat"), "none")


def made(folder: Path, *rows: dict[str, Any]) -> ShardSet:
    return shards(folder, ITEMS, list(rows))


def measured(
    candidate: Candidate, folder: Path, *rows: dict[str, Any], how: ChoicesSettings = SETTINGS, seen: Any = ()
):
    return measure.measure(candidate, measure.questions(made(folder, *rows), how, 0), how, 0, seen)


def score_of(scores: pl.DataFrame, metric: str, by: str = "all", group: str = "all", of: str = "s") -> dict[str, Any]:
    return scores.filter(pl.col("set") == of, pl.col("metric") == metric, by=by, group=group).row(0, named=True)


@pytest.mark.parametrize("shots", [0, 2])
@pytest.mark.parametrize("way", ["letters", "answers", "listed_answers"])
def test_scores_are_lm_evals_item_by_item(
    candidate: Candidate, tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, shots: int
) -> None:
    """The same prompts and choices through lm-eval's own multiple choice task: acc, acc_norm, acc_bytes, and PMI."""
    lm_eval = pytest.importorskip("lm_eval")
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    how = SETTINGS.model_copy(update={"shots": (shots,), "ways": (way,), "formats": ("question_answer",)})
    asked = measure.questions(made(tmp_path / "items", *ROWS), how, 0)
    asked = replace(asked, items=asked.items.filter(kind="multiple_choice"), dev=asked.dev.clear())
    _, _, answers = measure.measure(candidate, asked, how, 0, ())
    asker = Asking("question_answer", way, "arabic", Renderer(tokenizer))
    rows = asked.items.to_dicts()
    examples = asking.chosen_examples(asked.pool.to_dicts(), rows, shots, 0)
    docs = [
        {"context": asker._text(row, shown), "choices": asker.continuations(row), "gold": row["label"]}
        for row, shown in zip(rows, examples, strict=True)
    ]
    (tmp_path / "docs.json").write_text("\n".join(json.dumps(doc) for doc in docs), encoding="utf-8")
    task = {
        "task": "ours", "dataset_path": "json", "dataset_kwargs": {"data_files": {"test": str(tmp_path / "docs.json")}},
        "test_split": "test", "output_type": "multiple_choice", "doc_to_text": "{{context}}",
        "doc_to_target": "gold", "doc_to_choice": "choices",
        "metric_list": [{"metric": name} for name in ("acc", "acc_norm", "acc_bytes")],
    }  # fmt: skip
    harness = HFLM(pretrained=candidate.model, tokenizer=tokenizer, batch_size=4, max_length=candidate.context)
    theirs = lm_eval.simple_evaluate(
        harness, tasks=[task], bootstrap_iters=0, task_manager=TaskManager(include_defaults=False)
    )
    samples = sorted(theirs["samples"]["ours"], key=lambda sample: sample["doc_id"])
    for sample, row in zip(samples, answers.to_dicts(), strict=True):
        found = [float(of_choice[0][0]) for of_choice in sample["resps"]]
        assert row["log_probabilities"] == pytest.approx(found, rel=1e-6)
    if way != "letters":
        for rule, name in (("sum", "acc"), ("characters", "acc_norm"), ("bytes", "acc_bytes")):
            right = scoring.decided(answers, rule)["right"].cast(pl.Float64).to_list()
            assert right == [sample[name] for sample in samples], rule
    else:
        assert scoring.decided(answers, "sum")["right"].to_list() == [sample["acc"] for sample in samples]


def test_one_pass_for_letters_gives_what_a_pass_for_each_gives(candidate: Candidate, tmp_path: Path) -> None:
    """By plain transformers, one sequence at a time, in chat and in plain text."""
    import torch

    for name in ("chat", "question_answer", "bare"):
        asker = Asking(name, "letters", "latin", Renderer(candidate.tokenizer))
        asked = asker.asked(ROWS[:4], [ROWS[12:13]] * 4)
        found = scoring.likelihoods(candidate, asked, 3, "x", list("abcd"))
        for one, totals in zip(asked, found.totals, strict=True):
            for choice, total in zip(one.choices, totals, strict=True):
                ids = torch.tensor([np.concatenate([one.context, choice]).tolist()])
                with torch.no_grad():
                    logs = candidate.model(ids).logits[0].log_softmax(-1)
                place = len(one.context)
                expected = sum(float(logs[place + n - 1, ids[0, place + n]]) for n in range(len(choice)))
                assert total == pytest.approx(expected, rel=1e-6)


def test_what_a_model_reads(tokenizer: Any) -> None:
    row, shown = choice_item(1), choice_item(3)
    [a, b, c] = row["choices"]
    gold = shown["choices"][shown["label"]]

    def read(format_: str, way: str, examples: list[Any]) -> str:
        [one] = Asking(format_, way, "arabic", Renderer(tokenizer)).asked([row], [examples])
        return tokenizer.decode(one.context)

    assert read("question_answer", "answers", []) == f"سؤال: {row['question']}\nجواب:"
    assert read("question_answer", "letters", []) == f"سؤال: {row['question']}\nأ. {a}\nب. {b}\nج. {c}\nجواب:"
    assert read("question_answer", "answers", [shown]) == (
        f"سؤال: {shown['question']}\nجواب: {gold}\n\nسؤال: {row['question']}\nجواب:"
    )
    [one] = Asking("chat", "letters", "arabic", Renderer(tokenizer)).asked([row], [[shown]])
    letter = "أبجد"[shown["label"]]
    listed = "\n".join(f"{letter}. {choice}" for letter, choice in zip("أبجد", shown["choices"], strict=False))
    turns = [
        {"role": "user", "content": f"{shown['question']}\n{listed}"}, {"role": "assistant", "content": letter},
        {"role": "user", "content": f"{row['question']}\nأ. {a}\nب. {b}\nج. {c}"},
    ]  # fmt: skip
    assert one.context.tolist() == tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=False)
    assert [tokenizer.decode(choice) for choice in one.choices] == ["أ", "ب", "ج"]
    passage = {**row, "passage": "فقرة"}
    assert Asking("bare", "answers", "arabic", Renderer(tokenizer)).body(passage) == f"فقرة\n\n{row['question']}"


def test_choices_that_stand_in_a_prompt_are_not_listed_again(tokenizer: Any) -> None:
    row = choice_item(1)
    text = "اختر.\n" + "\n".join(row["choices"])
    whole = {**row, "question": None, "prompt": [{"role": "user", "content": text}]}
    assert Asking("chat", "letters", "arabic", Renderer(tokenizer)).body(whole) == text


def test_examples_are_of_the_family_and_of_labels_in_turn() -> None:
    pool = [choice_item(n, "dev") for n in range(8)] + [class_item(n, "dev", label=int(n > 5)) for n in range(8)]
    [shown] = asking.chosen_examples(pool, [choice_item(1)], 5, 0)
    assert [one["family"] for one in shown] == ["علوم"] * 3 + ["تاريخ"] * 2  # the same question is no example
    [shown] = asking.chosen_examples(pool, [class_item(0)], 4, 0)
    assert [one["label"] for one in shown] == [0, 1, 0, 1]
    [own] = asking.chosen_examples(pool, [pool[0]], 20, 0)
    assert len(own) == 7
    assert pool[0] not in own


def test_contextual_calibration_by_hand() -> None:
    """A model that likes the first label three times as much, and says so of a text that says nothing."""
    assert scoring.calibrated(np.log([0.6, 0.4]), [np.log([0.75, 0.25])]) == pytest.approx([1 / 3, 2 / 3])
    two = scoring.calibrated(np.log([0.5, 0.5]), [np.log([0.8, 0.2]), np.log([0.4, 0.6])])
    assert two == pytest.approx([0.4, 0.6])


def test_a_text_that_says_nothing_stands_where_the_text_stood() -> None:
    row = class_item(3)
    free = asking.content_free(row, "N/A")
    assert free["prompt"][-1]["content"] == "صنف: إيجابي، سلبي؟\n\nN/A"
    assert asking.content_free({**row, "question": "نص آخر"}, "N/A") is None


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_f1_and_confusion_are_scikit_learns(pairs: list[tuple[int, int]]) -> None:
    gold, chosen = zip(*pairs, strict=True)
    assert classes.macro_f1(gold, chosen, 4) == pytest.approx(f1_score(gold, chosen, average="macro"))
    expected = confusion_matrix(gold, chosen, labels=range(4))
    assert (classes.confusion(gold, chosen, 4) == expected).all()


def test_the_interval_of_f1_is_that_of_resampled_items() -> None:
    random = np.random.default_rng(1)
    gold, chosen = random.integers(0, 3, 60), random.integers(0, 3, 60)
    counts = np.random.default_rng(5).multinomial(60, np.full(60, 1 / 60), size=300)
    plain = [
        f1_score(np.repeat(gold, row), np.repeat(chosen, row), average="macro", labels=[0, 1, 2], zero_division=0)
        for row in counts
    ]
    assert classes.macro_f1_interval(gold, chosen, 3, 300, 5) == pytest.approx(np.quantile(plain, [0.025, 0.975]))
    assert classes.macro_f1_interval([0], [1], 3, 300, 5) is None


def test_calibration_by_hand() -> None:
    sure, right = [0.5, 0.6, 0.9, 1.0], [True, False, True, True]
    assert calibration.ece(sure, right, 2) == pytest.approx((2 * abs(0.55 - 0.5) + 2 * abs(0.95 - 1)) / 4)
    rows = calibration.reliability(sure, right, 2)
    assert [(row["items"], row["confidence"], row["accuracy"]) for row in rows] == [(2, 0.55, 0.5), (2, 0.95, 1.0)]
    assert calibration.ece([0.8] * 5, [True] * 4 + [False], 10) == pytest.approx(0.32)  # five bins of one item


def test_the_interval_of_the_calibration_error_is_that_of_its_spread() -> None:
    """Of many sets drawn alike, the width is that of the middle 95% of their errors; of one item there is none."""
    random = np.random.default_rng(0)

    def drawn() -> tuple[Any, Any]:
        sure = random.random(200)
        return sure, random.random(200) < sure * 0.6

    errors = [calibration.ece(*drawn(), 5) for _ in range(400)]
    found = [calibration.ece_interval(*drawn(), 5, 200, seed) for seed in range(20)]
    widths = np.mean([high - low for low, high in found])
    assert widths == pytest.approx(np.subtract(*np.quantile(errors, [0.975, 0.025])), rel=0.15)
    sure, right = drawn()
    low, high = calibration.ece_interval(sure, right, 5, 200, 0)
    assert low < calibration.ece(sure, right, 5) < high
    assert calibration.ece_interval([0.5], [True], 5, 200, 0) is None


def test_all_figures_of_a_candidate(candidate: Candidate, tmp_path: Path) -> None:
    scores, values, answers = measured(candidate, tmp_path, *ROWS, seen={"s/test0", "s/test1", "c/test3"})
    assert (scores.schema, values.schema, answers.schema) == (SCORES, VALUES, tables.ANSWERS)
    assert scores.filter(pl.col("value").is_null() & pl.col("why").is_null()).is_empty()
    assert len(answers) == 12 * 3 * 2 + 14 * 2
    chance = score_of(scores, "chance")
    assert chance["value"] == pytest.approx(np.mean([1 / len(row["choices"]) for row in ROWS[:12]]))
    assert score_of(scores, "most_frequent", of="c")["value"] == pytest.approx(9 / 14)
    norm = answers.filter(way="answers", shots=1)
    right = [int(np.argmax(np.array(row["log_probabilities"]) / [len(c) for c in row["choices"]])) == row["label"]
             for row in norm.to_dicts()]  # fmt: skip
    row = score_of(scores, "answers_acc_norm_1shot")
    assert row["value"] == pytest.approx(np.mean(right))
    assert (row["items"], row["shots"], row["decoding"], row["seen"]) == (12, 1, "likelihood", pytest.approx(2 / 12))
    macro = score_of(scores, "answers_acc_norm_1shot", "macro", "families")
    assert macro["value"] == pytest.approx((np.mean(right[::2]) + np.mean(right[1::2])) / 2)
    assert macro["low"] <= macro["value"] <= macro["high"]
    ece = score_of(scores, "answers_ece_1shot")
    assert ece["low"] <= ece["value"] <= ece["high"]
    unseen = score_of(scores, "answers_acc_norm_1shot", "contamination", "unseen")
    assert (unseen["items"], unseen["value"]) == (10, pytest.approx(np.mean(right[2:])))
    labels = scoring.decided(answers.filter(way="labels", shots=0), "contextual")
    expected = f1_score(labels["label"], labels["chosen"], average="macro")
    assert score_of(scores, "labels_macro_f1_calibrated_0shot", of="c")["value"] == pytest.approx(expected)
    both = values.filter(metric="labels_acc_calibrated_0shot")
    assert both["value"].to_list() == labels["right"].cast(pl.Float64).to_list()
    again, _, _ = measured(candidate, tmp_path / "again", *ROWS, seen={"s/test0", "s/test1", "c/test3"})
    assert again.equals(scores)


def test_a_mean_over_families_of_one_item_has_no_interval(candidate: Candidate, tmp_path: Path) -> None:
    rows = [choice_item(n) for n in (0, 2, 1)]  # of one subject there is one item
    how = SETTINGS.model_copy(update={"shots": (0,)})
    scores, _, _ = measured(candidate, tmp_path, *rows, how=how)
    macro = score_of(scores, "answers_acc_0shot", "macro", "families")
    assert (macro["low"], macro["high"]) == (None, None)
    assert macro["interval"] == "none: 1 of 2 families have one item"
    assert macro["value"] is not None


def test_what_cannot_be_had_says_why(candidate: Candidate, tmp_path: Path) -> None:
    scores, values, answers = measured(candidate, tmp_path / "none", item("q/1", "f", "س؟", "ج"))
    assert scores.select("metric", "value", "why").rows() == [("acc", None, measure.NOTHING)]
    assert values.is_empty()
    assert answers.is_empty()
    one_class = [class_item(n, label=1) for n in range(4)]
    unfit = [choice_item(1) | {"id": "s/x", "label": 7}, choice_item(2) | {"id": "s/y", "label": None},
             choice_item(4) | {"id": "s/z", "choices": ["واحد"], "label": 0},
             choice_item(5) | {"id": "s/w", "choices": ["واحد", " "], "label": 0}]  # fmt: skip
    scores, _, _ = measured(candidate, tmp_path / "some", *one_class, *unfit)
    why = dict(scores.filter(pl.col("why").is_not_null(), by="all").select("metric", "why").iter_rows())
    assert "all 4 items are of one class (سلبي)" in why["labels_macro_f1_0shot"]
    assert why["left_out"].startswith("4 items whose label is none of their choices")
    assert "task reviews has fewer than 1 other items" in why["labels_acc_1shot"]
    assert score_of(scores, "labels_acc_0shot", of="c")["items"] == 4


def test_the_base_is_asked_in_what_suits_it_and_long_prompts_lose_their_beginning(
    candidate: Candidate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    long = choice_item(1)
    long["question"] = "كلمة " * 300 + long["question"]
    how = SETTINGS.model_copy(update={"shots": (0,), "ways": ("answers",)})
    scores, _, answers = measured(candidate, tmp_path / "a", *ROWS, long | {"id": "s/long"}, how=how)
    assert score_of(scores, "answers_cut_0shot")["value"] == pytest.approx(1 / 13)
    assert "their beginning is cut" in caplog.text
    first = set(answers["format"])
    found = scoring.decided
    monkeypatch.setattr(  # the other format does better
        scoring,
        "decided",
        lambda answers, rule: found(answers, rule).with_columns(right=~pl.col("format").is_in(first)),
    )
    _, _, answers = measured(candidate, tmp_path / "b", *ROWS, how=how)
    assert set(answers["format"]) == set(candidate.formats) - first


def test_a_model_that_gives_no_numbers_is_named(candidate: Candidate, tmp_path: Path) -> None:
    import torch

    broken = type("Broken", (torch.nn.Module,), {})()
    broken.config, broken.dtype, broken.device = candidate.model.config, torch.float64, torch.device("cpu")
    broken.forward = lambda input_ids, **_: type(
        "Out", (), {"logits": torch.full((*input_ids.shape, 400), torch.nan)}
    )()
    with pytest.raises(UserError, match=r"item c/test.* not a number"):
        measured(replace(candidate, model=broken, formats=("chat",)), tmp_path, *ROWS)


def test_unlettered_names_are_refused() -> None:
    with pytest.raises(ValueError, match="each once"):
        ChoicesSettings(shots=(0, 0))
