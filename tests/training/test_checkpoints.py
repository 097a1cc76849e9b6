"""Checkpoints: whole, checked, two."""

import json
import logging
import os
import re
import resource
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.memory import MemorySettings
from arabic_llm_pipeline.training import checkpoints
from arabic_llm_pipeline.training.memory.check import checked
from arabic_llm_pipeline.training.methods import sft as method
from arabic_llm_pipeline.training.monitor import Monitor
from tests.training.conftest import Answers, sft
from tests.training.kills import killed

SFT = "arabic_llm_pipeline.training.methods.sft:train"
FILES = ("adapter_model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json")
ALONE = {"processes": 1, "devices.sharding": "none"}


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


def test_after_a_memory_kill_a_smaller_split_goes_on(job: Callable, caplog: pytest.LogCaptureFixture) -> None:
    """At the same batch, it ends as the unbroken training does but for rounding."""
    whole = job(sft(steps=6, micro_batch=8), "whole", method="sft")
    method.train(whole, Answers())
    again = job(sft(steps=6, micro_batch=8), "again", method="sft")
    checked(again, SFT)
    killed(method.train, again, 5)
    lighter = again.model_copy(update={"memory": MemorySettings(micro_batch=3, activation_checkpointing=True)})
    smaller = checked(lighter, SFT)
    assert (smaller.settings["micro_batch"], smaller.settings["accumulation"]) == (2, 4)
    answers = Answers()
    with caplog.at_level(logging.WARNING):
        method.train(smaller, answers)
    assert "from a checkpoint of 8 x 1 rows in 1 processes, with 2 x 4 rows in 1 processes, activations" in caplog.text
    assert answers.sent[0] == ("plan", [4, 6])
    mine, other = (load_file(of.finished / "result" / "adapter_model.safetensors") for of in (again, whole))
    assert all(torch.allclose(mine[name], other[name], atol=1e-5) for name in other)
    costs = json.loads((again.finished / "resources.json").read_text(encoding="utf-8"))
    assert (costs["micro_batch"], costs["accumulation"]) == (2, 4)


@pytest.mark.parametrize(
    ("by", "changes", "words"),
    [
        ("dpo", {"micro_batch": 2, "accumulation": 2, "loss_type": "aot"}, "settings/accumulation=1"),
        ("sft", {"micro_batch": 2, "accumulation": 4}, "settings/accumulation=1, now it is 4"),
        ("sft", {"micro_batch": 2, "accumulation": 2, "learning_rate": 1}, "settings/learning_rate=2, now it is 1"),
        ("", {"micro_batch": 2, "accumulation": 2}, "settings/accumulation=1"),
    ],
)
def test_what_changes_more_than_rounding_is_refused(tmp_path: Path, by: str, changes: dict, words: str) -> None:
    same = {name: value for name, value in changes.items() if name == "loss_type"}
    before = {"settings": {"micro_batch": 4, "accumulation": 1, "learning_rate": 2, **same}, **ALONE}
    checkpoint = tmp_path / "checkpoint-3"
    checkpoint.mkdir()
    checkpoints.mark(checkpoint, before)
    wanted = {"settings": {**before["settings"], **changes}, **ALONE}
    with pytest.raises(UserError, match=re.escape(words)):
        checkpoints.check(checkpoint, wanted, by)


def test_activations_computed_again_change_no_method(tmp_path: Path) -> None:
    before = {"settings": {"micro_batch": 4, "accumulation": 2, "activation_checkpointing": False}}
    checkpoint = tmp_path / "checkpoint-3"
    checkpoint.mkdir()
    checkpoints.mark(checkpoint, before)  # of a version that did not tell of devices
    wanted = {"settings": {**before["settings"], "activation_checkpointing": True}, **ALONE}
    checkpoints.check(checkpoint, wanted, "kto")
    checkpoints.check(checkpoint, {**before, **ALONE, "processes": 2}, "sft")
    checkpoints.check(checkpoint, {**before, **ALONE, "processes": 2}, "kto")
    with pytest.raises(UserError, match="processes=1, now it is 2"):
        checkpoints.check(checkpoint, {**before, **ALONE, "processes": 2}, "")
    with pytest.raises(UserError, match=r"devices.sharding=none, now it is full"):
        checkpoints.check(checkpoint, {**before, **ALONE, "devices.sharding": "full"}, "sft")
