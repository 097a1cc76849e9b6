"""What runs again: whole runs of the toy project."""

import json
import os
import shutil
import time

import pytest

from tests.artifacts.toys import Toy

ALL = ["clean", "sft", "dpo", "count", "table", "report"]
SHARED = ("documents", "rejects", "sft_adapter", "sft_log", "table")


def test_nothing_changed(toy: Toy) -> None:
    assert toy.run() == []
    assert "everything is up to date" in toy.log


def test_what_counts_is_the_same_wherever_the_project_is(toy: Toy, new: Toy) -> None:
    new.run()
    assert new.contents() == toy.contents()


def test_a_comment(toy: Toy) -> None:
    toy.edit("src/toy/rules/clean.py", '"""Rules and a lexicon."""', '"""Rules, and a lexicon."""\n# and a comment')
    assert toy.run() == []


def test_a_touched_file(toy: Toy) -> None:
    os.utime(toy.root / "data/01_raw/corpus.txt", (time.time() + 9,) * 2)
    assert toy.run() == []


@pytest.mark.parametrize("params", [{"clean__workers": 3}, {"dpo__logging_steps": 9}])
def test_a_neutral_field(toy: Toy, params: dict[str, int]) -> None:
    assert toy.run(**params) == []


def test_a_neutral_field_deep_inside(toy: Toy) -> None:
    toy.edit("conf/base/parameters.yml", "trace: false", "trace: true")
    assert toy.run() == []


def test_a_parameter(toy: Toy) -> None:
    assert toy.run(dpo__beta=0.3) == ["dpo", "report"]
    assert "2 of 6 nodes ran; 4 were up to date" in toy.log
    assert toy.run(sft__rate=0.5, dpo__beta=0.3) == ["sft", "dpo", "report"]


def test_the_raw_file(toy: Toy) -> None:
    toy.edit("data/01_raw/corpus.txt", "The quick", "A quick")  # both are stop words: documents stay as they are
    assert toy.run() == ["clean"]
    toy.edit("data/01_raw/corpus.txt", "quick", "slow")
    assert toy.run() == ALL


def test_changed_code_with_equal_output(toy: Toy) -> None:
    toy.edit("src/toy/rules/clean.py", "line.lower().split()", "line.casefold().split()")
    assert toy.run() == ["clean"]


def test_changed_code_with_other_output(toy: Toy) -> None:
    toy.edit("src/toy/training.py", "{state} {step} {rate}", "{step} {state} {rate}")
    assert toy.run() == ["sft", "dpo", "report"]


def test_the_class_that_writes(toy: Toy) -> None:
    toy.edit("src/toy/datasets.py", "class Model(DirectoryArtifact):", "class Model(DirectoryArtifact):\n    x = 1")
    assert toy.run() == ["clean", "sft", "dpo"]
    toy.edit("conf/base/catalog.yml", "indent: 1", "indent: 2")
    assert toy.run() == ["count", "table", "report"]


def test_package_data(toy: Toy) -> None:
    toy.edit("src/toy/pages/page.html", "<p>", "<p >")
    assert toy.run() == ["report"]
    toy.edit("src/toy/rules/data/stop.txt", "of", "of an")  # no such word there
    assert toy.run() == ["clean"]


@pytest.mark.parametrize(
    ("entry", "ran"), [("documents", ["clean"]), ("table", ["count", "table"]), ("dpo_log", ["dpo"])]
)
def test_a_deleted_intermediate(toy: Toy, entry: str, ran: list[str]) -> None:
    before = toy.contents()
    folder = next(folder for folder in toy.folders() if folder.name == entry)
    shutil.rmtree(folder)
    assert toy.run() == ran
    assert toy.contents() == before


def test_all_again(toy: Toy) -> None:
    before = toy.contents()
    assert toy.run(rerun=True) == ALL
    assert toy.contents() == before
    assert not list(toy.root.glob("data/*/*/*-2"))


def test_experiments_share_what_is_equal(toy: Toy) -> None:
    before = toy.contents()
    assert toy.run(experiment="b03", dpo__beta=0.3) == ["dpo", "report"]
    other = toy.contents("b03")
    assert toy.contents() == before
    assert {name: other[name] for name in SHARED} == {name: before[name] for name in SHARED}
    assert other["dpo_adapter"] != before["dpo_adapter"]
    assert toy.run() == []
    assert toy.run(experiment="b03", dpo__beta=0.3) == []
    assert toy.run(experiment="b04", dpo__beta=0.3) == []
    assert toy.contents("b04") == other


def test_back_to_the_default_costs_nothing(toy: Toy) -> None:
    before = toy.contents()
    toy.run(dpo__beta=0.3)
    assert toy.run() == []
    assert toy.contents() == before


def test_only_the_last_few_stay(toy: Toy) -> None:
    for beta in (0.2, 0.3, 0.4, 0.5):
        toy.run(dpo__beta=beta)
    assert len(toy.directories("dpo_adapter")) == 3  # the one in use, and two more
    assert toy.run(dpo__beta=0.4) == []
    assert toy.run(dpo__beta=0.2) == ["dpo", "report"]
    assert not [path for folder in toy.folders() for path in folder.glob(".*")]


def test_missing_inputs_say_what_makes_them(new: Toy) -> None:
    assert new.run("train", dpo__beta=0.3, fails=True) == []
    assert "Missing: documents. Make it first: kedro run --pipelines=prepare --params=dpo.beta=0.3" in new.log
    (new.root / "data/01_raw/corpus.txt").unlink()
    new.run(fails=True)
    assert "Input files are missing" in new.log
    assert "raw_text:" in new.log


def test_stale_inputs_are_told(toy: Toy) -> None:
    toy.edit("data/01_raw/corpus.txt", "quick", "slow")
    assert toy.run("report", clean__min_length=4) == []
    assert "dpo_adapter is used as it stands, but is out of date" in toy.log
    assert "--pipelines=prepare,train --params=clean.min_length=4" in toy.log.replace("- -", "--")
    toy.run("prepare", "train", experiment="other")
    toy.run("report")
    assert "out of date" not in toy.log  # another experiment made what belongs here
    assert toy.run("report") == []


def test_inputs_that_cannot_be_judged(toy: Toy) -> None:
    (toy.root / "data/01_raw/corpus.txt").unlink()
    assert toy.run("train") == []
    assert "Whether documents is up to date cannot be told: no raw_text" in toy.log


def test_mistakes_are_told_in_a_line(toy: Toy) -> None:
    toy.run(experiment="0123456789ab", fails=True)
    assert "Error: An experiment cannot be called '0123456789ab'" in toy.log
    toy.run(resume="perhaps", fails=True)
    assert "Error: --params=resume=perhaps: it is true or false." in toy.log
    toy.run(clean__min_length="many", fails=True)
    assert "Error: Parameter validation failed" in toy.log
    assert "Traceback" not in toy.log


def _stop_in(toy: Toy, stage: str) -> None:
    process = toy.start(step_s=0.05)
    folder = toy.root / "data/06_models" / f"{stage}_adapter"
    while not list(folder.glob(".work-*/checkpoint.json")):
        time.sleep(0.01)
    os.kill(process, 9)
    assert toy.wait(process) == -9


def test_training_asks_when_its_code_changed(new: Toy) -> None:
    _stop_in(new, "sft")
    new.edit("src/toy/training.py", '"""Stands', '"""It stands')
    new.edit("src/toy/training.py", "    final.mkdir(exist_ok=True)", "    final.mkdir(exist_ok=True, parents=False)")
    assert new.run(fails=True) == []
    assert "Error: " in new.log
    assert "--params=resume=true" in new.log
    assert new.run(resume=True) == ["sft", "dpo", "count", "table", "report"]
    manifest = json.loads((new.root / "data/06_models/sft_adapter/default/artifact.json").read_text())
    assert len(manifest["resumed"]) == 1
    assert new.run() == []


def test_shards_that_are_finished_are_not_made_again(new: Toy) -> None:
    process = new.start(step_s=0.2)
    while not list(new.root.glob("data/03_primary/documents/.work-*/documents/shard-00002.txt")):
        time.sleep(0.01)
    os.kill(process, 9)
    new.wait(process)
    made = (new.root / "shards.txt").read_text().split()
    new.run()
    again = (new.root / "shards.txt").read_text().split()
    assert made[:1] == ["documents/shard-00000.txt"]
    assert not set(made) & set(again)
    assert len(made) + len(again) in {5, 6}  # one may have been written, but not yet noted


def test_two_runs_at_once(new: Toy) -> None:
    """They share the work, the second waits for what the first one makes, and nothing is torn."""
    first = new.start(step_s=0.01)
    second = new.start(step_s=0.01, experiment="other")
    assert (new.wait(first), new.wait(second)) == (0, 0)
    assert new.contents() == new.contents("other")
    assert new.run() == []
    assert not list(new.root.glob("data/*/*/*-2"))
