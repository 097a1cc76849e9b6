"""What counts of values, of files and of inputs from outside."""

import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kedro_datasets.json import JSONDataset
from kedro_datasets.partitions import PartitionedDataset
from kedro_datasets.text import TextDataset
from pydantic import BaseModel, Field, RootModel

from arabic_llm_pipeline.artifacts.digests import Memory, digest, plain
from arabic_llm_pipeline.artifacts.origin import notes, origin
from arabic_llm_pipeline.artifacts.outside import external_files, external_key, missing_files
from arabic_llm_pipeline.artifacts.reasons import in_words, reasons
from arabic_llm_pipeline.artifacts.store import Expected
from arabic_llm_pipeline.parameters.base import neutral

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


class Rule(BaseModel):
    on: bool = True
    trace: bool = neutral(False, "Says what it does.")


class Rules(RootModel[dict[str, Rule]]):
    pass


class Clean(BaseModel):
    length: int = 3
    workers: int = neutral(1, "Processes.")
    rules: Rules = Rules({})
    more: list[dict[str, Rule]] = Field(default_factory=list)


@settings(max_examples=50, deadline=None)
@given(values)
def test_plain_values_stay_what_they_are(value: Any) -> None:
    assert plain(value) == value


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text(), values, max_size=4))
def test_the_order_of_keys_does_not_count(value: dict[str, Any]) -> None:
    assert digest(dict(reversed(value.items()))) == digest(value)


def test_neutral_fields_go_wherever_they_are() -> None:
    rule = Rule(trace=True)
    value = {"clean": Clean(workers=7, rules=Rules({"a": rule}), more=[{"b": rule}])}
    expected = {"length": 3, "rules": {"a": {"on": True}}, "more": [{"b": {"on": True}}]}
    assert plain(value) == {"clean": expected}


def test_sets_are_sorted_and_paths_are_text() -> None:
    assert plain({"names": {"b", "a"}, "path": Path("x")}) == {"names": ["a", "b"], "path": "x"}


def test_a_function_is_known_by_its_name_not_by_its_place_in_memory() -> None:
    def made() -> Any:
        def named() -> None: ...

        return named

    one, other = made(), made()
    assert one is not other
    assert digest({"step": one}) == digest({"step": other})
    assert digest(one) != digest(made)
    assert digest([json.dumps]) == digest(["json.dumps"])


def test_a_dataclass_is_known_by_its_fields() -> None:
    @dataclass
    class Held:
        step: Any
        rate: float

    assert digest([Held(json.dumps, 0.5)]) == digest([{"step": "json.dumps", "rate": 0.5}])


def test_content_counts_not_time_nor_place(tmp_path: Path) -> None:
    memory = Memory(tmp_path / ".cache/digests.json")
    file = tmp_path / "a/x.txt"
    file.parent.mkdir()
    file.write_text("1")
    before = external_key(TextDataset(filepath=str(file)), memory)
    os.utime(file, (time.time() - 9, time.time() - 9))
    assert external_key(TextDataset(filepath=str(file)), memory) == before
    shutil.move(tmp_path / "a", tmp_path / "b")
    moved = TextDataset(filepath=str(tmp_path / "b/x.txt"))
    assert external_key(moved, memory) == before
    (tmp_path / "b/x.txt").write_text("2")
    assert external_key(moved, memory) != before


def test_what_was_read_once_is_remembered(tmp_path: Path) -> None:
    read: list[Path] = []

    def compute(path: Path) -> str:
        read.append(path)
        return path.read_text()

    file = tmp_path / "x.txt"
    file.write_text("1")
    memory = Memory(tmp_path / ".cache/digests.json")
    for _ in range(2):  # too young to be remembered
        assert memory.of("text", file, compute) == "1"
    assert len(read) == 2
    os.utime(file, (time.time() - 9, time.time() - 9))
    for _ in range(2):
        assert memory.of("text", file, compute) == "1"
    memory.save()
    assert Memory(memory.path).of("text", file, compute) == "1"
    assert len(read) == 3
    memory.of("other", file, compute)
    assert len(read) == 4


def test_a_broken_memory_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "digests.json").write_text('{"x": [')
    assert Memory(tmp_path / "digests.json").known == {}


def test_file_directory_and_glob(tmp_path: Path) -> None:
    for name in ("x.txt", "y.txt"):
        (tmp_path / name).write_text(name)
    found = {
        "file": TextDataset(filepath=str(tmp_path / "x.txt")),
        "directory": PartitionedDataset(path=str(tmp_path), dataset="text.TextDataset"),
        "glob": TextDataset(filepath=str(tmp_path / "*.txt")),
        "absent": TextDataset(filepath=str(tmp_path / "z.txt")),
    }
    assert {name: len(external_files(dataset)) for name, dataset in found.items()} == {
        "file": 1, "directory": 2, "glob": 2, "absent": 1,
    }  # fmt: skip
    assert {name for name, dataset in found.items() if missing_files(dataset)} == {"absent"}
    memory = Memory(tmp_path / ".cache/digests.json")
    assert {name for name, dataset in found.items() if external_key(dataset, memory) is None} == {"absent"}


def test_a_class_of_the_project_says_its_files_itself(tmp_path: Path) -> None:
    class Sources:
        def external_files(self) -> list[Path]:
            return [tmp_path / "a/x", tmp_path / "b/x"]

    memory = Memory(tmp_path / ".cache/digests.json")
    assert missing_files(Sources()) == [tmp_path / "a/x", tmp_path / "b/x"]
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").write_text(name)
    before = external_key(Sources(), memory)
    assert before
    (tmp_path / "a/x").write_text("b")
    (tmp_path / "b/x").write_text("a")
    assert external_key(Sources(), memory) != before  # which content has which name counts


def test_how_a_file_is_read_counts(tmp_path: Path) -> None:
    memory, file = Memory(tmp_path / ".cache/digests.json"), tmp_path / "x.json"
    file.write_text("1")
    one, two = (
        JSONDataset(filepath=str(file)),
        JSONDataset(filepath=str(file), fs_args={"open_args_load": {"newline": ""}}),
    )
    assert external_key(one, memory) != external_key(two, memory)


def test_reasons_are_in_a_persons_words() -> None:
    old = {
        "fingerprint": "1", "node": "dpo", "code": {"dpo": {"house.training.dpo": "1", "same": "1"}},
        "inputs": {"documents": "1", "params:dpo": "1", "pairs": "1"},
        "parameters": {"params:dpo": {"beta": 0.1, "inner": {"steps": 5}}},
    }  # fmt: skip
    new = Expected(
        "2", "dpo", {"dpo": {"house.training.dpo": "2", "same": "1"}},
        {"documents": "2", "params:dpo": "2", "pairs": "1"},
        {"params:dpo": {"beta": 0.3, "inner": {"steps": 6}}},
    )  # fmt: skip
    assert reasons(old, new) == [
        "code of dpo (training.dpo)", "documents", "params:dpo.beta 0.1 -> 0.3", "params:dpo.inner.steps 5 -> 6",
    ]  # fmt: skip
    assert reasons(json.loads(json.dumps(old)), Expected("1")) == []
    assert reasons({**old, "node": None}, new) == ["saved by hand"]
    assert (
        reasons({**old, "inputs": {}, "parameters": {}}, new)[-1]
        == "params:dpo None -> {'beta': 0.3, 'inner': {'steps': 6}}"
    )


def test_many_reasons_are_counted() -> None:
    assert in_words(["a", "b"]) == "a, b"
    assert in_words(list("abcdefg")) == "a, b, c, d, e, and 2 more"


def test_other_versions_are_a_note() -> None:
    manifest = {"origin": json.loads(json.dumps(origin())), "resumed": []}
    assert notes(manifest) == []
    manifest["origin"]["versions"]["kedro"] = "0.1"
    assert notes(manifest) == [f"kedro 0.1 (here {origin()['versions']['kedro']})"]


@pytest.mark.parametrize("value", [float("inf"), 10**30])
def test_large_numbers_have_digests(value: float) -> None:
    assert digest(plain(value)) == digest(value)
