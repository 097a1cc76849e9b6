"""The rows of steps in the files of TensorBoard, MLflow and Weights & Biases, read back by their own readers."""

import logging
import math
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from arabic_llm_pipeline.common import progress
from arabic_llm_pipeline.common.errors import UserError, first_line
from arabic_llm_pipeline.parameters.devices import DeviceSettings
from arabic_llm_pipeline.parameters.memory import MemorySettings
from arabic_llm_pipeline.parameters.tracking import TrackingSettings
from arabic_llm_pipeline.training import conditions, stage, tracking
from arabic_llm_pipeline.training.job import InterruptedTrainingError, Job
from arabic_llm_pipeline.training.methods import sft as sft_method
from tests.training.conftest import Answers, sft
from tests.training.test_monitor import Interrupts


@pytest.fixture(autouse=True)
def interrupts() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def told(folder: Path, *trackers: str, **more: Any) -> TrackingSettings:
    return TrackingSettings(to=trackers, directory=str(folder), **more)


def log(job: Job) -> pl.DataFrame:
    return pl.read_parquet(job.finished / "log.parquet")


def events(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Steps and values by name, as TensorBoard itself reads them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(folder))
    read.Reload()
    return {name: [(event.step, event.value) for event in read.Scalars(name)] for name in read.Tags()["scalars"]}


def test_tensorboard_has_every_step_once(job: Callable, tmp_path: Path) -> None:
    """A training that was stopped and goes on writes beside what is there."""
    made = job(sft(), tracking=told(tmp_path / "told", "tensorboard"), run="sft/0123")
    with pytest.raises(InterruptedTrainingError):
        sft_method.train(made, Interrupts(3))
    sft_method.train(made, Answers())
    found, frame = events(tmp_path / "told" / "tensorboard" / "sft" / "0123"), log(made)
    assert [step for step, _ in found["loss"]] == frame["step"].to_list() == [1, 2, 3, 4, 5, 6]
    for name in ("loss", "learning_rate", "grad_norm", "tokens_per_second", "entropy"):
        assert [value for _, value in found[name]] == pytest.approx(frame[name].to_list(), rel=1e-6)


def test_a_tracker_that_fails_is_left(job: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torch.utils.tensorboard import SummaryWriter

    def full(*_: Any, **__: Any) -> None:
        raise OSError("no room")

    said = []
    for broken in ("__init__", "add_scalar", "close"):
        with monkeypatch.context() as patch:
            patch.setattr(SummaryWriter, broken, full)
            made, answers = job(sft(steps=2), broken, tracking=told(tmp_path, "tensorboard"), run=broken), Answers()
            sft_method.train(made, answers)
        said.append([value for kind, value in answers.sent if kind == "warning"])
        assert len(log(made)) == 2
    assert said == [["tensorboard gets no more rows: OSError: no room"]] * 3


def test_what_is_no_figure_is_not_told() -> None:
    given: list[tuple[int, dict[str, float]]] = []
    row = {"step": 3, "loss": 1.5, "grad_norm": math.inf, "device_watts": None, "note": "text"}
    tracking._write({"one": lambda step, values: given.append((step, values))}, row, Any)  # type: ignore[arg-type]
    assert given == [(3, {"loss": 1.5})]


def test_a_tracker_that_is_not_installed_is_refused(
    job: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage.importlib.util, "find_spec", lambda name: None if name == "wandb" else name)
    conditions.begin(MemorySettings(), DeviceSettings(), told(tmp_path, "tensorboard", "wandb"), tmp_path)
    try:
        with pytest.raises(UserError, match=r"tracking\.to names wandb.*pip install 'arabic-llm-pipeline\[wandb\]'"):
            stage._asked(job(sft()), "sft")
        conditions.begin(MemorySettings(), DeviceSettings(), told(Path("told"), "tensorboard"), tmp_path)
        found = stage._asked(job(sft(), ".work-abc"), "sft")
        assert (found.run, found.tracking.directory) == ("sft/abc", str(tmp_path / "told"))  # type: ignore[union-attr]
    finally:
        conditions.begin(MemorySettings(), DeviceSettings())


def test_mlflow_goes_on_in_its_run(job: Callable, tmp_path: Path) -> None:
    pytest.importorskip("mlflow", reason="an extra")
    from mlflow.tracking import MlflowClient

    made = job(sft(), tracking=told(tmp_path / "told", "mlflow"), run="sft/0123")
    with pytest.raises(InterruptedTrainingError):
        sft_method.train(made, Interrupts(3))
    sft_method.train(made, Answers())
    client = MlflowClient(tracking.mlflow_address(told(tmp_path / "told", "mlflow")))
    [run] = client.search_runs([client.get_experiment_by_name("arabic-llm-pipeline").experiment_id])  # type: ignore[union-attr]
    losses = client.get_metric_history(run.info.run_id, "loss")
    assert [(metric.step, metric.value) for metric in losses] == list(log(made).select("step", "loss").iter_rows())
    assert (run.info.status, run.data.params["settings.learning_rate"]) == ("FINISHED", "0.01")
    assert not any(str(tmp_path) in value for value in run.data.params.values())


def test_wandb_keeps_files_and_sends_nothing(job: Callable, tmp_path: Path) -> None:
    pytest.importorskip("wandb", reason="an extra")
    made = job(sft(), tracking=told(tmp_path / "told", "wandb"), run="sft/0123")
    sft_method.train(made, Answers())
    [kept] = (tmp_path / "told" / "wandb" / "wandb").glob("offline-run-*-sft-0123/*.wandb")
    assert b"grad_norm" in kept.read_bytes()


# what is seen on the screen


def test_lines_tell_the_time_left(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """By the speed of this run: what was done before took no time of it."""
    now = 100.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    monkeypatch.setattr(progress, "LINE_S", 10.0)
    with caplog.at_level(logging.INFO), progress.progress("sft", 100, 40) as advance:
        now = 130.0
        advance(1, "loss 2.000")
        now = 170.0
        advance(2, "loss 1.500")
        advance(57, "loss 1.000")
    assert caplog.messages == [
        "sft: 41 of 100 loss 2.000, 30 min left",  # 59 steps at 30 s, to the minute
        "sft: 43 of 100 loss 1.500, 22 min left",
        "sft: 100 of 100 loss 1.000",
    ]


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min"), (3_599, "1 h 0 min"), (12_000, "3 h 20 min")]
)
def test_time_in_words(seconds: float, words: str) -> None:
    assert progress.spell(seconds) == words


def test_an_error_without_words_has_a_first_line() -> None:
    assert [first_line(ValueError(said)) for said in ("", "\n \n", "one\ntwo", "\nthree")] == [
        "ValueError", "ValueError", "one", "three",
    ]  # fmt: skip
