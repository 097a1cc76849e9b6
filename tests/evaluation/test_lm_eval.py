"""Shipped tasks of lm-eval on local files: their prompts, our values, and what is refused."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.evaluation.candidate import Candidate
from arabic_llm_pipeline.evaluation.choices import scoring
from arabic_llm_pipeline.evaluation.choices.asking import Asked
from arabic_llm_pipeline.evaluation.lm_eval import local, run
from arabic_llm_pipeline.evaluation.results import SCORES, VALUES
from arabic_llm_pipeline.parameters.lm_eval import LmEvalSettings, LmEvalTask

pytest.importorskip("lm_eval")
EXAMS = {"include": "aexams/_default_template_yaml", "path": "x", "format": "jsonl", "question": "question"}
ACVA = {
    "include": "arabic_leaderboard_complete/arabic_leaderboard_avca/arabic_leaderboard_acva_Algeria.yaml",
    "path": "x", "format": "jsonl", "values": {"answer": {"نعم": "صح", "لا": "خطأ"}}, "fields": {"question": "text"},
}  # fmt: skip
ROWS = [
    {"id": f"{'Biology' if n % 2 else 'Physics'}-{n}", "question": f" ما عاصمة سوريا {n}؟", "A": "دمشق", "B": "القاهرة",
     "C": "تونس", "D": f"بغداد {n}", "answer": "ABCD"[n % 4]}
    for n in range(8)
]  # fmt: skip
STATEMENTS = [{"text": f"عبارة {n}", "answer": ("نعم", "لا")[n % 2]} for n in range(4)]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, list[Path]]:
    whole, examples, statements = tmp_path / "test.jsonl.gz", tmp_path / "dev.jsonl", tmp_path / "acva.jsonl"
    whole.write_bytes(gzip.compress("\n".join(map(json.dumps, ROWS)).encode()))
    examples.write_text("\n".join(json.dumps(row | {"question": "مثال؟"}) for row in ROWS[:2]), encoding="utf-8")
    statements.write_text("\n".join(map(json.dumps, STATEMENTS)), encoding="utf-8")
    (empty := tmp_path / "empty.jsonl").touch()
    return {"empty": [empty], "exams": [whole], "exams/examples": [examples], "acva": [statements]}


@pytest.fixture
def candidate(model: Any, tokenizer: Any) -> Candidate:
    return Candidate("base", model, tokenizer, (), "none")


def texts(shots: int) -> list[str]:
    """What the shipped task asks, written out by hand."""

    def asked(row: dict[str, str]) -> str:
        listed = "\n".join(f"{letter}. {row[letter]}" for letter in "ABCD")
        return f"{row['question'].strip()}\n{listed}\nالجواب："

    shown = "".join(f"{asked(row | {'question': 'مثال؟'})} {row['answer']}\n\n" for row in ROWS[:shots])
    return [f"{shown}{asked(row)}" for row in ROWS]


@pytest.mark.parametrize("shots", [0, 1])
def test_a_shipped_task_on_local_files_item_by_item(
    candidate: Candidate, files: dict[str, list[Path]], tmp_path: Path, tokenizer: Any, shots: int
) -> None:
    task = EXAMS | {"examples": "x", "family": "id", "family_pattern": "^(.*)-[0-9]+$"}
    how = LmEvalSettings(tasks={"exams": task, "gone": None}, shots=shots, batch_size=3, resamples=100)
    scores, values = run.measure(candidate, files, how, 0, {"exams/2"}, tmp_path)
    assert (scores.schema, values.schema) == (SCORES, VALUES)
    asked = []
    for text in texts(shots):
        context = tokenizer(text)["input_ids"]
        choices = [np.array(tokenizer(f"{text} {letter}")["input_ids"][len(context) :]) for letter in "ABCD"]
        asked.append(Asked(np.array(context), choices))
    found = scoring.likelihoods(candidate, asked, 4, "x", [""] * 8)
    right = [
        int(np.argmax(totals)) == "ABCD".index(row["answer"]) for totals, row in zip(found.totals, ROWS, strict=True)
    ]
    acc = values.filter(metric="acc")
    assert acc["value"].to_list() == right
    assert acc["id"].to_list() == [f"exams/{n}" for n in range(8)]
    whole = scores.filter(metric="acc", by="all").row(0, named=True)
    assert whole["value"] == pytest.approx(np.mean(right))
    assert (whole["measure"], whole["set"], whole["items"], whole["shots"]) == ("lm_eval", "exams", 8, shots)
    assert whole["harness"].startswith("lm-eval 0.4")
    assert (whole["format"], whole["decoding"]) == ("exams 1.0, plain", "likelihood")
    assert whole["seen"] == pytest.approx(1 / 8)
    biology = scores.filter(metric="acc", group="Biology").row(0, named=True)
    assert biology["value"] == pytest.approx(np.mean(right[1::2]))
    assert set(scores["metric"]) == {"acc", "acc_norm"}


def test_an_adapter_in_memory_and_values_under_other_names(
    files: dict[str, list[Path]], tmp_path: Path, model: Any, tokenizer: Any
) -> None:
    from copy import deepcopy

    from peft import LoraConfig, get_peft_model

    adapted = (
        get_peft_model(deepcopy(model), LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False))
        .double()
        .eval()
    )
    how = LmEvalSettings(tasks={"acva": ACVA}, limit=3, resamples=100)
    scores, values = run.measure(Candidate("sft", adapted, tokenizer, (), "none"), files, how, 0, (), tmp_path)
    assert len(values.filter(metric="acc")) == 3
    assert scores["seen"].null_count() == len(scores), "nothing is known, as no question is named"
    written = [json.loads(line) for line in (tmp_path / "acva-test.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(row["question"], row["answer"]) for row in written[:2]] == [("عبارة 0", "صح"), ("عبارة 1", "خطأ")]


def test_questions_are_what_is_looked_for_in_training(files: dict[str, list[Path]]) -> None:
    tasks = LmEvalSettings(tasks={"exams": EXAMS, "acva": ACVA}).chosen()
    asked = local.questions(files, tasks, 2)
    assert asked.rows() == [("exams/0", "exams", "ما عاصمه سوريا 0"), ("exams/1", "exams", "ما عاصمه سوريا 1")]


@pytest.mark.parametrize(
    ("name", "task", "shots", "why"),
    [
        ("exams", EXAMS | {"include": "aexams/none"}, 0, "include: aexams/none is none of the files"),
        ("exams", EXAMS | {"fields": {"question": "text"}}, 0, r"fields.question: .* has no column 'text'; it has id"),
        ("exams", EXAMS | {"values": {"answer": {"A": "A"}}}, 0, "has 'B', which stands for nothing"),
        ("acva", ACVA, 2, "shots is 2, and acva has no `examples`"),
        ("exams", EXAMS | {"format": "csv"}, 0, "exams.question: .* has no column 'question'; it has"),
        ("exams", EXAMS | {"format": "csv", "question": None}, 0, "exams.fields.A: .* has no column 'A'"),
        ("exams", EXAMS | {"format": "json"}, 0, "exams: .*record"),
        ("exams", EXAMS | {"family": "subject"}, 0, "exams.family: .* has no column 'subject'"),
        ("empty", EXAMS, 0, "empty: .*empty.jsonl, record 1: empty file"),
    ],
)
def test_what_does_not_fit_is_told(
    files: dict[str, list[Path]], tmp_path: Path, name: str, task: dict[str, Any], shots: int, why: str
) -> None:
    with pytest.raises(UserError, match=why):
        local.write_task(files, name, LmEvalTask(**task), shots, tmp_path)


def test_a_column_that_a_task_reads_by_a_function(candidate: Candidate, files: Any, tmp_path: Path) -> None:
    task = EXAMS | {"include": "arabicmmlu/_default_arabicmmlu_template_yaml", "question": None}
    with pytest.raises(UserError, match=r"a task asks for '(Level|Country|Subject)', and the copy .* no such column"):
        run.measure(candidate, files, LmEvalSettings(tasks={"exams": task}), 0, (), tmp_path)


def test_logits_that_are_no_numbers_name_candidate_and_item(
    candidate: Candidate, files: dict[str, list[Path]], tmp_path: Path
) -> None:
    from copy import deepcopy
    from dataclasses import replace

    damaged = deepcopy(candidate.model)
    for weight in damaged.parameters():
        weight.data.fill_(float("nan"))
    damaged.candidate = "sft"
    with pytest.raises(UserError, match=r"lm-eval, exams: the logits of sft for item exams/0 are not a number"):
        run.measure(
            replace(candidate, model=damaged), files, LmEvalSettings(tasks={"exams": EXAMS}, limit=2), 0, (), tmp_path
        )


def test_without_lm_eval_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"not installed: pip install .*lm-eval"):
        local.shipped()


def test_without_tasks_the_table_says_so() -> None:
    scores, values = run.nothing()
    assert scores["why"].to_list() == [run.NO_TASKS]
    assert values.is_empty()


def test_every_shipped_task_that_an_environment_names_is_there(project: Path) -> None:
    import yaml

    for path in ("conf/lm_eval/parameters.yml", "tests/conf/evaluation/parameters.yml"):
        said = yaml.safe_load((project / path).read_text(encoding="utf-8"))["lm_eval"]
        for name, task in LmEvalSettings(**said).chosen().items():
            assert (local.shipped() / task.include).is_file(), name


def test_a_figure_that_is_no_mean_of_items_is_taken_as_lm_eval_gives_it() -> None:
    samples = [{"doc_id": n, "f1": (n, 1), "doc": {}, "arguments": n} for n in range(2)]
    results = {
        "samples": {"t": samples}, "configs": {"t": {"output_type": "multiple_choice"}}, "versions": {"t": 2},
        "results": {"t": {"alias": "t", "f1,none": 0.4, "f1_stderr,none": 0.1}},
    }  # fmt: skip
    [row], values = run._scores(results, "t", LmEvalTask(**EXAMS), LmEvalSettings(), 0, (), None)
    assert (row["value"], row["interval"]) == (0.4, run.STDERR)
    assert (row["low"], row["high"]) == pytest.approx((0.204, 0.596), abs=1e-3)
    assert values.is_empty()
    assert isinstance(values, pl.DataFrame)
