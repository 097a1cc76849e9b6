"""What a run does around its nodes."""

import gc
import sys
import weakref
from typing import Any

import pytest

from arabic_llm_pipeline.hooks import ProjectHooks


class Node:
    """What a model is in memory: things that point at each other."""

    def __init__(self) -> None:
        self.itself = self


class Cuda:
    """A card on which a model lay; when it is emptied, the model is no more, or its memory would stay."""

    def __init__(self, begun: bool, model: "weakref.ref[Node]"):
        self.begun, self.model, self.emptied = begun, model, []

    def is_initialized(self) -> bool:
        return self.begun

    def empty_cache(self) -> None:
        self.emptied.append(self.model() is None)


@pytest.mark.parametrize(("begun", "emptied"), [(True, [True]), (False, [])])
def test_a_node_leaves_nothing_on_the_card(monkeypatch: pytest.MonkeyPatch, begun: bool, emptied: list[bool]) -> None:
    gc.disable()
    try:
        cuda = Cuda(begun, weakref.ref(Node()))
        torch: Any = type(sys)("torch")
        torch.cuda = cuda
        monkeypatch.setitem(sys.modules, "torch", torch)
        ProjectHooks().after_node_run()
    finally:
        gc.enable()
    assert cuda.emptied == emptied


def test_no_node_brings_torch_into_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    ProjectHooks().after_node_run()
    assert "torch" not in sys.modules


def test_kedro_asks_after_each_node() -> None:
    """By the name under which it looks for hooks: a misspelt one would never be called."""
    from kedro.framework.hooks.manager import _create_hook_manager

    manager = _create_hook_manager()
    manager.register(ProjectHooks())
    assert [found.plugin_name for found in manager.hook.after_node_run.get_hookimpls()]
