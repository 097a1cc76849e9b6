"""Robustness: what is asked under which noise, and the scores of it, against a model whose answers are known."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from arabic_llm_pipeline.corpus.records import ITEMS
from arabic_llm_pipeline.evaluation.candidate import Candidate
from arabic_llm_pipeline.evaluation.results import SCORES, VALUES
from arabic_llm_pipeline.evaluation.robustness.answers import Answered, Asker
from arabic_llm_pipeline.evaluation.robustness.conditions import Condition, conditions, perturbed
from arabic_llm_pipeline.evaluation.robustness.measure import asked_items, chosen_asker, measure
from arabic_llm_pipeline.parameters.robustness import RobustnessSettings
from tests.evaluation.conftest import item, items, said, shards

SETTINGS = RobustnessSettings(
    items=0,
    levels=(0.2, 0.5),
    kinds=("hamza", "keyboard"),
    worst_of=3,
    worst_level=0.5,
    max_new_tokens=4,
    resamples=100,
)
QUESTION = "أين ولد الكاتب المصري الكبير صاحب الرواية المشهورة؟"


def choice(id_: str, question: str, label: int | None, *choices: str) -> dict[str, Any]:
    row = item(id_, "school", question, kind="multiple_choice", choices=list(choices), label=label)
    return row | {"answers": [choices[label]] if label is not None else []}


ROWS = [
    *(item(f"t{n}", "capital", f"ما عاصمة {place} الكبيرة الجميلة؟", city, kind="short_answer")
      for n, (place, city) in enumerate([("مصر", "القاهرة"), ("لبنان", "بيروت"), ("قطر", "الدوحة")])),
    item("d0", "capital", "ما عاصمة تونس؟", "تونس", split="dev", kind="short_answer"),
    item("none", "capital", "ما عاصمة القمر؟", kind="short_answer"),
    choice("m0", "ما لون السماء الصافية في النهار؟\nأزرق\nأحمر", 0, "أزرق", "أحمر"),
    choice("m1", "كم عدد أيام الأسبوع عند الناس؟\nسبعة\nعشرة", 0, "سبعة", "عشرة"),
    choice("m2", "سؤال بلا مفتاح؟", None, "نعم", "لا"),
    choice("m3", "سؤال مفتاحه ليس من خياراته؟", 1, "نعم", "لا") | {"label": 2},
]  # fmt: skip


@pytest.fixture
def asked(tmp_path: Path) -> Any:
    return shards(tmp_path / "items", ITEMS, ROWS)


def candidate(model: Any, tokenizer: Any) -> Candidate:
    return Candidate("sft", model, tokenizer, ("chat",), "none")


def test_conditions() -> None:
    found = conditions(SETTINGS)
    assert [(one.by, one.group, one.share, one.perturbation) for one in found] == [
        ("noise", "0", 0.0, 0), ("noise", "0.2", 0.2, 0), ("noise", "0.5", 0.5, 0),
        ("kind", "hamza", 0.3, 0), ("kind", "keyboard", 0.3, 0),
        ("worst", "0.5", 0.5, 1), ("worst", "0.5", 0.5, 2),
    ]  # fmt: skip
    apart = SETTINGS.model_copy(update={"worst_level": 0.4, "worst_of": 2})
    assert [one.perturbation for one in conditions(apart) if one.by == "worst"] == [0, 1]
    assert not [one for one in conditions(SETTINGS.model_copy(update={"worst_of": 1})) if one.by == "worst"]


def test_noise_spares_system_choices_and_passage() -> None:
    passage = "ولد الكاتب الكبير في مدينة القاهرة القديمة سنة ألف."
    prompt = [{"role": "system", "content": QUESTION}, *said(f"{passage}\n{QUESTION}\n(أ) الكاتب الكبير")]
    row = item("a", "f", "", "القاهرة", passage=passage, choices=["الكاتب الكبير"]) | {"prompt": prompt}
    found = perturbed(items(row), Condition("noise", "1", 1.0, ("doubled",)), SETTINGS, 0).row(0, named=True)
    system, user = (message["content"] for message in found["prompt"])
    assert system == QUESTION
    before, noisy, last = user.split("\n")
    assert (before, last) == (passage, "(أ) الكاتب الكبير")
    assert noisy != QUESTION
    assert found["words"] == found["altered"] == len(QUESTION.split())


def test_what_is_asked(asked: Any) -> None:
    found = asked_items(asked, "test", 0, 0)
    assert dict(found.select("id", "how").rows()) == {
        "t0": "short_answers", "t1": "short_answers", "t2": "short_answers", "m0": "choices", "m1": "choices",
    }  # fmt: skip
    assert len(asked_items(asked, "test", 2, 0)) == 2
    assert asked_items(asked, "dev", 0, 0)["id"].to_list() == ["d0"]


def test_scores_of_a_random_model_are_those_counted_by_hand(model: Any, tokenizer: Any, asked: Any) -> None:
    """From its own answers: shares right, chrF++ to the clean answer, worst and mean of three, change from no noise."""
    from sacrebleu.metrics.chrf import CHRF

    scores, values, answers = measure(candidate(model, tokenizer), asked, SETTINGS, 0)
    assert scores.schema == SCORES
    assert values.schema == VALUES
    written = answers.filter(how="short_answers")
    likeness = CHRF(word_order=2)
    for (by, group), rows in written.filter(pl.col("by") != "worst").group_by("by", "group"):
        row = one(scores, "chrf++_to_clean", by, group)
        found = [
            100.0 if a == b else likeness.sentence_score(a, [b]).score for a, b in rows["generated", "clean"].rows()
        ]
        assert row["value"] == pytest.approx(sum(found) / len(found))
        assert row["items"] == 3
        assert row["harness"].startswith("sacrebleu")
    clean = one(scores, "chrf++_to_clean", "noise", "0")
    assert (clean["value"], clean["low"], clean["high"]) == (100.0, 100.0, 100.0)
    three = written.filter(((pl.col("by") == "worst") | (pl.col("by") == "noise")) & (pl.col("group") == "0.5"))
    each = [
        [likeness.sentence_score(a, [b]).score if a != b else 100.0 for a, b in rows["generated", "clean"].rows()]
        for _, rows in three.group_by("id")
    ]
    assert {len(found) for found in each} == {3}
    worst, mean = (one(scores, "chrf++_to_clean", by, "0.5, 3 times") for by in ("worst", "mean_of_perturbations"))
    assert worst["value"] == pytest.approx(sum(map(min, each)) / 3)
    assert mean["value"] == pytest.approx(sum(sum(found) / 3 for found in each) / 3)
    assert len(set(three["prompt"])) > 3, "perturbations differ"


def one(scores: pl.DataFrame, metric: str, by: str, group: str) -> dict[str, Any]:
    found = scores.filter(metric=metric, by=by, group=group)
    assert len(found) == 1, (metric, by, group)
    return found.row(0, named=True)


def test_known_answers(model: Any, tokenizer: Any, asked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Right where the question is as it was, wrong where it is not: every share follows from the noise."""
    import numpy as np

    right = {row["prompt"][0]["content"]: row["answers"][0] for row in ROWS if row["answers"]}

    def answered(self: Asker, rows: pl.DataFrame) -> Answered:
        asked = [prompt[0]["content"] for prompt in rows["prompt"].to_list()]
        wrong = rows["choices"].list.last().to_list() if rows["how"][0] == "choices" else ["لا أدري"] * len(rows)
        texts = [right.get(text, other) for text, other in zip(asked, wrong, strict=True)]
        return Answered(texts, [np.arange(2)] * len(rows), [False] * len(rows))

    for name in ("written", "chosen"):
        monkeypatch.setattr(Asker, name, answered)
    scores, values, answers = measure(candidate(model, tokenizer), asked, SETTINGS, 0)
    for metric in ("exact_match", "exact_match_normalized", "choice_accuracy"):
        assert one(scores, metric, "noise", "0")["value"] == 1
        assert one(scores, metric, "noise", "0.5")["value"] == 0
        change = one(scores, f"{metric}_change", "noise", "0.5")
        assert (change["value"], change["low"], change["high"]) == (-1, -1, -1)
    assert one(scores, "exact_match", "worst", "0.5, 3 times")["value"] == 0
    assert set(scores.filter(metric="choice_accuracy")["by"]) == {"noise", "noise, dialect"}
    dialects = scores.filter(metric="exact_match", by="noise, dialect").filter(pl.col("group").str.starts_with("0.2, "))
    assert dialects["items"].sum() == 3
    altered = one(scores, "words_altered", "noise", "0.5")
    assert 0.4 <= altered["value"] <= 0.6
    assert one(scores, "words_altered", "noise", "0")["value"] == 0
    rows = values.filter(metric="exact_match, noise 0.2")
    assert sorted(rows["id"]) == ["t0", "t1", "t2"]
    assert scores["why"].null_count() == len(scores)
    assert set(answers["clean"].drop_nulls()) == {"القاهرة", "بيروت", "الدوحة", "أزرق", "سبعة"}


@pytest.mark.parametrize(
    ("name", "begin"), [("question_answer", " "), ("question_answer_3", " "), ("bare", ""), ("chat", "")]
)
def test_choices_are_scored_as_a_loop_would(model: Any, tokenizer: Any, asked: Any, name: str, begin: str) -> None:
    """Without batches, by plain torch: log-probability over characters, of the choice's own tokens alone."""
    import torch

    rows = asked_items(asked, "test", 0, 0).filter(how="choices")
    found = Asker(candidate(model, tokenizer), name, rows.clear(), SETTINGS, 0).chosen(rows)
    expected = []
    for prompt, choices in zip(found.prompts, rows["choices"], strict=True):
        scores = []
        for text in choices:
            ids = tokenizer(begin + text, add_special_tokens=False)["input_ids"]
            whole = torch.tensor([[*prompt.tolist(), *ids]])
            with torch.no_grad():
                logs = torch.log_softmax(model(whole).logits[0, :-1], -1).gather(1, whole[0, 1:, None])
            scores.append(float(logs[-len(ids) :].sum()) / len(text))
        expected.append(choices[scores.index(max(scores))])
    assert found.texts == expected
    assert not any(found.cut)


def test_what_is_written_is_scored_by_what_was_asked(model: Any, tokenizer: Any, tmp_path: Path) -> None:
    """Questions on a text by F1, free answers by chrF against their reference, exact match of neither."""
    from sacrebleu.metrics.chrf import CHRF

    rows = [
        item(
            "q", "f", "أين ولد الكاتب الكبير؟", "في مدينة القاهرة", kind="question_answering", passage="ولد في القاهرة."
        ),
        item("w", "f", "اكتب جملة عن البحر الكبير", "البحر كبير وجميل", kind="free_answers"),
    ]
    one_noise = SETTINGS.model_copy(update={"levels": (0.5,), "kinds": (), "worst_of": 1, "max_new_tokens": 8})
    scores, _, answers = measure(candidate(model, tokenizer), shards(tmp_path, ITEMS, rows), one_noise, 0)
    told = {row["id"]: row["generated"] for row in answers.filter(by="noise", group="0").to_dicts()}
    assert set(scores["metric"]) == {
        "f1_squad", "f1_squad_change", "f1_normalized", "f1_normalized_change", "chrf_sentence", "chrf_sentence_change",
        "chrf++_to_clean", "words_altered", "cut",
    }  # fmt: skip
    found, wanted = set(told["q"].split()), {"في", "مدينة", "القاهرة"}
    f1 = 2 * len(found & wanted) / (len(told["q"].split()) + len(wanted))
    assert one(scores, "f1_squad", "noise", "0")["value"] == pytest.approx(f1)
    chrf = one(scores, "chrf_sentence", "noise", "0")
    assert chrf["value"] == pytest.approx(CHRF().sentence_score(told["w"], ["البحر كبير وجميل"]).score)
    assert "nw:0" in chrf["harness"]


def test_a_long_passage_loses_its_end_and_the_cut_are_counted(
    model: Any, tokenizer: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    passage = " ".join(["ولد الكاتب الكبير في مدينة القاهرة القديمة."] * 40)
    long = item("q", "f", f"{passage}\nأين ولد؟", "القاهرة", kind="question_answering", passage=passage)
    short = item("r", "f", "أين ولد؟", "القاهرة", kind="question_answering")
    how = SETTINGS.model_copy(update={"levels": (0.5,), "kinds": (), "worst_of": 1})
    made = shards(tmp_path, ITEMS, [long, short])
    scores, values, answers = measure(candidate(model, tokenizer), made, how, 0)
    assert one(scores, "cut", "noise", "0")["value"] == 0.5
    assert "2 of 4 prompts are too long" in caplog.text
    assert answers.filter(id="q")["cut"].all()
    assert not values["metric"].str.starts_with("cut").any()
    asker = Asker(candidate(model, tokenizer), "question_answer", asked_items(made, "dev", 0, 0), how, 0)
    text = tokenizer.decode(asker.written(asked_items(made, "test", 0, 0).filter(id="q")).prompts[0])
    assert text.startswith("سؤال: ولد الكاتب")
    assert "أين ولد؟" in text


def test_a_base_is_asked_in_what_suits_it(
    model: Any, tokenizer: Any, asked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The format in which development items of that way are right; without any, the first."""
    base = Candidate("base", model, tokenizer, ("chat", "question_answer", "bare"), "none")
    dev = asked_items(asked, "dev", 0, 0)

    def written(self: Asker, rows: pl.DataFrame) -> Answered:
        told = [row[0] if self.name == "bare" else "" for row in rows["answers"].to_list()]
        return Answered(told, [], [False] * len(rows))

    monkeypatch.setattr(Asker, "written", written)
    assert chosen_asker(base, "short_answers", dev, SETTINGS, 0).name == "bare"
    assert chosen_asker(base, "choices", dev.clear(), SETTINGS, 0).name == "chat"
    none = SETTINGS.model_copy(update={"dev_items": 0})
    assert chosen_asker(base, "short_answers", dev, none, 0).name == "chat"


def test_equal_prompts_are_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from arabic_llm_pipeline.evaluation.robustness.answers import _each_once

    asked: list[list[int]] = []

    def ask(places: list[int]) -> list[int]:
        asked.append(places)
        return [10 * place for place in places]

    assert _each_once(["a", "b", "a", "c", "b"], ask) == [0, 10, 0, 30, 10]
    assert asked == [[0, 1, 3]]
    assert _each_once([], ask) == []


def test_no_items_say_why(model: Any, tokenizer: Any, tmp_path: Path) -> None:
    empty = shards(tmp_path / "none", ITEMS, [ROWS[3], ROWS[4]])
    scores, values, answers = measure(candidate(model, tokenizer), empty, SETTINGS, 0)
    assert scores["why"].to_list() == ["no test item with an accepted answer, or with choices and a label"]
    assert len(values) == len(answers) == 0
    assert values.schema == VALUES


def test_same_seed_same_tables(model: Any, tokenizer: Any, asked: Any) -> None:
    first, second = (measure(candidate(model, tokenizer), asked, SETTINGS, 3) for _ in range(2))
    assert all(a.equals(b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("levels", [(0.3, 0.2), (0.0, 0.1), (0.2, 0.2), (1.2,)])
def test_levels_that_do_not_rise_are_refused(levels: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="rise"):
        RobustnessSettings(levels=levels)


def test_the_kinds_of_the_parameters_are_those_there_are() -> None:
    from arabic_llm_pipeline.arabic.noise_kinds import KINDS, REGIONS

    assert tuple(KINDS) == RobustnessSettings().mixture
    assert RobustnessSettings().regions == REGIONS
