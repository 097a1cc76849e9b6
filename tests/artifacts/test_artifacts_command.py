"""The commands a person types."""

from tests.artifacts.toys import Toy


def row(text: str, *beginning: str) -> str:
    found = [line for line in text.splitlines() if line.split()[: len(beginning)] == list(beginning)]
    assert len(found) == 1, text
    return " ".join(found[0].split())


def test_what_there_is(toy: Toy) -> None:
    toy.run(experiment="b03", dpo__beta=0.3)
    toy.edit("src/toy/pages/page.html", "<p>", "<p >")
    listed = toy.kedro("artifacts")
    assert row(listed, "sft_adapter", "b03").endswith("documents fresh")
    assert row(listed, "dpo_adapter", "default").endswith("sft_adapter fresh")
    assert "differs: params:dpo.beta 0.3 -> 0.1" in row(listed, "dpo_adapter", "b03")
    assert "stale: code of report (pages/page.html)" in row(listed, "report", "default")
    other = toy.kedro("artifacts", "--params=experiment=b03,dpo.beta=0.3")
    assert row(other, "dpo_adapter", "b03").endswith("sft_adapter fresh")


def test_raw_files_are_away(toy: Toy) -> None:
    (toy.root / "data/01_raw/corpus.txt").unlink()
    text = toy.kedro("artifacts")
    assert row(text, "documents", "default").endswith("raw_text unknown: no raw_text")
    assert row(text, "sft_adapter", "default").endswith("documents fresh")


def test_nothing_yet(new: Toy) -> None:
    assert "There is nothing yet: kedro run" in new.kedro("artifacts")


def test_pruning(toy: Toy) -> None:
    toy.run(dpo__beta=0.3)
    gone = toy.kedro("artifacts", "prune", "--params=artifacts.keep=0")
    assert "dpo_adapter" in gone
    assert len(toy.directories("dpo_adapter")) == 1


def test_the_run_command(toy: Toy) -> None:
    for option in ("--pipeline=train", "--pipelines=prepare,train"):
        assert "everything is up to date" in " ".join(toy.kedro("run", option).split())
    refused = toy.kedro("run", "--runner=ThreadRunner", fails=True)
    assert "Error: ThreadRunner does not know artifacts" in refused
    assert "Traceback" not in refused
