"""What a step's row says of the machine, when a loss is a spike or no number, and who is told."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.corpus.records import DOCUMENTS, message
from arabic_llm_pipeline.parameters.preference import DnoSettings
from arabic_llm_pipeline.parameters.tokenize import TokenizeSettings
from arabic_llm_pipeline.parameters.training import DocumentSelection
from arabic_llm_pipeline.tokens.store import TokenStore
from arabic_llm_pipeline.tokens.writing import write_documents
from arabic_llm_pipeline.training import costs, gauges, spikes
from arabic_llm_pipeline.training.job import InterruptedTrainingError, Job
from arabic_llm_pipeline.training.methods import dno, preference
from arabic_llm_pipeline.training.methods import sft as sft_method
from tests.training.conftest import WINDOW, WORDS, Answers, dpo, sentence, sft, write

EVERYTHING = DocumentSelection(kinds=None)


@pytest.fixture(autouse=True)
def interrupts() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def log(job: Job) -> pl.DataFrame:
    return pl.read_parquet(job.finished / "log.parquet")


# spikes and losses that are no numbers


def test_the_limit_by_hand() -> None:
    losses = [100.0] * 5 + [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 11.0]  # median 5.5; deviations' median 2.5
    assert spikes.limit(losses, 10, 4.0) == pytest.approx(5.5 + 4 * 2.5)
    assert spikes.limit(losses, 50, 4.0) is None  # too few of fifty
    assert spikes.limit([2.0] * 20, 50, 10.0) == pytest.approx(2.0 + 10 * 0.01 * 2.0)  # flat: a hundredth of the median
    assert spikes.limit([], 50, 10.0) is None


@pytest.fixture
def poisoned(tmp_path: Path, tokenizer: Path) -> Path:
    """Forty times the same talk, and once, in the middle of the training, something else."""
    talk = [message("user", sentence(1, 3)), message("assistant", sentence(2, 6))]
    other = [message("user", sentence(1, 3)), message("assistant", " ".join(reversed(WORDS)))]
    rows = [
        {"id": f"talk/{n}", "source": "talk", "kind": "instruction", "messages": other if n == 7 else talk}
        for n in range(40)
    ]
    shards = write(tmp_path / "shards", DOCUMENTS, rows)
    return write_documents(shards, tokenizer, TokenizeSettings(window=WINDOW, max_prompt=24), tmp_path)


def test_a_loss_that_leaps_is_told_with_its_record(job: Callable, poisoned: Path) -> None:
    settings = sft(steps=40, micro_batch=1, learning_rate=0.01, spike_window=10, spike_deviations=2.0, save_steps=5)
    answers, made = Answers(), job(settings, tokens=poisoned)
    sft_method.train(made, answers)
    told = [value for kind, value in answers.sent if kind == "warning"]
    assert len(told) == 1
    assert "It is of talk/7 (source talk)" in told[0]
    step = next(value["step"] for kind, value in answers.sent if kind == "row" and f"step {value['step']} " in told[0])
    assert log(made)["loss"].arg_max() != 0 or log(made)["loss"][step - 1] > log(made)["loss"][step - 2]
    stopped = job(settings.model_copy(update={"on_spike": "stop"}), "stopped", tokens=poisoned)
    with pytest.raises(UserError, match=rf"step {step} leaps to .* of talk/7 \(source talk\)\. The checkpoint before"):
        sft_method.train(stopped, Answers())
    [*_, last] = sorted(int(path.name.partition("-")[2]) for path in stopped.checkpoints.iterdir())
    assert step - 5 <= last < step
    on = stopped.model_copy(update={"settings": {**stopped.settings, "on_spike": "warn"}})  # changes no result
    sft_method.train(on, Answers())
    assert log(on)["loss"].to_list() == log(made)["loss"].to_list()


def broken_base(base: dict, base_directory: Path, folder: Path, token: int) -> dict:
    """The base with a token whose embedding is no number, and an output layer of its own."""
    from safetensors.torch import load_file, save_file

    weights = load_file(base_directory / "model.safetensors")
    name = "model.embed_tokens.weight"
    weights["lm_head.weight"] = weights[name].clone()
    weights[name][token] = float("nan")
    folder.mkdir()
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    config = json.loads((base_directory / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, "tie_word_embeddings": False}), encoding="utf-8")
    return {**base, "path": str(folder)}


def test_a_record_that_makes_no_number_is_named(
    job: Callable, base: dict, base_directory: Path, mixed_documents: Path, tmp_path: Path
) -> None:
    """By the document itself, in its micro-batch; the checkpoint before it stays."""
    split = TokenStore(mixed_documents).split("train")
    owners: dict[int, set[int]] = {}
    for row in range(len(split)):
        for token in split.row(row)[0].tolist():
            owners.setdefault(token, set()).add(row)
    rare = min(owners, key=lambda token: len(owners[token]))
    assert len(owners[rare]) < len(split) / 2
    names = {split.id(row) for row in owners[rare]}
    settings = sft(steps=12, micro_batch=2, accumulation=2, save_steps=1, selection=EVERYTHING)
    made = job(settings, tokens=mixed_documents, base=broken_base(base, base_directory, tmp_path / "nan", rare))
    answers = Answers()
    with pytest.raises(UserError, match=r"the loss of step \d+ is nan: micro-batch [12] of 2") as told:
        sft_method.train(made, answers)
    shown = [name for name in split.ids if f"{name} (source" in str(told.value)]
    assert shown
    assert set(shown) <= names
    steps = [value["step"] for kind, value in answers.sent if kind == "row"]
    there = {path.name for path in made.checkpoints.glob("checkpoint-*")} if steps else set()
    assert there == {f"checkpoint-{step}" for step in steps[-2:]}


def test_pairs_that_make_no_number_are_named(job: Callable, mixed_pairs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = job(sft(steps=2), "before")
    sft_method.train(before, Answers())
    from arabic_llm_pipeline.training.preference_trainers import PairTrainer

    own = PairTrainer._compute_loss

    def broken(self: Any, model: Any, inputs: Any, outputs: bool) -> torch.Tensor:
        loss = own(self, model, inputs, outputs)
        return loss * float("inf") if self.state.global_step == 3 and model is not None else loss

    monkeypatch.setattr(PairTrainer, "_compute_loss", broken)
    made = job(dpo(micro_batch=2), tokens=mixed_pairs, adapter=before.finished / "result")
    with pytest.raises(
        UserError, match=r"the loss of step 4 is inf: .* of pref/\d+/train \(source (pref|hope)\), pref/"
    ):
        preference.train_dpo(made, Answers())
    assert {path.name for path in made.checkpoints.iterdir()} == {"checkpoint-2"}


# the machine


def fake_nvml(monkeypatch: pytest.MonkeyPatch, **readings: Any) -> None:
    """A card at a bus; a reading that is an exception is raised."""

    def reading(name: str) -> Callable:
        def read(card: str, *_: Any) -> Any:
            assert card == b"00000000:0b:00.0"
            value = readings.get(name, OSError("not supported"))
            if isinstance(value, Exception):
                raise value
            return value() if callable(value) else value

        return read

    library = ModuleType("pynvml")
    library.nvmlInit = lambda: None  # type: ignore[attr-defined]
    library.nvmlDeviceGetHandleByPciBusId = lambda bus: bus  # type: ignore[attr-defined]
    library.NVML_TEMPERATURE_GPU = 0  # type: ignore[attr-defined]
    for name in ("UtilizationRates", "PowerUsage", "Temperature", "ComputeRunningProcesses", "MemoryInfo"):
        setattr(library, f"nvmlDeviceGet{name}", reading(name))
    monkeypatch.setitem(sys.modules, "pynvml", library)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    about = SimpleNamespace(pci_domain_id=0, pci_bus_id=11, pci_device_id=0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: about)
    monkeypatch.setattr(gauges, "SAMPLING_S", 1000.0)


def test_a_card_is_read_by_its_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    watts = iter((50_000, 70_000))
    fake_nvml(monkeypatch, UtilizationRates=SimpleNamespace(gpu=80), PowerUsage=lambda: next(watts), Temperature=61)
    card = gauges.Card()
    card._sample()
    assert card.read() == {
        "device_used_mb": None, "device_utilisation": 0.8, "device_watts": 60.0, "device_celsius": 61.0
    }  # fmt: skip
    assert card.read()["device_watts"] == 60.0  # a step that is shorter than the time between looks has the last figure
    card.close()


def test_what_a_card_cannot_tell_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_nvml(monkeypatch, UtilizationRates=SimpleNamespace(gpu=8), PowerUsage=OSError("not supported"), Temperature=60)
    card = gauges.Card()
    assert card.read() == {
        "device_used_mb": None, "device_utilisation": 0.08, "device_watts": None, "device_celsius": 60.0
    }  # fmt: skip
    assert card.used_of is None
    monkeypatch.setitem(sys.modules, "pynvml", None)  # as if it were not installed
    assert not gauges.Card().works
    assert set(gauges.Card().read().values()) == {None}


def process(pid: int, mb: float | None) -> SimpleNamespace:
    return SimpleNamespace(pid=pid, usedGpuMemory=None if mb is None else int(mb * gauges.MB))


@pytest.mark.parametrize(
    ("mine", "of", "most"),
    [
        (1300.0, gauges.OWN, 1700.0),
        (None, gauges.ALL, 3000.0),  # the driver does not tell processes apart
        (900.0, gauges.ALL, 3000.0),  # less than torch holds: another's, whose number is that of this one by chance
    ],
)
def test_what_is_taken_on_a_card_is_of_this_process_where_it_is_named(
    monkeypatch: pytest.MonkeyPatch, mine: float | None, of: str, most: float
) -> None:
    """The most of all looks, though the last one sees less."""
    seen = [mine, mine, 1700.0, 1200.0]
    all_of_it = iter((2500.0, 3000.0, 2000.0))

    def named() -> list[SimpleNamespace]:
        return [process(os.getpid() + 1, 1500.0), process(os.getpid(), seen.pop(0))]

    fake_nvml(
        monkeypatch, UtilizationRates=SimpleNamespace(gpu=80), PowerUsage=50_000, Temperature=61,
        ComputeRunningProcesses=named, MemoryInfo=lambda: SimpleNamespace(used=next(all_of_it) * gauges.MB),
    )  # fmt: skip
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda: 1000 * gauges.MB)
    found = gauges.Gauges()
    found.card = gauges.Card()
    found.card._sample()
    found.read(1.0)
    found.card._sample()
    assert found.read(1.0)["device_used_mb"] == most
    assert found.used_of == of


def test_what_is_taken_on_a_card_is_in_the_resources(job: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = iter((1500.0, 1800.0, 1700.0))
    read = gauges.Gauges.read
    monkeypatch.setattr(gauges.Gauges, "read", lambda self, s: {**read(self, s), "device_used_mb": next(taken)})
    monkeypatch.setattr(gauges.Gauges, "used_of", gauges.OWN)
    made = job(sft(steps=3))
    sft_method.train(made, Answers())
    cost = json.loads((made.finished / "resources.json").read_text(encoding="utf-8"))
    assert (cost["peak_device_used_mb"], cost["device_used_of"]) == (1800.0, gauges.OWN)


def test_energy_is_watts_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_nvml(monkeypatch, UtilizationRates=SimpleNamespace(gpu=80), PowerUsage=50_000, Temperature=61)
    found = gauges.Gauges()
    found.card = gauges.Card()
    assert found.read(3.0)["energy_joules"] == 150.0
    assert found.energy_of == gauges.CARD


def test_a_card_without_power_has_the_energy_of_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Throughout: a card that finds its tongue later would make one sum of two things."""
    zone = tmp_path / "intel-rapl:0"
    zone.mkdir()
    (zone / "energy_uj").write_text("1000000\n", encoding="ascii")
    said = iter((OSError("not supported"), 50_000))

    def power() -> int:
        if isinstance(found := next(said), Exception):
            raise found
        return found

    fake_nvml(monkeypatch, UtilizationRates=SimpleNamespace(gpu=80), PowerUsage=power, Temperature=61)
    found = gauges.Gauges()
    found.card, found.package = gauges.Card(), gauges.Package(tmp_path)
    assert found.card.works
    found.card._sample()
    (zone / "energy_uj").write_text("9000000\n", encoding="ascii")
    read = found.read(3.0)
    assert (read["device_watts"], read["energy_joules"]) == (50.0, 8.0)
    assert found.energy_of == gauges.PACKAGE
    found.package = gauges.Package(tmp_path / "nowhere")
    assert found.read(3.0)["energy_joules"] is None
    assert found.energy_of == gauges.NOTHING


def test_energy_of_the_package_and_its_overflow(tmp_path: Path) -> None:
    zone = tmp_path / "intel-rapl:0"
    (zone / "intel-rapl:0:0").mkdir(parents=True)  # a part of the package, which counts in it
    (zone / "energy_uj").write_text("9000000\n", encoding="ascii")
    (zone / "max_energy_range_uj").write_text("10000000\n", encoding="ascii")
    package = gauges.Package(tmp_path)
    (zone / "energy_uj").write_text("9500000\n", encoding="ascii")
    assert package.joules() == 0.5
    (zone / "energy_uj").write_text("1500000\n", encoding="ascii")
    assert package.joules() == 2.0
    assert gauges.Package(tmp_path / "nowhere").joules() is None


def test_the_slope_is_that_of_the_last_thousand_steps() -> None:
    steps = list(range(1, 3001))
    memory = [5000.0 - step for step in steps[:2000]] + [3000 + 0.25 * step + (-1) ** step for step in steps[2000:]]
    assert costs.slope(steps, memory) == pytest.approx(250, abs=0.5)  # 0.25 MB a step
    assert costs.slope(steps[:29], memory[:29]) is None


def test_energy_that_was_not_measured_throughout_is_none() -> None:
    assert costs._watt_hours(pl.Series([1800.0, 1800.0])) == 1.0
    assert costs._watt_hours(pl.Series([1800.0, None])) is None


def test_the_resources_tell_of_memory_and_energy(job: Callable) -> None:
    made = job(sft(steps=55, micro_batch=1))
    sft_method.train(made, Answers())
    cost = json.loads((made.finished / "resources.json").read_text(encoding="utf-8"))
    frame = log(made)
    memory = frame["process_memory_now_mb"].to_numpy()[costs.SETTLING :]
    slope = 1000 * np.polyfit(np.arange(len(memory)), memory, 1)[0]
    assert cost["process_mb_per_1000_steps"] == pytest.approx(slope, abs=1e-6)
    assert cost["process_slope_steps"] == 35
    assert frame["process_memory_now_mb"].max() <= frame["process_memory_mb"].max() + 1
    assert (cost["energy_watt_hours"] is None) == (cost["energy_of"] == gauges.NOTHING)
    assert frame["samples_per_second"].to_list() == pytest.approx((1 / frame["seconds"]).to_list())


# stopping


class Interrupts(Answers):
    """Ctrl-C when a step is told."""

    def __init__(self, at: int):
        super().__init__()
        self.at, self.rows = at, 0

    def send(self, kind: str, value: Any) -> None:
        super().send(kind, value)
        self.rows += kind == "row"
        if kind == "row" and self.rows == self.at:
            os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_in_the_last_step_of_a_round_ends_it_there(job: Callable, pair_tokens: Path) -> None:
    loop = {"steps": 2, "micro_batch": 4, "save_steps": 50, "learning_rate": 0.005, "warmup": 0.0}
    settings = DnoSettings(**loop, rounds=2, prompts=6, samples=2, max_new_tokens=6, margin=0.05)
    before = job(sft(steps=2), "before")
    sft_method.train(before, Answers())
    whole, again = (job(settings, name, adapter=before.finished / "result", tokens=pair_tokens) for name in "ab")
    dno.train(whole, Answers())
    with pytest.raises(InterruptedTrainingError):
        dno.train(again, Interrupts(2))
    assert (again.workspace / "round-1" / "finished" / "result").is_dir()  # nothing of it is lost
    assert not (again.workspace / "round-2").exists()
    resumed = Answers()
    dno.train(again, resumed)
    assert [value for kind, value in resumed.sent if kind == "plan"] == [[2, 4]]
    for path in (whole.finished / "result").iterdir():
        assert path.read_bytes() == (again.finished / "result" / path.name).read_bytes()
