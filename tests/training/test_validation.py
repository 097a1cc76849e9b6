"""Held-out losses: nothing of the training changes, the best is kept, patience ends it, a kill changes nothing."""

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.preference import CpoSettings, DpoSettings, KtoSettings, RewardSettings
from arabic_llm_pipeline.parameters.training import DocumentSelection, SftSettings
from arabic_llm_pipeline.training.batches import DocumentRows
from arabic_llm_pipeline.training.costs import OF_THE_MACHINE
from arabic_llm_pipeline.training.job import Job
from arabic_llm_pipeline.training.methods import kto, preference, referenceless, reward
from arabic_llm_pipeline.training.methods import sft as sft_method
from arabic_llm_pipeline.training.models import load_base
from arabic_llm_pipeline.training.validation import Validation, best, spread
from tests.training.conftest import FULL, NF4, Answers, sft
from tests.training.kills import killed

EVERYTHING = DocumentSelection(kinds=None)
CONSTANT = {"scheduler": "constant_with_warmup", "warmup": 0.0, "selection": EVERYTHING}
DROPOUT = {"r": 4, "alpha": 8, "dropout": 0.1}
LOOP = {"steps": 4, "micro_batch": 4, "save_steps": 2, "learning_rate": 0.005, "warmup": 0.0}
METHODS: dict[str, tuple[Any, Callable]] = {
    "dpo": (DpoSettings(**LOOP), preference.train_dpo),
    "precomputed": (DpoSettings(**LOOP, precompute_reference=True), preference.train_dpo),
    "kto": (KtoSettings(**LOOP), kto.train),
    "cpo": (CpoSettings(**LOOP), referenceless.train_cpo),
    "reward": (RewardSettings(**LOOP), reward.train),
}
KILLED = {"precomputed", "kto"}  # those that keep most beside the adapter: figures of held-out pairs, a divergence


@pytest.fixture(autouse=True)
def interrupts() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def log(job: Job) -> pl.DataFrame:
    return pl.read_parquet(job.finished / "log.parquet")


def result(job: Job) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((job.finished / "result").iterdir())}


def costs(job: Job) -> dict[str, Any]:
    return json.loads((job.finished / "resources.json").read_text(encoding="utf-8"))


def validated(settings: Any, **more: Any) -> Any:
    return settings.model_copy(update={"eval_steps": 1, "eval_rows": 6, **more})


@pytest.mark.parametrize("kind", ["lora", "full"])
def test_training_is_the_same_with_and_without(job: Callable, mixed_documents: Path, kind: str) -> None:
    """Dropout draws from the random state that validation would draw from."""
    settings, more = sft(**CONSTANT), {"tokens": mixed_documents, "lora": {**DROPOUT, "kind": kind}}
    without = job(settings, "without", **more)
    with_it = job(validated(settings, eval_steps=2), "with", **more)
    for made in (without, with_it):
        sft_method.train(made, Answers())
    assert result(with_it) == result(without)
    frame = log(with_it)
    own = [name for name in frame.columns if name.startswith("validation")]
    assert frame["validation_loss"].is_not_null().to_list() == [False, True, False, True, False, True]
    assert {"validation_loss/dialect/EGY", "validation_loss/source/talk"} <= set(own)
    assert frame.drop(*own, *OF_THE_MACHINE).equals(log(without).drop(OF_THE_MACHINE))


@pytest.mark.parametrize("method", METHODS)
def test_preferences_are_validated_and_survive_a_kill(job: Callable, mixed_pairs: Path, method: str) -> None:
    settings, train = METHODS[method]
    before = job(sft(steps=2), "before")
    sft_method.train(before, Answers())
    more = {"tokens": mixed_pairs, "adapter": before.finished / "result"}
    without, whole = job(settings, "without", **more), job(validated(settings, keep_best=True), "whole", **more)
    train(without, Answers())
    train(whole, Answers())
    if method in KILLED:
        again = job(validated(settings, keep_best=True), "again", **more)
        killed(train, again, 3)
        train(again, Answers())
        assert result(again) == result(whole)
        assert log(again).drop(OF_THE_MACHINE).equals(log(whole).drop(OF_THE_MACHINE))
    assert log(whole)["loss"].to_list() == log(without)["loss"].to_list()
    assert log(whole)["rewards/margins"].to_list() == log(without)["rewards/margins"].to_list()
    assert log(whole)["validation_loss"].null_count() == 0
    assert {"validation_loss/dialect/GLF", "validation_loss/source/hope"} <= set(log(whole).columns)


def test_the_loss_is_that_of_the_model_on_the_dev_split(job: Callable, mixed_documents: Path) -> None:
    """A step of no size: the base's own loss, document by document, in float64."""
    settings = validated(sft(steps=1, **{**CONSTANT, "learning_rate": 1e-12}), eval_rows=100)
    made = job(settings, tokens=mixed_documents)
    sft_method.train(made, Answers())
    rows = DocumentRows(mixed_documents, settings, 400, 0).held_out(mixed_documents, settings, 0)
    assert {rows.split.id(int(record)).rpartition("/")[2] for record in rows.records(range(len(rows.rows)))} == {"dev"}
    model, total, count = load_base(made.base, made.model), 0.0, 0
    for row in range(len(rows.rows)):
        batch = rows.collate([row])
        with torch.no_grad():
            logits = model(input_ids=batch["input_ids"]).logits[0, :-1].double()
        labels = batch["labels"][0, 1:]
        total += float(torch.nn.functional.cross_entropy(logits, labels, reduction="sum"))
        count += int((labels != -100).sum())
    assert log(made)["validation_loss"][0] == pytest.approx(total / count, abs=1e-5)


@pytest.mark.parametrize("model", [FULL, NF4], ids=["fp32", "nf4"])
def test_the_result_is_of_the_best_step(job: Callable, mixed_documents: Path, model: Any) -> None:
    """A rate so high that it gets worse: the result is what a training ends with that has no step after the best."""
    settings = sft(**{**CONSTANT, "learning_rate": 0.3, "steps": 7})
    kept = job(validated(settings, keep_best=True), "kept", model, tokens=mixed_documents)
    sft_method.train(kept, Answers())
    found = costs(kept)
    losses = log(kept)["validation_loss"].to_list()
    step = losses.index(min(losses)) + 1
    assert step < 7
    assert (found["best_step"], found["best_validation_loss"], found["steps"]) == (step, min(losses), 7)
    assert found["result_is_of_best_step"]
    assert [path.name for path in kept.checkpoints.glob("best-*")] != []
    short = job(settings.model_copy(update={"steps": step}), "short", model, tokens=mixed_documents)
    sft_method.train(short, Answers())
    assert result(kept) == result(short)


def test_patience_ends_it_and_a_kill_changes_nothing(job: Callable, mixed_documents: Path) -> None:
    settings = sft(**{**CONSTANT, "learning_rate": 0.3, "steps": 30, "save_steps": 2})
    settings = validated(settings, keep_best=True, patience=3)
    whole, again = (job(settings, name, tokens=mixed_documents, lora=DROPOUT) for name in ("whole", "again"))
    sft_method.train(whole, Answers())
    losses = log(whole)["validation_loss"].to_list()
    assert len(losses) == losses.index(min(losses)) + 1 + 3 < 30
    killed(sft_method.train, again, len(losses) - 1)
    stale = again.checkpoints / "best-29"  # as of steps that are trained again
    stale.mkdir()
    sft_method.train(again, Answers())
    assert not stale.exists()
    assert result(again) == result(whole)
    assert log(again).drop(OF_THE_MACHINE).equals(log(whole).drop(OF_THE_MACHINE))


def test_without_held_out_rows_it_does_not_begin(job: Callable, document_tokens: Path) -> None:
    with pytest.raises(UserError, match="eval_steps=1 asks for losses on the dev split, which has nothing"):
        sft_method.train(job(validated(sft()), tokens=document_tokens), Answers())


@pytest.mark.parametrize("asked", [{"keep_best": True}, {"patience": 2}])
def test_ranks_are_taken_to_the_end(job: Callable, mixed_documents: Path, asked: dict) -> None:
    settings, lora = sft(steps=12, selection=EVERYTHING), {"r": 4, "alpha": 8, "kind": "adalora"}
    with pytest.raises(UserError, match="adalora"):
        sft_method.train(job(validated(settings, **asked), "asked", tokens=mixed_documents, lora=lora), Answers())
    made = job(validated(settings, eval_steps=4), tokens=mixed_documents, lora=lora)
    sft_method.train(made, Answers())
    assert log(made)["validation_loss"].count() == 3


def test_what_goes_by_no_loss_is_refused() -> None:
    for asked in ({"keep_best": True}, {"patience": 2}):
        with pytest.raises(ValueError, match="eval_steps=0 never takes it"):
            SftSettings(**asked)


def test_rows_are_spread_and_none_stands_alone() -> None:
    settings = SftSettings(eval_rows=5, micro_batch=2)
    assert spread(100, settings) == [0, 25, 50, 74]  # the fifth, 99, would be a micro-batch of one
    assert spread(3, settings) == [0, 1]
    assert spread(1, settings) == [0]
    assert spread(9, SftSettings(eval_rows=9, micro_batch=1)) == list(range(9))


def test_the_best_that_a_checkpoint_may_come_back_to_is_kept(tmp_path: Path) -> None:
    history = [{"step": step, "validation_loss": loss} for step, loss in ((1, 3.0), (2, 1.0), (3, 2.0), (4, 0.5))]
    assert (best(history), best(history[:3]), best([])) == (4, 2, None)
    for step in (1, 2, 4):
        (tmp_path / f"best-{step}").mkdir()
    kept = Validation.__new__(Validation)
    kept.folder = tmp_path
    kept.prune(history, 3)  # the checkpoint of step 3 knows of the best at 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best-2", "best-4"]
    kept.begin(3)
    assert [path.name for path in tmp_path.iterdir()] == ["best-2"]
