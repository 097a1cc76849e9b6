"""What counts as the code of a node."""

import importlib
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from kedro.framework import project

from arabic_llm_pipeline.artifacts import DirectoryArtifact, FileArtifact
from arabic_llm_pipeline.artifacts.code import Code
from arabic_llm_pipeline.artifacts.dataset import Artifact
from arabic_llm_pipeline.artifacts.digests import Memory

MODULES = {
    "house/__init__.py": '"""A house."""\n__version__ = "1"',
    "house/nodes.py": """
        import house.far.away
        from . import room as other_room
        from house.parameters import Settings
        from .room.work import helper

        LIMIT = 3
        OTHER = 4
        REGISTRY = {}

        def used(x):
            return deeper(x) + LIMIT

        def deeper(x):
            return helper(x)

        def unused(x):
            return other_room.thing(x)

        def node(data, settings: Settings):
            from house.late import late
            return used(data), late

        def other(data):
            return house.far.away.go(data)

        def maker(value):
            def inner(data):
                return data + value
            return inner

        def apply(function, data):
            return function(data)
    """,
    "house/parameters.py": "class Settings: pass",
    "house/late.py": "from house.common.progress import track\ndef late(): return 1",
    "house/common/__init__.py": "",
    "house/common/progress.py": "def track(): return 1",
    "house/room/__init__.py": "def thing(x): return x",
    "house/room/work.py": "import json\nfrom ..deep import below\ndef helper(x):\n    '''Says.'''\n    return below(x)",
    "house/room/data/words.tsv": "a",
    "house/room/other/__init__.py": "",
    "house/room/other/more.py": "",
    "house/room/other/not_reached.tsv": "a",
    "house/deep.py": "def below(x): return x",
    "house/far/__init__.py": "",
    "house/far/away.py": "def go(x): return x",
    "house/files.py": "from arabic_llm_pipeline.artifacts import FileArtifact\nclass Mine(FileArtifact):\n    pass",
}


class House:
    """A package on disk."""

    def __init__(self, root: Path):
        self.root = root
        for name, text in MODULES.items():
            self.write(name, dedent(text))

    def write(self, name: str, text: str) -> None:
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text()
        assert old in text
        self.write(name, text.replace(old, new))

    def function(self, name: str) -> Callable[..., Any]:
        found: Callable[..., Any] = getattr(importlib.import_module("house.nodes"), name)
        return found

    def code(self, function: str | Callable[..., Any] = "node") -> dict[str, str]:
        reader = Code(Memory(self.root / "memory.json"))
        return reader.of_function(self.function(function) if isinstance(function, str) else function)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(project, "PACKAGE_NAME", "house")
    yield House(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "house"]:
        del sys.modules[name]


def test_what_is_reached_is_found_without_import(house: House) -> None:
    assert set(house.code()) == {
        "house.nodes.node", "house.room.work", "house.deep", "house.late", "room/data/words.tsv",
    }  # fmt: skip
    assert "house.late" not in sys.modules


COUNTS = {
    "the node": ("house/nodes.py", "return used(data), late", "return late, used(data)"),
    "a helper of a helper": ("house/nodes.py", "return helper(x)", "return helper(helper(x))"),
    "a constant": ("house/nodes.py", "LIMIT = 3", "LIMIT = 4"),
    "what binds nothing": ("house/nodes.py", "REGISTRY = {}", "REGISTRY = {}\nREGISTRY['a'] = 1"),
    "a reached module": ("house/room/work.py", "return below(x)", "return below(x) + 1"),
    "what that reaches": ("house/deep.py", "return x", "return x + 1"),
    "an import in a function": ("house/late.py", "return 1", "return 2"),
    "data beside a module": ("house/room/data/words.tsv", "a", "b"),
}
DOES_NOT = {
    "a comment": ("house/nodes.py", "LIMIT = 3", "LIMIT = 3  # three"),
    "a docstring": ("house/room/work.py", "Says.", "Tells."),
    "layout": (
        "house/nodes.py",
        "def used(x):\n    return deeper(x) + LIMIT",
        "def used(\n    x,\n):\n    return (deeper(x) + LIMIT)",
    ),
    "another function": ("house/nodes.py", "return other_room.thing(x)", "return 1"),
    "another constant": ("house/nodes.py", "OTHER = 4", "OTHER = 5"),
    "an import of another": ("house/far/away.py", "return x", "return x + 1"),
    "parameters": ("house/parameters.py", "pass", "x = 1"),
    "progress": ("house/common/progress.py", "return 1", "return 2"),
    "the version": ("house/__init__.py", '"1"', '"2"'),
    "data of a room not entered": ("house/room/other/not_reached.tsv", "a", "b"),
}


@pytest.mark.parametrize("what", COUNTS)
def test_it_counts(house: House, what: str) -> None:
    before = house.code()
    house.edit(*COUNTS[what])
    assert house.code() != before


@pytest.mark.parametrize("what", DOES_NOT)
def test_it_does_not_count(house: House, what: str) -> None:
    before = house.code()
    house.edit(*DOES_NOT[what])
    assert house.code() == before


def test_a_dotted_import_is_followed(house: House) -> None:
    before = house.code("other")
    house.edit("house/far/away.py", "return x", "return x + 1")
    assert house.code("other") != before


def test_what_a_function_carries_counts(house: House) -> None:
    maker, apply = house.function("maker"), house.function("apply")
    assert house.code(maker(1)) == house.code(maker(1))
    assert house.code(maker(1)) != house.code(maker(2))
    assert house.code(partial(apply, 1)) != house.code(partial(apply, 2))
    before = house.code(partial(apply, house.function("used")))
    house.edit("house/deep.py", "return x", "return x + 1")
    assert house.code(partial(apply, house.function("used"))) != before


def test_a_librarys_function_counts_by_name(house: House) -> None:
    import json

    assert set(house.code(json.dumps)) == {"json.dumps"}
    assert set(house.code(len)) == {"builtins.len"}


def test_the_class_that_writes_counts_but_not_its_base(house: House) -> None:
    reader = Code(Memory(house.root / "memory.json"))
    mine = importlib.import_module("house.files").Mine
    assert set(reader.of_class(mine, Artifact)) == {"house.files", "arabic_llm_pipeline.artifacts.file"}
    assert set(reader.of_class(FileArtifact, Artifact)) == {"arabic_llm_pipeline.artifacts.file"}
    assert reader.of_class(DirectoryArtifact, Artifact) == {}


def test_what_a_writer_is_told_counts_and_how_it_is_read_does_not(tmp_path: Path) -> None:
    def settings(**more: Any) -> dict[str, Any]:
        entry = FileArtifact(
            path=str(tmp_path / "x/default"), file="x.json", dataset={"type": "json.JSONDataset", **more}
        )
        return entry.settings

    assert settings(save_args={"indent": 1}) != settings()
    assert settings(load_args={"indent": 1}, metadata={"a": 1}) == settings()
