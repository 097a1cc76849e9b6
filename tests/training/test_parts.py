"""Losses by source, dialect and kind, against the model's own softmax and against the method on those records alone."""

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch

from arabic_llm_pipeline.parameters.preference import (
    CpoSettings,
    DpoSettings,
    IpoSettings,
    KtoSettings,
    OrpoSettings,
    RewardSettings,
    SimpoSettings,
)
from arabic_llm_pipeline.parameters.training import DocumentSelection, PretrainSettings
from arabic_llm_pipeline.tokens.store import TokenStore
from arabic_llm_pipeline.training import finish
from arabic_llm_pipeline.training.batches import WindowRows
from arabic_llm_pipeline.training.job import Job
from arabic_llm_pipeline.training.methods import kto, preference, pretrain, referenceless, reward
from arabic_llm_pipeline.training.methods import sft as sft_method
from arabic_llm_pipeline.training.monitor import Monitor
from arabic_llm_pipeline.training.parts import Names
from tests.training.conftest import FULL, Answers, sft

EVERYTHING = DocumentSelection(kinds=None)
LOOP = {"steps": 2, "micro_batch": 6, "save_steps": 50, "learning_rate": 0.005, "warmup": 0.0}
METHODS: dict[str, tuple[Any, Callable]] = {
    "dpo": (DpoSettings(**LOOP), preference.train_dpo),
    "apo_zero": (DpoSettings(**LOOP, loss_type="apo_zero"), preference.train_dpo),
    "precomputed": (DpoSettings(**LOOP, precompute_reference=True), preference.train_dpo),
    "ipo": (IpoSettings(**LOOP), preference.train_ipo),
    "kto": (KtoSettings(**LOOP), kto.train),
    "apo_zero_unpaired": (KtoSettings(**LOOP, loss_type="apo_zero_unpaired"), kto.train),
    "cpo": (CpoSettings(**LOOP), referenceless.train_cpo),
    "simpo": (SimpoSettings(**LOOP), referenceless.train_simpo),
    "orpo": (OrpoSettings(**LOOP), referenceless.train_orpo),
    "reward": (RewardSettings(**LOOP), reward.train),
}


def log(job: Job) -> pl.DataFrame:
    return pl.read_parquet(job.finished / "log.parquet")


def trainer_of(train: Callable, job: Job, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """The trainer that a method makes, and its plan."""
    caught: list[Any] = []
    with monkeypatch.context() as patch:
        patch.setattr(finish, "finish_adapter", lambda trainer, _, plan, *__: caught.extend((trainer, plan)))
        train(job, Answers())
    return caught[0], caught[1]


@pytest.mark.parametrize("how", [{}, {"packing": True}, {"packing": True, "padding_free": True}, {"accumulation": 3}])
def test_documents_by_the_whole_softmax(
    job: Callable, mixed_documents: Path, monkeypatch: pytest.MonkeyPatch, how: dict
) -> None:
    """Each document by itself through the untrained model, in float64: sums by tag over tokens of the first step."""
    settings = sft(steps=1, micro_batch=8, selection=EVERYTHING, **how)
    made = job(settings, tokens=mixed_documents)
    trainer, plan = trainer_of(sft_method.train, made, monkeypatch)
    rows, split, sums = trainer.rows, TokenStore(mixed_documents).split("train"), defaultdict(lambda: [0.0, 0])
    for row in plan.order().tolist():
        for piece in rows.rows[row]:
            place = [int(part[piece]) for part in (rows.pieces.document, rows.pieces.start, rows.pieces.length)]
            tokens, mask = split.piece(*place)
            ids = torch.from_numpy(tokens.astype("int64"))[None]
            with torch.no_grad():
                logs = trainer.model(input_ids=ids).logits.double().log_softmax(-1)[0, :-1]
            lost = -logs.gather(1, ids[0, 1:, None])[:, 0][torch.from_numpy(mask[1:].astype(bool))]
            for tag, values in (("source", split.sources), ("dialect", split.dialects), ("kind", split.kinds)):
                of = sums[f"loss/{tag}/{values[place[0]]}"]
                of[0] += float(lost.sum())
                of[1] += len(lost)
    trained = job(settings, "trained", tokens=mixed_documents)
    sft_method.train(trained, Answers())
    [found] = log(trained).to_dicts()
    expected = {name: total / count for name, (total, count) in sums.items() if count}
    assert {name: value for name, value in found.items() if name.startswith("loss/")} == pytest.approx(
        expected, abs=2e-5
    )
    assert {"loss/dialect/EGY", "loss/source/talk"} <= set(expected)


@pytest.mark.parametrize("method", METHODS)
def test_pairs_by_the_method_on_those_alone(
    job: Callable, mixed_pairs: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """After a step, so that model and reference differ: the loss of each group is what its pairs alone have."""
    settings, train = METHODS[method]
    before = job(sft(steps=2), "before")
    sft_method.train(before, Answers())
    made = job(settings, tokens=mixed_pairs, adapter=before.finished / "result")
    trainer, plan = trainer_of(train, made, monkeypatch)
    collate = trainer.rows.collate
    second = plan.order()[6:12].tolist()
    expected: dict[str, float] = {}

    class Looks(Answers):
        def send(self, kind: str, value: Any) -> None:
            if kind == "row" and value["step"] == 1:
                for key, places in groups(trainer.rows, second).items():
                    trainer.counted = None  # of the step: the group is alone
                    batch = collate(places)
                    batch.pop("tokens")
                    trainer.seen = type(trainer.seen)(places)
                    with torch.no_grad():
                        expected[key] = float(trainer.compute_loss(trainer.model, batch))
            super().send(kind, value)

    trainer.watch(Monitor(plan, Looks(), settings), made)
    trainer.train()
    found = trainer.state.log_history[1]
    names = {name for name in found if name.startswith("loss/")}
    assert {"loss/dialect/MSA", "loss/dialect/GLF", "loss/source/pref", "loss/source/hope"} == names
    if method != "kto":  # whose divergence is that of the micro-batch
        assert {name: found[name] for name in names} == pytest.approx(
            {name: expected[name] for name in names}, abs=1e-5
        )
    if method not in {"cpo", "orpo"}:  # whose likelihood is a mean over all tokens
        parts = groups(trainer.rows, second)
        for tag in ("source", "dialect"):
            of_tag = [name for name in names if name.startswith(f"loss/{tag}/")]
            mean = sum(found[name] * len(parts[name]) for name in of_tag) / 6
            assert mean == pytest.approx(found["loss"], abs=1e-5)
    if method != "reward":  # which foretells no token
        assert found["entropy"] > 0


def groups(rows: Any, places: list[int]) -> dict[str, list[int]]:
    """Rows of a micro-batch by their source and by their dialect, as columns are called."""
    found: dict[str, list[int]] = defaultdict(list)
    for place in places:
        [record] = rows.records([place]).tolist()
        found[f"loss/source/{rows.split.sources[record]}"].append(place)
        found[f"loss/dialect/{rows.split.dialects[record]}"].append(place)
    return found


def test_windows_tell_whose_tokens_they_have(mixed_documents: Path) -> None:
    rows = WindowRows(mixed_documents, 400)
    offsets = rows.split.offsets
    width = rows.window + 1
    for places in ([0], [1, 2], [rows.passes[0] - 1, 0]):
        records, starts = rows.records(places), rows.starts(places, width)
        owner = [int((offsets[1:] > row * rows.window + at).argmax()) for row in places for at in range(width)]
        expected = [-1] * len(owner)
        ends = [*starts[1:].tolist(), len(owner)]
        for record, start, end in zip(records.tolist(), starts.tolist(), ends, strict=True):
            expected[start:end] = [record] * (end - start)
        assert expected == owner


def test_pretraining_tells_losses_by_dialect(job: Callable, mixed_documents: Path) -> None:
    settings = PretrainSettings(
        width=32, layers=1, heads=2, key_value_heads=1, intermediate=64, positions=128, steps=2, micro_batch=4
    )
    made = job(settings, base={}, tokens=mixed_documents)
    pretrain.train(made, Answers())
    assert {"loss/dialect/MSA", "loss/kind/prose", "entropy"} <= set(log(made).columns)


def test_a_tag_with_one_value_has_no_column(
    job: Callable, mixed_documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = sft(selection=DocumentSelection(kinds=None, dialects=("EGY",)))
    trainer, _ = trainer_of(sft_method.train, job(settings, tokens=mixed_documents), monkeypatch)
    assert set(Names(trainer.rows).tags) == {"source", "kind"}


def test_what_is_recorded_changes_no_weight(
    job: Callable, mixed_documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from arabic_llm_pipeline.training.trainers import Watched

    settings, lora = sft(packing=True, selection=EVERYTHING), {"r": 4, "alpha": 8, "dropout": 0.1}
    watched = job(settings, "watched", FULL, tokens=mixed_documents, lora=lora)
    sft_method.train(watched, Answers())
    monkeypatch.setattr(Watched, "_observe", lambda *_: None)
    bare = job(settings, "bare", FULL, tokens=mixed_documents, lora=lora)
    sft_method.train(bare, Answers())
    assert log(bare)["loss"].to_list() == log(watched)["loss"].to_list()
    assert not any(name.startswith("loss/") for name in log(bare).columns)
    for name in ("adapter_model.safetensors",):
        assert (bare.finished / "result" / name).read_bytes() == (watched.finished / "result" / name).read_bytes()
