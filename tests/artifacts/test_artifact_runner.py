"""Which nodes the runner runs, where some of what they make lives in memory."""

from pathlib import Path

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline

from arabic_llm_pipeline.artifacts import FileArtifact
from arabic_llm_pipeline.artifacts.runner import MakeRunner

RAN: list[str] = []


def both(raw: int) -> tuple[int, int]:
    RAN.append("both")
    return raw, raw + 1


def sum_up(kept: int, passed: int) -> int:
    RAN.append("sum_up")
    return kept + passed


def say(total: int) -> int:
    RAN.append("say")
    return total


PIPELINE = Pipeline(
    [
        Node(both, "raw", ["kept", "passed"], name="both"),
        Node(sum_up, ["kept", "passed"], "total", name="sum_up"),
    ]
)
SAY = Pipeline([Node(say, "total", "said", name="say")])


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(tmp_path: Path, pipeline: Pipeline, raw: int = 1) -> list[str]:
    RAN.clear()
    entries = {
        name: FileArtifact(path=str(tmp_path / name / "default"), file="x.json", dataset={"type": "json.JSONDataset"})
        for name in ("kept", "total")
    }
    MakeRunner().run(pipeline, DataCatalog({**entries, "raw": MemoryDataset(raw)}))
    for entry in entries.values():
        entry.release()
    return list(RAN)


def test_memory_is_made_again_when_somebody_wants_it(tmp_path: Path) -> None:
    assert run(tmp_path, PIPELINE) == ["both", "sum_up"]
    assert run(tmp_path, PIPELINE) == []
    (tmp_path / "total/default/x.json").unlink()
    assert run(tmp_path, PIPELINE) == ["both", "sum_up"]
    assert run(tmp_path, PIPELINE, raw=2) == ["both", "sum_up"]


def test_what_nobody_keeps_runs_each_time(tmp_path: Path) -> None:
    assert run(tmp_path, PIPELINE + SAY) == ["both", "sum_up", "say"]
    assert run(tmp_path, PIPELINE + SAY) == ["say"]


def test_a_failing_node_keeps_what_was_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(kept: int, passed: int) -> int:
        raise ValueError("no")

    failing = Pipeline([Node(both, "raw", ["kept", "passed"], name="both"), Node(fail, ["kept", "passed"], "total")])
    with pytest.raises(ValueError, match="no"):
        run(tmp_path, failing)
    assert run(tmp_path, Pipeline([Node(say, "kept", "said", name="say")])) == ["say"]
    assert not list(tmp_path.rglob(".work-*"))
