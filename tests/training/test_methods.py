"""What training does, to the bit: resumed after a kill, with its reference, against sums done by hand."""

import json
import math
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.corpus.records import DOCUMENTS, message
from arabic_llm_pipeline.evaluation.generation import Generated, generate
from arabic_llm_pipeline.parameters.model import AdapterSettings
from arabic_llm_pipeline.parameters.tokenize import TokenizerSettings, TokenizeSettings
from arabic_llm_pipeline.parameters.training import DocumentSelection, PretrainSettings
from arabic_llm_pipeline.tokens.chat import Renderer
from arabic_llm_pipeline.tokens.tokenizer import load_tokenizer, make_tokenizer
from arabic_llm_pipeline.tokens.writing import write_documents
from arabic_llm_pipeline.training import models
from arabic_llm_pipeline.training.base import resolve_base
from arabic_llm_pipeline.training.batches import DocumentRows
from arabic_llm_pipeline.training.costs import OF_THE_MACHINE
from arabic_llm_pipeline.training.job import InterruptedTrainingError, Job
from arabic_llm_pipeline.training.methods import preference, pretrain
from arabic_llm_pipeline.training.methods import sft as sft_method
from arabic_llm_pipeline.training.optimizers import Together
from arabic_llm_pipeline.training.preference_batches import PairRows
from arabic_llm_pipeline.training.schedule import Schedule
from tests.training.conftest import FULL, NF4, WINDOW, WORDS, Answers, dpo, sentence, sft, write
from tests.training.kills import Killer, killed

EVERYTHING = DocumentSelection(kinds=None)
PRETRAIN = PretrainSettings(
    width=32, layers=1, heads=2, key_value_heads=1, intermediate=64, positions=128, steps=6,
    micro_batch=4, save_steps=2, warmup_steps=2,
)  # fmt: skip


@pytest.fixture(autouse=True)
def interrupts() -> Iterator[None]:
    """Training takes SIGINT to itself; the tests get it back."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def weights(job: Job) -> bytes:
    [path] = (job.finished / "result").glob("*model.safetensors")
    return path.read_bytes()


def result(job: Job) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((job.finished / "result").iterdir())}


def log(job: Job) -> pl.DataFrame:
    return pl.read_parquet(job.finished / "log.parquet")


def untimed(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.drop(OF_THE_MACHINE)


def trained(make: Callable[..., Job], *args: Any, **kwargs: Any) -> Job:
    job = make(*args, **kwargs)
    sft_method.train(job, Answers())
    return job


@pytest.mark.parametrize("model", [FULL, NF4], ids=["fp32", "nf4"])
@pytest.mark.parametrize("method", ["sft", "dpo"])
def test_killed_and_run_again_it_ends_alike(job: Callable, model: Any, method: str) -> None:
    """Dropout is on, so the state of random numbers counts; rows are packed, and the second pass has begun."""
    lora = {"lora": {"r": 4, "alpha": 8, "dropout": 0.1}}
    settings, train = sft(packing=True, selection=EVERYTHING), sft_method.train
    more: dict[str, Any] = dict(lora)
    if method == "dpo":
        before = trained(job, sft(steps=2), "before", model, **lora)
        settings, train, more = dpo(steps=7), preference.train_dpo, {"adapter": before.finished / "result"}
    whole, again = job(settings, "whole", model, **more), job(settings, "again", model, **more)
    train(whole, Answers())
    killed(train, again, 5)
    assert sorted(path.name for path in again.checkpoints.iterdir())[:2] == ["checkpoint-2", "checkpoint-4"]
    answers = Answers()
    train(again, answers)
    assert answers.sent[0] == ("plan", [4, len(log(whole))])  # a resumed training does not show its first rows again
    assert result(again) == result(whole)
    assert untimed(log(again)).equals(untimed(log(whole)))
    assert log(again)["step"].to_list() == list(range(1, len(log(whole)) + 1))


def test_ctrl_c_keeps_the_step_and_goes_on_alike(job: Callable) -> None:
    settings = sft(save_steps=100)
    whole = trained(job, settings, "whole")
    again = job(settings, "again")
    with pytest.raises(InterruptedTrainingError):
        sft_method.train(again, Killer(3, signal.SIGINT))
    [checkpoint] = again.checkpoints.iterdir()
    assert not again.finished.exists()
    sft_method.train(again, Answers())
    assert result(again) == result(whole)
    assert checkpoint.name in {"checkpoint-3", "checkpoint-4"}


def test_the_seed_settles_it(job: Callable) -> None:
    one, two = trained(job, sft(), "one", NF4), trained(job, sft(), "two", NF4)
    other = trained(job, sft(), "other", NF4, seed=6)
    assert result(one) == result(two)
    assert weights(one) != weights(other)


def test_checkpoints_and_their_number_change_nothing(job: Callable) -> None:
    assert weights(trained(job, sft(save_steps=1), "one")) == weights(trained(job, sft(save_steps=50), "two"))


def test_what_is_left(job: Callable, base_directory: Path) -> None:
    made = trained(job, sft(steps=12))
    assert set(result(made)) == {"adapter_config.json", "adapter_model.safetensors", "training.json"}
    config = json.loads(result(made)["adapter_config.json"])
    assert config["base_model_name_or_path"] == str(base_directory)
    frame = log(made)
    assert frame["loss"].tail(3).mean() < frame["loss"].head(3).mean()
    assert frame.columns[:17] == [
        "step", "epoch", "loss", "learning_rate", "grad_norm", "tokens", "tokens_per_second", "samples_per_second",
        "seconds", "process_memory_mb", "process_memory_now_mb", "device_memory_mb", "device_used_mb",
        "device_utilisation", "device_watts", "device_celsius", "energy_joules",
    ]  # fmt: skip
    assert frame["tokens"].is_sorted()
    of_a_card = [name for name in frame.columns if name.startswith(("device_", "energy_", "loss/"))]
    assert frame.drop(of_a_card).null_count().sum_horizontal().item() == 0
    cost = json.loads((made.finished / "resources.json").read_text(encoding="utf-8"))
    assert (cost["steps"], cost["tokens"]) == (12, frame["tokens"][-1])
    assert cost["trainable_parameters"] == sum(part.numel() for part in adapter_of(made).values())
    assert cost["parameters"] == cost["trainable_parameters"] + parameters(base_directory)
    assert 100 < cost["peak_process_mb"] < 4000


def adapter_of(job: Job) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    found = load_file(job.finished / "result" / "adapter_model.safetensors")
    assert {part.dtype for part in found.values()} == {torch.float32}
    return found


def parameters(directory: Path) -> int:
    from safetensors.torch import load_file

    return sum(part.numel() for part in load_file(directory / "model.safetensors").values())


@pytest.mark.parametrize("packing", [False, True])
def test_the_loss_is_the_mean_over_what_is_learned(
    job: Callable, base: dict, document_tokens: Path, packing: bool
) -> None:
    """By hand: every document alone, plain logits and cross entropy; over two batches of different sizes."""
    settings = sft(steps=1, micro_batch=3, accumulation=2, packing=packing, selection=EVERYTHING)
    made = trained(job, settings)
    rows = DocumentRows(document_tokens, settings, 400, 0)
    model, total, count = models.load_base(base, FULL).eval(), 0.0, 0
    for row in Schedule(rows.passes, 6, 1, made.seed).order():
        for piece in rows.rows[row]:
            tokens, mask = rows._piece(piece)
            ids = torch.from_numpy(tokens.astype(np.int64))
            labels = torch.where(torch.from_numpy(mask.astype(bool)), ids, -100)[1:]
            with torch.no_grad():
                logits = model(ids[None]).logits[0, :-1]
            total += float(torch.nn.functional.cross_entropy(logits, labels, reduction="sum"))
            count += int((labels != -100).sum())
    assert log(made)["loss"][0] == pytest.approx(total / count, rel=1e-5)


def answer_log_probability(model: Any, prompt: np.ndarray, answer: np.ndarray) -> float:
    ids = torch.from_numpy(np.concatenate([prompt, answer]).astype(np.int64))
    with torch.no_grad():
        scores = model(ids[None]).logits[0].float().log_softmax(-1)
    places = torch.arange(len(prompt) - 1, len(ids) - 1)
    return float(scores[places, ids[places + 1]].sum())


@pytest.mark.parametrize("model", [FULL, NF4], ids=["fp32", "nf4"])
def test_the_reference_of_dpo_is_the_sft_model(job: Callable, base: dict, pair_tokens: Path, model: Any) -> None:
    """Its loss starts at log 2 whatever the reference is; so the log-probabilities themselves are compared."""
    before = trained(job, sft(), "before", model)
    adapter = before.finished / "result"
    made = job(dpo(steps=3, micro_batch=6, learning_rate=0.05, warmup=0.0), "dpo", model, adapter=adapter)
    preference.train_dpo(made, Answers())
    rows = PairRows(pair_tokens, dpo(), 400, 0)
    order = Schedule(rows.passes, 6, 3, made.seed).order()
    candidates = [models.load_candidate(base, path, model) for path in (adapter, None, made.finished / "result")]

    def mean(candidate: Any, places: Any, answer: int) -> float:
        pairs = [rows.split.row(rows.rows[row]) for row in places]
        return float(np.mean([answer_log_probability(candidate, pair[0], pair[answer]) for pair in pairs]))

    tuned, plain, final = candidates
    first = log(made).row(0, named=True)
    assert first["logps/chosen"] == pytest.approx(mean(tuned, order[:6], 1), abs=1e-4)
    assert first["logps/rejected"] == pytest.approx(mean(tuned, order[:6], 2), abs=1e-4)
    assert abs(first["logps/chosen"] - mean(plain, order[:6], 1)) > 0.01
    assert first["loss"] == pytest.approx(math.log(2), abs=1e-6)
    # later rewards are measured from the SFT model, too, and the loss is Rafailov's
    third = log(made).row(2, named=True)
    rewards = 0.1 * (third["logps/chosen"] - mean(tuned, order[12:], 1))
    assert third["rewards/chosen"] == pytest.approx(rewards, abs=1e-4)
    assert mean(final, order, 1) - mean(final, order, 2) > mean(tuned, order, 1) - mean(tuned, order, 2)


def test_dpo_leaves_no_copy_of_its_reference(job: Callable) -> None:
    before = trained(job, sft(steps=2), "before", NF4)
    made = job(dpo(steps=3), "dpo", NF4, adapter=before.finished / "result")
    preference.train_dpo(made, Answers())
    assert set(result(made)) == {"adapter_config.json", "adapter_model.safetensors", "training.json"}
    assert adapter_of(made).keys() == adapter_of(before).keys()
    assert all((part != adapter_of(before)[name]).any() for name, part in adapter_of(made).items())


def test_other_losses_and_optimizers(job: Callable) -> None:
    before = trained(job, sft(steps=2), "before")
    made = job(dpo(steps=2, loss_type="ipo"), "ipo", adapter=before.finished / "result")
    preference.train_dpo(made, Answers())
    assert log(made)["loss"][0] == pytest.approx((1 / (2 * 0.1)) ** 2, rel=1e-5)
    plain = trained(job, sft(steps=3), "plain")
    checked = trained(job, sft(steps=3, activation_checkpointing=True), "checked")
    assert log(checked)["loss"].to_list() == pytest.approx(log(plain)["loss"].to_list(), rel=1e-5)
    further = trained(job, sft(steps=2), "further", adapter=before.finished / "result")
    assert log(further)["loss"][0] < log(before)["loss"][0]


def test_a_loss_that_is_no_number_stops_it(job: Callable, base: dict, base_directory: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    broken = {name: part * float("nan") for name, part in load_file(base_directory / "model.safetensors").items()}
    (tmp_path / "nan").mkdir()
    save_file(broken, tmp_path / "nan" / "model.safetensors", {"format": "pt"})
    (tmp_path / "nan" / "config.json").write_bytes((base_directory / "config.json").read_bytes())
    with pytest.raises(UserError, match=r"the loss of step 1 is nan: micro-batch 1 of 1 .* lower the learning_rate"):
        sft_method.train(job(sft(), base={**base, "path": str(tmp_path / "nan")}), Answers())


def test_pretraining_makes_a_base_and_survives_a_kill(job: Callable, base_directory: Path) -> None:
    whole, again = job(PRETRAIN, "whole", base={}), job(PRETRAIN, "again", base={})
    pretrain.train(whole, Answers())
    killed(pretrain.train, again, 5)
    pretrain.train(again, Answers())
    assert result(again) == result(whole)
    assert untimed(log(again)).equals(untimed(log(whole)))
    assert log(whole)["loss"][-1] < log(whole)["loss"][0]
    made = whole.finished / "result"
    from arabic_llm_pipeline.parameters.model import ModelSettings

    settings = ModelSettings(name=str(made), quantization="none")
    pointer = resolve_base(settings, made)
    assert (pointer["dtype"], pointer["model_type"]) == ("BF16", "qwen2")
    assert {"tokenizer.json", "chat_template.jinja"} <= set(pointer["files"])
    model = models.load_candidate(pointer, None, settings)
    assert model.generation_config.eos_token_id == [1, 3]


def test_the_rate_of_pretraining() -> None:
    settings = PretrainSettings(warmup_steps=10, decay=0.4)
    rates = [pretrain.rate(settings, 100, step) for step in range(100)]
    assert rates[:10] == pytest.approx([0.1 * step for step in range(1, 11)])
    assert rates[10:60] == [1.0] * 50
    assert rates[80] == pytest.approx(0.5)
    assert rates[99] == pytest.approx(0.025)
    assert pretrain.rate(settings, 100, 100) == 0.02


def test_together_is_each_by_itself() -> None:
    def parts() -> list[torch.optim.Optimizer]:
        torch.manual_seed(0)
        values = [torch.nn.Parameter(torch.randn(4, 4)), torch.nn.Parameter(torch.randn(4))]
        return [torch.optim.Muon([values[0]], lr=0.02), torch.optim.AdamW([values[1]], lr=0.01)]

    def step(optimizers: list[torch.optim.Optimizer], every: list[torch.optim.Optimizer]) -> None:
        for optimizer in every:
            for value in optimizer.param_groups[0]["params"]:
                value.grad = value.detach().clone()
        for optimizer in optimizers:
            optimizer.step()

    apart, joined = parts(), parts()
    together = Together(joined)
    for _ in range(3):
        step(apart, apart)
        step([together], joined)
    saved = json.loads(json.dumps(together.state_dict()["parts"][0]["param_groups"]))
    together.load_state_dict(together.state_dict())
    together.param_groups[0]["lr"] = 0.5  # as a scheduler does after a resume
    assert joined[0].param_groups[0]["lr"] == 0.5
    assert saved[0]["lr"] == 0.02
    for one, two in zip(apart, joined, strict=True):
        assert torch.equal(one.param_groups[0]["params"][0], two.param_groups[0]["params"][0])


def test_the_first_rows_are_shown(job: Callable, document_tokens: Path, pair_tokens: Path) -> None:
    """What is learned, in brackets: an answer and the end of its turn."""
    answers = Answers()
    before = job(sft(steps=1), "shown")
    sft_method.train(before, answers)
    kind, rows = answers.sent[0]
    assert kind == "rows"
    assert len(rows) == 2
    for text in rows:
        assert re.fullmatch(
            r"<\|im_start\|>user\n[^⟦]+<\|im_end\|>\n<\|im_start\|>assistant\n⟦[^⟦]+<\|im_end\|>⟧", text
        )
    answers = Answers()
    preference.train_dpo(job(dpo(steps=1), "pairs", FULL, adapter=before.finished / "result"), answers)
    _, rows = answers.sent[0]
    assert len(rows) == 4  # two pairs: their chosen answers, then their rejected ones
    assert len({text.partition("⟦")[0] for text in rows}) == 2


def test_the_papers_learning_rate_is_what_is_trained_with(job: Callable) -> None:
    """Killed or not it goes on there; 6 steps, the first 2 rising."""
    settings = sft(scheduler="equation_3", warmup=2, learning_rate=0.01)
    made = trained(job, settings)
    expected = [0.005, 0.01, *(0.005 * (1 + math.cos(math.pi * done / 4)) for done in range(1, 5))]
    assert log(made)["learning_rate"].to_list() == pytest.approx(expected)


def taught(tmp_path: Path, job: Callable, base_directory: Path, settings: TokenizerSettings) -> list[Generated]:
    """What a model writes that learned three answers by heart, to the questions to them, at most twenty tokens."""
    made = make_tokenizer(base_directory, settings, tmp_path / "tokenizer")
    talks = [
        {"id": f"heart/{n}", "source": "heart", "kind": "instruction",
         "messages": [message("user", WORDS[3 * n]), message("assistant", sentence(n, 2 + n))]}
        for n in range(3)
    ]  # fmt: skip
    shards = write(tmp_path / "shards", DOCUMENTS, talks)
    tokens = write_documents(shards, made, TokenizeSettings(window=WINDOW, max_prompt=24), tmp_path / "tokens")
    loop = sft(steps=60, micro_batch=3, learning_rate=0.01, save_steps=60)
    stage = job(loop, "heart", tokenizer=made, tokens=tokens, lora=AdapterSettings(kind="full"))
    sft_method.train(stage, Answers())
    model = models.load_candidate(stage.base, stage.finished / "result", FULL)
    tokenizer = load_tokenizer(made)
    renderer = Renderer(tokenizer)
    prompts = renderer.prompts([talk["messages"][:1] for talk in talks])
    asked: dict[str, Any] = {"stop_ids": renderer.stop_ids, "stop_at_line": False, "max_new_tokens": 20}
    found = generate(model, tokenizer, prompts, batch_size=3, label="", **asked)
    wanted = [str(talk["messages"][1]["content"]) for talk in talks]
    assert [one.text.lstrip().startswith(answer) for one, answer in zip(found, wanted, strict=True)] == [True] * 3
    return found


def test_a_model_ends_its_answers_by_itself(tmp_path: Path, job: Callable, base_directory: Path) -> None:
    """It has learned the end of the turn with the answer, and writes nothing after it."""
    found = taught(tmp_path, job, base_directory, TokenizerSettings())
    assert [one.stopped for one in found] == [True] * 3
    assert [one.text for one in found] == [sentence(n, 2 + n) for n in range(3)]


def test_with_the_papers_padding_it_does_not(tmp_path: Path, job: Callable, base_directory: Path) -> None:
    """The end is padding, and never learned: the answer is known by heart, and followed by whatever comes to mind."""
    legacy = TokenizerSettings(template="human_assistant", legacy_padding=True)
    found = taught(tmp_path, job, base_directory, legacy)
    assert [one.stopped for one in found] == [False] * 3
