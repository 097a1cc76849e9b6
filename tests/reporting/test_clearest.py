"""What training did, by kind of measure, dialect and noise: sentences from tests and scores worked out by hand."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from arabic_llm_pipeline.evaluation.paired import PAIRED
from arabic_llm_pipeline.evaluation.results import missing, score_table
from arabic_llm_pipeline.reporting import clearest, findings
from arabic_llm_pipeline.reporting.inputs import Inputs
from arabic_llm_pipeline.reporting.metrics import called, is_share, lower_is_better
from tests.reporting.made import changed, inputs
from tests.reporting.made_scores import CANDIDATES, answers


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    return inputs(tmp_path_factory.mktemp("clearest"))


@pytest.fixture
def bare(every: Inputs) -> Inputs:
    """Nothing of any kind was measured."""
    kinds = ("choices", "writing", "language", "robustness")
    none = {f"{name}_{kind}": score_table([missing("all", "all", "acc", "no item")]) for name in CANDIDATES
            for kind in kinds}  # fmt: skip
    empty = {f"{name}_answers": answers(name).clear() for name in CANDIDATES}
    return changed(every, paired_tests=PAIRED.to_frame(), **none, **empty)


def a_test(measure: str, of: str, metric: str, a: str, change: float, p: float, half: float = 0.1) -> dict[str, Any]:
    """A paired test of the last candidate against another."""
    around = {"difference": change, "low": change - half, "high": change + half}
    return {"measure": measure, "set": of, "metric": metric, "a": a, "b": "sft_dpo", **around, "test": "", "p": p,
            "p_holm": p, "items": 50}  # fmt: skip


def told(made: Inputs, *rows: dict[str, Any]) -> list[str]:
    return clearest.by_measure(changed(made, paired_tests=pl.DataFrame(rows, schema=PAIRED)))


def test_gains_and_losses_of_a_kind_against_the_base_and_the_stage_before(bare: Inputs) -> None:
    f1 = "f1_squad"
    assert told(
        bare,
        a_test("question_answering", "arcd", f1, "base", 0.3, 0.001),
        a_test("question_answering", "xquad", f1, "base", 0.2, 0.01),
        a_test("question_answering", "tydi", f1, "base", -0.2, 0.02),
        a_test("question_answering", "arcd", f1, "sft", 0.05, 0.4),
        a_test("question_answering", "arcd", "exact_squad", "base", -0.9, 0.0001),  # no headline
    ) == [
        "Questions on a text (F1 (SQuAD)): sft_dpo is better than base in arcd, +30.0 points [20.0, 40.0], p (Holm) "
        "0.001, and in 1 more set and worse than base in tydi, -20.0 points [-30.0, -10.0], p (Holm) 0.020; not told "
        "apart from sft (surest: arcd, +5.0 points [-5.0, 15.0], p (Holm) 0.400)."
    ]


def test_less_is_better_of_bits_a_byte_and_p_has_to_be_small(bare: Inputs) -> None:
    key = ("perplexity", "prose", "bits_per_byte", "base")
    assert told(bare, a_test(*key, -0.2, 0.001)) == [
        "Held-out prose (bits a byte): sft_dpo is better than base in prose, -0.200 [-0.300, -0.100], p (Holm) 0.001."
    ]
    assert "is worse than base" in told(bare, a_test(*key, 0.2, 0.001))[0]
    assert "not told apart from base" in told(bare, a_test(*key, 0.2, 0.06))[0]


def test_a_figure_of_the_whole_set_goes_before_the_mean_of_sentences(bare: Inputs) -> None:
    rows = [a_test("translation", of, metric, "base", change, 0.001, 0.5) for of, metric, change in (
        ("tatoeba", "chrf++_sentence", 3.0), ("tatoeba", "chrf++", 4.0), ("flores", "chrf++_sentence", 5.0),
    )]  # fmt: skip
    [sentence] = told(bare, *rows)
    assert "+3.0" not in sentence
    assert sentence.startswith("Translation (chrF++")


def test_of_many_kinds_the_clearest_stand_and_the_rest_are_named(bare: Inputs) -> None:
    metrics = {
        "multiple_choice": "letters_acc_0shot", "classification": "labels_acc_0shot", "culture": "labels_acc_0shot",
        "question_answering": "f1_squad", "translation": "chrf++", "free_answers": "rougeL",
        "instruction_following": "prompt_strict", "lm_eval": "acc", "next_word": "top_1",
    }  # fmt: skip
    rows = [a_test(measure, "one", metric, "base", 0.2, 0.03 - place / 1000)
            for place, (measure, metric) in enumerate(metrics.items())]  # fmt: skip
    found = told(bare, *rows)
    assert len(found) == 9
    assert found[-1] == "Less clear, and under Paired tests only: multiple choice."


def test_dialects_of_exact_answers_by_hand(bare: Inputs) -> None:
    """Of 40 in each: MSA 36 right and EGY 12, of the base 20 and 12."""

    def made(msa: int, egy: int) -> pl.DataFrame:
        rows = [("MSA", place < msa) for place in range(40)] + [("EGY", place < egy) for place in range(40)]
        return pl.DataFrame(rows, schema={"dialect": pl.String, "strict": pl.Boolean}, orient="row")

    [sentence] = clearest.by_dialect(changed(bare, sft_dpo_answers=made(36, 12), base_answers=made(20, 12)))
    assert sentence.startswith(
        "By dialect, exact answers to held-out prompts: sft_dpo is best in MSA, 90.0% [76.9, 96.0], and worst in EGY, "
        "30.0% ["
    )
    assert "overlap" not in sentence
    assert "; from base it changed most in MSA, from 50.0% [" in sentence
    [alike] = clearest.by_dialect(changed(bare, sft_dpo_answers=made(36, 35), base_answers=made(20, 12)))
    assert "(the intervals overlap)" in alike


def of_dialects(**bits: float) -> pl.DataFrame:
    about = {"measure": "perplexity", "set": "prose", "metric": "bits_per_byte", "by": "dialect", "items": 9}
    rows = [about | {"group": name, "value": value, "low": value - 0.1, "high": value + 0.1}
            for name, value in bits.items()]  # fmt: skip
    return score_table(rows)


def test_what_neither_source_nor_tagger_could_name_is_no_dialect(bare: Inputs) -> None:
    """Both rows of it would be the best, the worst, and what changed most."""
    unnamed = {"unknown": 0.2, "unknown (tagged)": 9.0}
    last, base = of_dialects(MSA=1.0, EGY=2.0, **unnamed), of_dialects(MSA=1.1, EGY=2.5, **dict.fromkeys(unnamed, 5.0))
    [sentence] = clearest.by_dialect(changed(bare, sft_dpo_language=last, base_language=base))
    assert sentence == (
        "By dialect, bits a byte of prose: sft_dpo is best in MSA, 1.00 [0.90, 1.10], and worst in EGY, 2.00 [1.90, "
        "2.10]; from base it changed most in EGY, from 2.50 [2.40, 2.60] to 2.00 [1.90, 2.10]. Each dialect's prose is "
        "other text."
    )
    alone = of_dialects(MSA=1.0, **unnamed)
    assert clearest.by_dialect(changed(bare, sft_dpo_language=alone, base_language=alone)) == []


def test_noise_is_told_of_the_highest_level(every: Inputs) -> None:
    """Made: the last has 0.7 right without noise and loses half of it at 0.5, the base half of 0.1."""
    assert clearest.under_noise(every) == [
        "With 50% of the words of a question altered, exact match of items test is 35.0% [30.0, 40.0] for sft_dpo "
        "(-35.0 points [-40.0, -30.0] from none); 5.0% [0.0, 10.0] for base (-5.0 points [-10.0, 0.0] from none)."
    ]


def test_noise_of_free_answers_is_told_in_their_own_unit(every: Inputs) -> None:
    """chrF goes to 100: what noise takes away is no share."""
    about = {"measure": "robustness", "set": "talk", "by": "noise", "items": 9}
    rows = [about | {"metric": "chrf_sentence", "group": level, "value": value, "low": value - 1, "high": value + 1}
            for level, value in (("0", 40.0), ("0.3", 30.0))]  # fmt: skip
    rows.append(rows[1] | {"metric": "chrf_sentence_change", "value": -10.0, "low": -12.0, "high": -8.0})
    made = changed(every, **{f"{name}_robustness": score_table(rows) for name in ("base", "sft_dpo")})
    assert clearest.under_noise(made)[0].startswith(
        "With 30% of the words of a question altered, chrF, mean of sentences of talk is 30.0 [29.0, 31.0] for sft_dpo "
        "(-10.0 [-12.0, -8.0] from none);"
    )


def test_nothing_measured_gives_no_sentence(bare: Inputs) -> None:
    assert clearest.sentences(bare) == []
    assert clearest.scored(bare) == []


def test_a_run_on_choices_alone_is_told_and_nothing_is_praised(every: Inputs, tmp_path: Path) -> None:
    """No exact answers, no pairs: what was found is of choices, and of the rest stands why it was not judged."""
    accuracy = {"accuracy": [{"family": "all", "items": 0, "strict": None, "why": "no held-out item"}]}
    pairs = {"preference": {"pairs": 0, "sum_accuracy": None, "sum_interval": None, "why": "no held-out pairs"}}
    scores = {f"{name}_scores": every[f"{name}_scores"] | accuracy | pairs | {"stopped": None} for name in CANDIDATES}
    none = {f"{name}_language": score_table([]) for name in CANDIDATES}
    made = changed(every, comparison=[], baseline_scores={}, **scores, **none)
    assert any(
        text.startswith("Multiple choice (accuracy by letters, 0-shot): sft_dpo") for text in findings.found(made)
    )
    assert findings.short_of(made) == []
    assert findings.judged_well(made) == ""
    assert findings.not_judged(made) == [
        "Whether sft raised accuracy on held-out prompts was not judged: no held-out item.",
        "Whether sft_dpo raised preference accuracy on held-out pairs was not judged: no held-out pairs.",
    ]
    untested = changed(
        made, paired_tests=PAIRED.to_frame(), **{f"{name}_answers": answers(name).clear() for name in CANDIDATES}
    )
    assert not any("Nothing was measured" in text for text in findings.found(untested))


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        ("letters_acc_3shot", "accuracy by letters, 3-shot"),
        ("listed_answers_acc_norm_0shot", "accuracy by listed answers, per character, 0-shot"),
        ("labels_macro_f1_calibrated_0shot", "macro F1 by labels, calibrated, 0-shot"),
        ("labels_ece_0shot", "calibration error (ECE) by labels, 0-shot"),
        ("chrf++_sentence", "chrF++, mean of sentences"),
        ("exact_match, noise 0.3", "exact match, noise 0.3"),
        ("acc_norm", "accuracy, per character"),
        ("some_other", "some other"),
    ],
)
def test_names(metric: str, name: str) -> None:
    assert called(metric) == name


def test_units_and_directions() -> None:
    assert [is_share(name) for name in ("labels_brier_0shot", "chrf++", "bits_per_byte", "f1_squad")] == [
        False, False, False, True,
    ]  # fmt: skip
    assert [lower_is_better(name) for name in ("letters_ece_0shot", "bits_per_byte", "letters_acc_0shot", "loop")] == [
        True, True, False, True,
    ]  # fmt: skip
