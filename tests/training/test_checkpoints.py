"""Checkpoints: whole, checked, two."""

import json
import logging
import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.training import checkpoints
from arabic_llm_pipeline.training.methods import sft as method
from arabic_llm_pipeline.training.monitor import Monitor
from tests.training.conftest import Answers, sft

FILES = ("adapter_model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Filled by the first test that trains."""
    return tmp_path_factory.mktemp("real")


def fill(folder: Path, job: Callable) -> Path:
    """Two checkpoints of a real training."""
    if not any(folder.iterdir()):
        made = job(sft(steps=7, save_steps=2), workspace=folder)
        method.train(made, Answers())
    return folder / "checkpoints"


def copy(source: Path, target: Path) -> Path:
    import shutil

    shutil.copytree(source, target)
    return target


def test_two_are_kept_and_nothing_but_what_a_resume_needs(real: Path, job: Callable) -> None:
    folder = fill(real, job)
    assert sorted(path.name for path in folder.iterdir()) == ["checkpoint-4", "checkpoint-6"]
    there = {path.name for path in (folder / "checkpoint-6").iterdir()}
    assert there == {*FILES, "adapter_config.json", "settings.json"}
    assert checkpoints.latest(folder) == folder / "checkpoint-6"


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["gone", "half", "empty", "noise"])
def test_a_broken_one_is_set_aside_with_a_word(
    real: Path, job: Callable, tmp_path: Path, name: str, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = copy(fill(real, job), tmp_path / "copy")
    path = folder / "checkpoint-6" / name
    if damage == "gone":
        path.unlink()
    elif damage == "noise":
        path.write_bytes(os.urandom(path.stat().st_size))
    else:
        os.truncate(path, path.stat().st_size // 2 if damage == "half" else 0)
    with caplog.at_level(logging.WARNING):
        assert checkpoints.latest(folder) == folder / "checkpoint-4"
    assert "checkpoint-6 is broken" in caplog.text
    assert (folder / "broken-checkpoint-6").is_dir()
    assert checkpoints.latest(folder) == folder / "checkpoint-4"


def test_one_of_another_step_is_not_taken(real: Path, job: Callable, tmp_path: Path) -> None:
    folder = copy(fill(real, job), tmp_path / "copy")
    path = folder / "checkpoint-6" / "trainer_state.json"
    state = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**state, "global_step": 5}), encoding="utf-8")
    assert checkpoints.problem(folder / "checkpoint-6") == "trainer_state.json is of step 5"


def test_code_in_a_checkpoint_is_not_run(real: Path, job: Callable, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple:
            return (Path.touch, (tmp_path / "run",))

    folder = copy(fill(real, job), tmp_path / "copy")
    torch.save({"state": Evil()}, folder / "checkpoint-6" / "optimizer.pt")
    assert checkpoints.latest(folder) == folder / "checkpoint-4"
    assert not (tmp_path / "run").exists()


def test_half_written_ones_do_not_appear(tmp_path: Path) -> None:
    def fail() -> None:
        with checkpoints.arriving(tmp_path, 3) as new:
            (new / "checkpoint-3").mkdir()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / ".new" / "checkpoint-9").mkdir(parents=True)  # as a kill leaves it
    assert checkpoints.latest(tmp_path) is None
    for step in (8, 10, 12):
        with checkpoints.arriving(tmp_path, step) as new:
            (new / f"checkpoint-{step}").mkdir()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-10", "checkpoint-12"]


def test_a_resume_from_the_one_before_ends_alike(real: Path, job: Callable, tmp_path: Path) -> None:
    """With the last checkpoint broken, training goes on from the one before it."""
    whole = (real / "finished" / "result" / "adapter_model.safetensors").read_bytes() if fill(real, job) else b""
    again = tmp_path / "again"
    copy(fill(real, job), again / "checkpoints")
    os.truncate(again / "checkpoints" / "checkpoint-6" / "optimizer.pt", 10)
    answers = Answers()
    method.train(job(sft(steps=7, save_steps=2), workspace=again), answers)
    assert answers.sent[0] == ("plan", [4, 7])
    assert (again / "finished" / "result" / "adapter_model.safetensors").read_bytes() == whole


def test_the_monitor_leaves_the_last_step_to_the_result() -> None:
    from transformers import TrainerControl, TrainerState

    state, control = TrainerState(max_steps=5, global_step=5), TrainerControl(should_save=True)
    Monitor.on_step_end(Monitor.__new__(Monitor), None, state, control)
    assert not control.should_save


@pytest.mark.parametrize("kind", ["lora", "full"])
def test_a_full_disk_stops_it_clearly_and_nothing_is_lost(job: Callable, kind: str) -> None:
    """The kernel refuses to let files grow once a first checkpoint is there; with room again it ends alike."""
    settings, lora = sft(steps=5, save_steps=2), {"kind": kind, "r": 4, "alpha": 8}
    whole, again = job(settings, "whole", lora=lora), job(settings, "again", lora=lora)
    method.train(whole, Answers())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    class Filled(Answers):
        def send(self, kind: str, value: object) -> None:
            if kind == "row" and value["step"] == 3:
                resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, hard))

    try:
        with pytest.raises(UserError, match=r"the disk is full.*checkpoint of step 4.*it goes on after step 2\."):
            method.train(again, Filled())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in again.checkpoints.iterdir()] == ["checkpoint-2"]
    method.train(again, Answers())
    for path in (whole.finished / "result").iterdir():
        assert path.read_bytes() == (again.finished / "result" / path.name).read_bytes()
