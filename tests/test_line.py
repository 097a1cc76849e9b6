"""The whole line, run as a person runs it, in seconds: the `smoke` environment on the sample that ships."""

import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import polars as pl
import pytest
from nbclient import NotebookClient

from arabic_llm_pipeline.parameters.human import AXES
from tests.line import Line

ALL_UP_TO_DATE = "everything is up to date"


def test_it_ends_in_a_report_about_all_candidates(line: Line) -> None:
    assert "report.html" in line.run("run", "--env=smoke").splitlines()[-1]
    page = (line.folder / "data/08_reporting/report/smoke/report.html").read_text(encoding="utf-8")
    assert 'dir="rtl"' in page
    assert {"base_scores", "sft_scores", "sft_dpo_scores", "comparison"} <= set(line.contents())


def test_a_second_run_makes_nothing(line: Line) -> None:
    before = line.fingerprints()
    assert ALL_UP_TO_DATE in line.run("run", "--env=smoke")
    assert line.fingerprints() == before


def test_another_beta_in_another_experiment_trains_dpo_only(line: Line) -> None:
    said = line.run("run", "--env=smoke", "--params=experiment=b03,dpo.beta=0.3")
    made = set(re.findall(r"Completed node: (\S+)", said))
    assert "sft_dpo.train" in made
    assert not {"ingest", "sft.train", "tokenize_documents"} & made
    b03, smoke = line.fingerprints("b03"), line.fingerprints()
    assert b03["sft_adapter"] == smoke["sft_adapter"]
    assert b03["sft_dpo_adapter"] != smoke["sft_dpo_adapter"]
    assert ALL_UP_TO_DATE in line.run("run", "--env=smoke")  # back to the default costs nothing


def test_the_deprecated_spelling_runs_a_pipeline_by_itself(line: Line) -> None:
    assert ALL_UP_TO_DATE in line.run("run", "--pipeline=preprocess", "--env=smoke")
    assert ALL_UP_TO_DATE in line.run("run", "--pipeline=sft_dpo", "--env=smoke")


def test_the_parts_of_preprocessing_are_the_same_nodes(line: Line) -> None:
    assert ALL_UP_TO_DATE in line.run("run", "--pipelines=corpus,corpus_report", "--env=smoke")


def test_a_pipeline_without_its_inputs_says_what_makes_them(tmp_path: Path) -> None:
    said = Line.make(tmp_path / "project").run("run", "--pipelines=sft_dpo", "--env=smoke", code=1)
    assert "Missing: documents" in said
    assert "kedro run --pipelines=preprocess --env=smoke" in said
    assert "Traceback" not in said


def test_a_stage_is_exported_and_answers(line: Line) -> None:
    line.run("run", "--env=smoke", "--pipelines=export")
    place = "data/06_models/exported_model/smoke"
    card = (line.folder / place / "README.md").read_text(encoding="utf-8")
    assert "It was not evaluated" not in card, "scores were there"
    assert "license_name: apache-2.0 AND cc-by-sa-4.0" in card
    assert "sft.learning\\_rate" in card, "as its artifact keeps it"
    (line.folder / "prompts.txt").write_text("ما عاصمة قطر؟\nاكتب جملة عن البحر.\n", encoding="utf-8")
    said = ("--temperature=0", "--max-new-tokens=8")
    line.run("generate", "prompts.txt", "answers.jsonl", f"--model={place}", *said)
    rows = [json.loads(text) for text in (line.folder / "answers.jsonl").read_text("utf-8").splitlines()]
    assert [row["id"] for row in rows] == ["1", "2"]
    talked = line.run("chat", "sft_dpo", "--env=smoke", *said, typed="ما عاصمة قطر؟\n/reset\n")
    assert "Forgotten." in talked
    assert "Traceback" not in talked


def test_people_judge_the_answers(line: Line, tmp_path: Path) -> None:
    assert "human_sheet.html" in line.run("run", "--env=smoke", "--pipelines=human_sheet").splitlines()[-1]
    form = (line.folder / "data/08_reporting/human_form/smoke/human_form.csv").read_text("utf-8-sig")
    given = f"--params=human.filled=[{tmp_path}/*.csv]"
    (tmp_path / "amal.csv").write_text(form, "utf-8")
    said = line.run("run", "--env=smoke", "--pipelines=human_score", given, code=1)
    assert "amal.csv: " in said
    assert "cells not filled in: row 1 fluency" in said
    assert "Traceback" not in said
    rows = list(csv.DictReader(io.StringIO(form)))
    for rater, most in (("amal", 5), ("badr", 4)):
        with (tmp_path / f"{rater}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(row | dict.fromkeys(AXES, 1 + int(row["row"]) % most) for row in rows)
    assert "fluency_alpha (raters): " in line.run("run", "--env=smoke", "--pipelines=human_score", given)
    scores = (line.folder / "data/08_reporting/human_scores/smoke/human_scores.csv").read_text("utf-8")
    assert "fluency_change" in scores


def test_a_dry_run_tells_the_time_and_leaves_nothing_behind(line: Line) -> None:
    models = sorted(line.folder.glob("data/06_models/*/*"))
    before, at = line.fingerprints(), {path: path.lstat().st_mtime_ns for path in models}
    asked = "--params=dry_run.steps=4,dry_run.skipped=1"
    said = line.run("run", "--env=smoke", "--pipelines=dry_run", asked)
    assert {name: of for name, of in line.fingerprints().items() if name != "dry_run"} == before
    assert {path: path.lstat().st_mtime_ns for path in sorted(line.folder.glob("data/06_models/*/*"))} == at
    assert re.search(r"sft_dpo: \d+\.\d\d s a step, [\d,]+ tokens/s; all 4 steps about .* MiB, [\d,]+ planned", said)
    rows = pl.read_parquet(line.folder / "data/08_reporting/dry_run/smoke/dry_run.parquet")
    assert rows["stage"].to_list() == ["sft", "sft_dpo"]
    assert rows["steps"].to_list() == [6, 4]  # of the stages themselves
    assert rows["measured_steps"].to_list() == [3, 3]
    assert (rows["estimated_seconds_low"] <= rows["estimated_seconds"]).all()
    assert (rows["estimated_seconds"] >= rows["seconds_per_step"] * rows["steps"]).all()
    assert rows["planned_to_peak"].is_between(0.2, 5).all()
    listed = line.run("artifacts", "--env=smoke", asked).splitlines()
    assert any(row.strip().startswith("dry_run ") and "stale" not in row for row in listed)


def test_the_sources_are_shown_each_time(line: Line) -> None:
    for _ in range(2):
        said = line.run("run", "--env=smoke", "--pipelines=sources")
        assert "oasst (oasst, Apache-2.0): 1 file" in said
        assert "user: ما هي عاصمة قطر؟ | assistant: الدوحة" in said


def test_a_misspelt_parameter_stops_the_run_before_it_starts(tmp_path: Path) -> None:
    line = Line.make(tmp_path / "project")
    said = line.run("run", "--env=smoke", "--params=dpo.betta=0.3", code=1)
    assert "dpo.betta: there is no such parameter; did you mean dpo.beta?" in said
    assert "Traceback" not in said
    assert not list(line.folder.glob("data/0[2-8]*"))


def test_a_missing_source_is_named(tmp_path: Path) -> None:
    said = Line.make(tmp_path / "project").run("run", "--env=smoke", "--params=data_root=data/nowhere", code=1)
    assert "nowhere" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("arguments", [["run", "--pipelines=preprocess", "--env=smoke"], ["registry", "list"]])
def test_preprocessing_and_listing_never_import_torch(line: Line, arguments: list[str]) -> None:
    """The import of torch is made to fail: whoever tries it ends the command."""
    script = (
        "import sys; sys.modules['torch'] = sys.modules['transformers'] = None; "
        f"sys.argv = ['kedro', *{arguments!r}]; from kedro.framework.cli.cli import main; main()"
    )
    rerun = ["--params=rerun=true,experiment=light"] if arguments[0] == "run" else []
    script = script.replace(repr(arguments), repr([*arguments, *rerun]))
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=line.folder, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_artifacts_are_listed_as_fresh_and_stale_with_the_reason(line: Line) -> None:
    told = line.run("artifacts", "--env=smoke").splitlines()
    asked_apart = ("dry_run", "human_")  # made by other tests, with parameters of their own
    assert not [row for row in told if "stale" in row and not row.strip().startswith(asked_apart) and "b03" not in row]
    said = line.run("artifacts", "--env=smoke", "--params=dpo.beta=0.2")
    assert re.search(r"sft_dpo_adapter .*smoke .*stale: params:dpo.beta 0.1 -> 0.2", said)


def test_the_notebook_reads_what_a_run_made(line: Line, project: Path) -> None:
    """Executed from its first cell to its last; the figures it shows are those of the report."""
    notebook = nbformat.read(project / "notebooks/one_document.ipynb", as_version=4)
    (line.folder / "notebooks").mkdir()
    told = {**os.environ, "KEDRO_ENV": "smoke", "PYTHONPATH": str(line.folder / "src")}
    client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(line.folder / "notebooks")}})
    client.execute(env=told)
    said = "".join(str(output) for cell in notebook.cells for output in cell.get("outputs", ()))
    assert "ARABIC LETTER" in said
    assert 'dir="rtl"' in said
    assert "preferred_form" in said
    assert "image/png" in said


def test_kedro_viz_builds_a_site_with_previews(line: Line) -> None:
    said = line.run("viz", "build", "--include-previews")
    assert "ircular" not in said  # layers are shown only where they do not go in a circle
    nodes = [path.read_text(encoding="utf-8") for path in line.folder.glob("build/api/nodes/*")]
    assert any("bactrian_x" in node for node in nodes)  # the sources' files
    assert len(nodes) > 50


def test_processes_do_not_change_a_byte(line: Line) -> None:
    line.run("run", "--env=smoke", "--pipelines=preprocess", "--params=experiment=two,rerun=true,engine.processes=2")
    line.run("run", "--env=smoke", "--pipelines=preprocess", "--params=experiment=one,rerun=true,engine.processes=1")
    assert line.contents("one") == line.contents("two")
