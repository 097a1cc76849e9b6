"""Which nodes the runner runs, where some of what they make lives in memory."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline

from arabic_llm_pipeline.artifacts import FileArtifact
from arabic_llm_pipeline.artifacts.order import LAST, in_order
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


def run(tmp_path: Path, pipeline: Pipeline, raw: int = 1, kept: Iterable[str] = ("kept", "total")) -> list[str]:
    RAN.clear()
    entries = {
        name: FileArtifact(path=str(tmp_path / name / "default"), file="x.json", dataset={"type": "json.JSONDataset"})
        for name in kept
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


def named(name: str) -> Callable[..., int]:
    def step(*given: int) -> int:
        RAN.append(name)
        return sum(given)

    step.__name__ = name
    return step


def node(name: str, *inputs: str, last: bool = False) -> Node:
    return Node(named(name), list(inputs), f"{name}_made", name=name, tags=LAST if last else None)


def trained_and_measured() -> Pipeline:
    """A base is measured, then what two stages make of it; by name and by level Kedro has each measure first."""
    return Pipeline(
        [
            node("measure_base", "raw", last=True),
            node("prepare", "raw"),
            node("sft", "prepare_made"),
            node("measure_sft", "sft_made", last=True),
            node("sft_dpo", "sft_made"),
            node("compare", "measure_base_made", "measure_sft_made"),
            node("say", "prepare_made"),
        ]
    )


def test_what_is_to_come_last_waits_for_all_else(tmp_path: Path) -> None:
    pipeline = trained_and_measured()
    assert pipeline.nodes[0].name == "measure_base"
    wanted = ["prepare", "say", "sft", "sft_dpo", "measure_base", "measure_sft", "compare"]
    assert [node.name for node in in_order(pipeline)] == wanted
    made = pipeline.all_outputs()
    assert run(tmp_path, pipeline, kept=made) == wanted
    assert run(tmp_path, pipeline, kept=made) == []
    (tmp_path / "sft_made/default/x.json").unlink()
    assert run(tmp_path, pipeline, kept=made) == ["sft"]  # with the same content: nobody after it is to be made


def test_what_needs_something_late_is_late_and_comes_after_it() -> None:
    pipeline = trained_and_measured() + Pipeline([node("again", "measure_sft_made"), node("best", "again_made")])
    order = in_order(pipeline)
    assert {node.name for node in order} == {node.name for node in pipeline.nodes}
    for place, one in enumerate(order):
        assert pipeline.node_dependencies[one] <= set(order[:place]), one.name
    assert [node.name for node in order][:4] == ["prepare", "say", "sft", "sft_dpo"]
