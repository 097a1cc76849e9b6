"""Losses of TRL's own trainers: from texts, as TRL tokenises and collates them, and from the store."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from trl.trainer import utils as trl_utils
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from arabic_llm_pipeline.corpus.records import DOCUMENTS, PAIRS, message
from arabic_llm_pipeline.parameters.tokenize import TokenizerSettings, TokenizeSettings
from arabic_llm_pipeline.parameters.training import DocumentSelection
from arabic_llm_pipeline.tokens.tokenizer import load_tokenizer, make_tokenizer
from arabic_llm_pipeline.tokens.writing import write_documents, write_pairs
from arabic_llm_pipeline.training import trainers
from arabic_llm_pipeline.training.batches import DocumentRows
from arabic_llm_pipeline.training.finish import stage_model
from arabic_llm_pipeline.training.job import Job
from arabic_llm_pipeline.training.methods import sft as sft_method
from arabic_llm_pipeline.training.models import load_base
from arabic_llm_pipeline.training.monitor import Monitor
from arabic_llm_pipeline.training.preference_batches import PairRows
from arabic_llm_pipeline.training.preference_trainers import pair_trainer
from arabic_llm_pipeline.training.schedule import Schedule, schedule
from tests.training.conftest import FULL, Answers, dpo, sentence, sft, write

WINDOW = 256  # nothing is cut
EVERYTHING = DocumentSelection(kinds=None)
QUESTIONS = [(sentence(n, 3 + n % 6), sentence(n + 2, 2 + n % 5)) for n in range(16)]
PROSE = [sentence(n, 5 + 3 * n) for n in range(16)]
STORE = TokenizeSettings(window=WINDOW, max_prompt=128)


@pytest.fixture(scope="module")
def instructing(tokenizer: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tokenizer with a template that any text can be written in, and whose turns end a text."""
    return make_tokenizer(tokenizer, TokenizerSettings(template="instruction"), tmp_path_factory.mktemp("instructing"))


def losses(trainer: Any) -> list[float]:
    """Of each step, and that they are of a model that learns."""
    trainer.train()
    found = [row["loss"] for row in trainer.state.log_history if "loss" in row]
    assert abs(found[-1] - found[0]) > 0.005
    return found


def of_the_store(trainer: Any, plan: Schedule, job: Job) -> list[float]:
    trainer.watch(Monitor(plan, Answers()), job)
    return losses(trainer)


def as_trl_comes(monkeypatch: pytest.MonkeyPatch, rows: Sequence[dict[str, Any]], plan: Schedule) -> Dataset:
    """Texts in the order of the plan, and TRL without what the project's trainers change in it."""
    monkeypatch.setattr(trl_utils, "_use_triton", lambda device: device.type == "cuda")
    return Dataset.from_list([rows[row] for row in plan.order()])


@pytest.mark.parametrize("kind", ["plain", "masked"])
def test_documents(job: Callable, tokenizer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    talks = [[message("user", question), message("assistant", answer)] for question, answer in QUESTIONS]
    said = talks if kind == "masked" else [[message("document", text)] for text in PROSE]
    labels = {"source": "x", "kind": "instruction" if kind == "masked" else "prose"}
    shards = write(tmp_path / "x", DOCUMENTS, [{"id": str(n), **labels, "messages": one} for n, one in enumerate(said)])
    store = write_documents(shards, tokenizer, STORE, tmp_path)
    settings = sft(steps=3, selection=EVERYTHING)
    told = job(settings, tokens=store)
    rows = DocumentRows(store, settings, 400, told.seed)
    plan = schedule(rows.passes, settings, told.seed)
    options = trainers.adapter_options(settings, settings.learning_rate)
    own = trainers.document_trainer(stage_model(told), told, settings, plan, rows, **options)
    found = of_the_store(own, plan, told)
    texts = [{"messages": one} for one in talks] if kind == "masked" else [{"text": text} for text in PROSE]
    data = as_trl_comes(monkeypatch, texts, plan)
    args = SFTConfig(**trainers.arguments(told, settings, plan), **options, assistant_only_loss=kind == "masked")
    theirs = SFTTrainer(stage_model(told), args, train_dataset=data, processing_class=load_tokenizer(tokenizer))
    assert found == pytest.approx(losses(theirs), abs=1e-6)


@pytest.mark.parametrize("loss", ["sigmoid", "ipo"])
def test_pairs(job: Callable, instructing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loss: str) -> None:
    answers = [(answer, sentence(n + 9, 1 + n % 3)) for n, (_, answer) in enumerate(QUESTIONS)]
    rows_of = [
        {"id": str(n), "source": "x", "prompt": [message("user", asked)], "chosen": good, "rejected": bad}
        for n, ((asked, _), (good, bad)) in enumerate(zip(QUESTIONS, answers, strict=True))
    ]
    store = write_pairs(write(tmp_path / "x", PAIRS, rows_of), instructing, STORE, tmp_path)
    before = job(sft(steps=2), "before")
    sft_method.train(before, Answers())
    settings = dpo(steps=3)
    told = job(settings, tokens=store, tokenizer=instructing, adapter=before.finished / "result")
    rows = PairRows(store, settings, 400, told.seed)
    plan = schedule(rows.passes, settings, told.seed)
    options = trainers.adapter_options(settings, settings.learning_rate) | {"beta": 0.1, "loss_type": [loss]}
    own = pair_trainer(stage_model(told), told, settings, plan, rows, False, **options)
    found = of_the_store(own, plan, told)
    texts = [
        {"prompt": f"### التعليمات:\n{asked}\n\n### الإجابة:\n", "chosen": good, "rejected": bad}
        for (asked, _), (good, bad) in zip(QUESTIONS, answers, strict=True)
    ]
    data = as_trl_comes(monkeypatch, texts, plan)
    args = DPOConfig(**trainers.arguments(told, settings, plan), **options)
    theirs = DPOTrainer(stage_model(told), args=args, train_dataset=data, processing_class=load_tokenizer(instructing))
    assert found == pytest.approx(losses(theirs), abs=1e-6)


def mean_loss(model: Any, batches: list[dict[str, Any]]) -> float:
    """Over all that is learned, in double precision."""
    total, count = 0.0, 0
    for batch in batches:
        with torch.no_grad():
            logits = model(input_ids=batch["input_ids"], position_ids=batch["position_ids"]).logits[:, :-1]
        labels = batch["labels"][:, 1:]
        total += float(torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum"))
        count += int((labels != -100).sum())
    return total / count


def test_packed_padded_flat_or_alone(base: dict, document_tokens: Path) -> None:
    """The loss of documents side by side is that of each alone, however they are laid out."""
    double = load_base(base, FULL).double().eval()

    def made(**how: Any) -> DocumentRows:
        return DocumentRows(document_tokens, sft(selection=EVERYTHING, **how), 400, 0)

    each = made()
    alone = mean_loss(double, [each.collate([row]) for row in range(len(each.rows))])
    for how in ({}, {"packing": True}, {"padding_free": True}, {"packing": True, "padding_free": True}):
        rows = made(**how)
        batch = rows.collate(range(len(rows.rows)))
        if "padding_free" in how:
            assert batch["input_ids"].shape == (1, batch["tokens"])
        assert mean_loss(double, [batch]) == pytest.approx(alone, abs=1e-9)


def test_training_without_padding_is_training(job: Callable) -> None:
    """The same steps, to what sums of another order make of them."""
    found = []
    for name, how in (
        ("padded", {}),
        ("flat", {"padding_free": True}),
        ("both", {"padding_free": True, "packing": True}),
    ):
        settings = sft(steps=3, selection=EVERYTHING, **how)
        told = job(settings, name)
        rows = DocumentRows(told.tokens, settings, 400, told.seed)
        plan = schedule(rows.passes, settings, told.seed)
        options = trainers.adapter_options(settings, settings.learning_rate)
        own = trainers.document_trainer(stage_model(told), told, settings, plan, rows, **options)
        found.append(of_the_store(own, plan, told))
    assert found[1] == pytest.approx(found[0], abs=1e-6)
    assert found[2] != found[0]  # other rows
