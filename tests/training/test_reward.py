"""Reward models: the loss by hand and against TRL's text path, a training, what it leaves, and who reads it."""

import json
import math
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.files import read_json
from arabic_llm_pipeline.corpus.records import PAIRS
from arabic_llm_pipeline.parameters.model import AdapterSettings, ModelSettings
from arabic_llm_pipeline.parameters.preference import RewardSettings
from arabic_llm_pipeline.parameters.tokenize import TokenizeSettings
from arabic_llm_pipeline.tokens.prompts import PairStore
from arabic_llm_pipeline.tokens.tokenizer import load_tokenizer
from arabic_llm_pipeline.tokens.writing import write_pairs
from arabic_llm_pipeline.training import finish, models, rewards
from arabic_llm_pipeline.training.costs import OF_THE_MACHINE
from arabic_llm_pipeline.training.job import Job
from arabic_llm_pipeline.training.methods import reward
from arabic_llm_pipeline.training.methods import sft as sft_method
from arabic_llm_pipeline.training.preference_batches import RewardRows
from tests.training.conftest import FULL, NF4, WINDOW, Answers, pair_rows, sft, write
from tests.training.kills import killed

LOOP = {"steps": 6, "micro_batch": 4, "save_steps": 2, "learning_rate": 0.005, "warmup": 0.0}
Made = Callable[..., Job]


@pytest.fixture(autouse=True)
def interrupts() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def made(job: Callable, pair_tokens: Path) -> Made:
    """A job of the method, on pairs."""

    def make(name: str = "work", model: ModelSettings = FULL, job_: Callable = job, **more: Any) -> Job:
        given = {key: more.pop(key) for key in ("adapter", "lora", "tokens", "base") if key in more}
        return job_(RewardSettings(**{**LOOP, **more}), name, model, **{"tokens": pair_tokens, **given})

    return make


@pytest.fixture
def before(job: Callable) -> Callable[..., Path]:
    """A stage of SFT, so that there is an adapter to go on from."""

    def make(model: ModelSettings = FULL, **more: Any) -> Path:
        ready = job(sft(steps=2), "before", model, **more)
        sft_method.train(ready, Answers())
        return ready.finished / "result"

    return make


@pytest.fixture(scope="module")
def margin_tokens(tmp_path_factory: pytest.TempPathFactory, tokenizer: Path) -> Path:
    """Pairs of which every other one says by how much its chosen answer is better."""
    folder = tmp_path_factory.mktemp("margins")
    rows = [{**row, "margin": 1.0 + n if n % 2 else None} for n, row in enumerate(pair_rows()[:8])]
    shards = write(folder / "shards", PAIRS, rows)
    return write_pairs(shards, tokenizer, TokenizeSettings(window=WINDOW, max_prompt=24), folder)


def log(job: Job) -> pl.DataFrame:
    return pl.read_parquet(job.finished / "log.parquet")


def result(job: Job) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((job.finished / "result").iterdir())}


def trainer_of(job: Job, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """The trainer before it trains, and the batch it would begin with."""
    caught: list[Any] = []
    monkeypatch.setattr(finish, "finish_adapter", lambda trainer, *_: caught.append(trainer))
    reward.train(job, Answers())
    [trainer] = caught
    batch = trainer.data_collator(trainer.train_dataset.rows[:4].tolist())
    batch.pop("tokens")
    return trainer, batch


def moved(trainer: Any) -> None:
    torch.manual_seed(3)
    with torch.no_grad():
        for part in trainer.model.parameters():
            if part.requires_grad:
                part.add_(0.05 * torch.randn_like(part))


def plain(directory: Path, base: Path, tokenizer: Path) -> Any:
    """As a user of PEFT and transformers would load it, without a line of ours."""
    from peft import PeftModel
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=1, dtype=torch.float32)
    model.config.pad_token_id = load_tokenizer(tokenizer).pad_token_id
    return PeftModel.from_pretrained(model, directory).eval()


def by_hand(model: Any, rows: list[np.ndarray]) -> list[float]:
    """Row by row, so that nothing is padded."""
    with torch.no_grad():
        return [float(model(torch.from_numpy(row.astype(np.int64))[None]).logits[0, 0]) for row in rows]


def whole_rows(split: Any, places: list[int]) -> list[np.ndarray]:
    return [np.concatenate([split.row(place)[0], split.row(place)[part]]) for part in (1, 2) for place in places]


@pytest.mark.parametrize(("margin", "center"), [(0.0, 0.0), (0.5, 0.0), (0.0, 0.1), (2.0, 0.01)])
def test_the_loss_is_the_formula(
    margin: float, center: float, made: Made, margin_tokens: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = made(margin=margin, center_rewards_coefficient=center, tokens=margin_tokens)
    trainer, batch = trainer_of(job, monkeypatch)
    moved(trainer)
    with torch.no_grad():
        loss = float(trainer.compute_loss(trainer.model, dict(batch)))
    split, rows = PairStore(margin_tokens).split("train"), trainer.data_collator.__self__.rows
    places = [rows[place] for place in trainer.train_dataset.rows[:4]]
    found = by_hand(trainer.model.eval(), whole_rows(split, places))
    expected = []
    for chosen, rejected, place in zip(found[:4], found[4:], places, strict=True):
        own = float(split.margins[place])
        apart = chosen - rejected - (0.0 if math.isnan(own) else margin * own)
        expected.append(math.log1p(math.exp(-apart)) + center * (chosen + rejected) ** 2)
    assert loss == pytest.approx(np.mean(expected), rel=1e-5)
    assert {math.isnan(float(value)) for value in split.margins[places]} == {True, False}


@pytest.mark.parametrize("center", [0.0, 0.05])
def test_from_the_store_it_is_what_trl_makes_of_the_text(
    center: float, made: Made, before: Callable, base_directory: Path, tokenizer: Path, pair_tokens: Path,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Loss and gradients of the first batch; TRL is given the text and tokenises it itself."""
    from datasets import Dataset
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForSequenceClassification
    from trl import RewardConfig
    from trl import RewardTrainer as Theirs

    trainer, batch = trainer_of(made(center_rewards_coefficient=center), monkeypatch)
    split, loaded = PairStore(pair_tokens).split("train"), load_tokenizer(tokenizer)
    loaded.eos_token = "<|im_end|>"  # what its own answers end in
    rows = trainer.data_collator.__self__.rows
    texts = [
        dict(zip(("prompt", "chosen", "rejected"), map(loaded.decode, split.row(rows[place])), strict=True))
        for place in trainer.train_dataset.rows[:4]
    ]
    args = RewardConfig(
        output_dir=str(tmp_path / "trl"), per_device_train_batch_size=4, report_to="none", use_cpu=True, bf16=False,
        train_sampling_strategy="sequential", gradient_checkpointing=False,
        center_rewards_coefficient=center or None,
    )  # fmt: skip
    model = AutoModelForSequenceClassification.from_pretrained(base_directory, num_labels=1, dtype=torch.float32)
    own: Any = trainer.model.peft_config["default"]
    shape = LoraConfig(r=4, lora_alpha=8, target_modules=sorted(own.target_modules), task_type="SEQ_CLS")
    theirs = Theirs(get_peft_model(model, shape), args, None, Dataset.from_list(texts), processing_class=loaded)
    theirs.model.load_state_dict(trainer.model.state_dict())
    gradients = []
    for one, given in ((trainer, batch), (theirs, next(iter(theirs.get_train_dataloader())))):
        moved(one)
        loss = one.compute_loss(one.model, given)
        loss.backward()
        gradients.append((loss.item(), {n: p.grad for n, p in one.model.named_parameters() if p.requires_grad}))
    (ours, our_parts), (trl, trl_parts) = gradients
    assert ours == pytest.approx(trl, abs=1e-6)
    assert our_parts.keys() == trl_parts.keys()
    for name, part in our_parts.items():
        torch.testing.assert_close(part, trl_parts[name], atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("model", [FULL, NF4], ids=["fp32", "nf4"])
def test_a_stage_before_is_what_it_starts_from(
    model: ModelSettings, made: Made, before: Callable, base: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hidden states are those of the stage before, to the bit; only the head is new, and it is the seed's."""
    adapter = before(model)
    trainer, batch = trainer_of(made(model=model, adapter=adapter), monkeypatch)
    policy: Any = models.load_candidate(base, adapter, model)
    given = {name: batch[name] for name in ("input_ids", "attention_mask")}
    with torch.no_grad():
        states = [
            one.get_base_model().base_model(**given, use_cache=False).last_hidden_state
            for one in (trainer.model.eval(), policy)
        ]
    assert torch.equal(*states)
    assert {part.dtype for part in trainer.model.parameters() if part.requires_grad} == {torch.float32}
    trained = {name for name, part in trainer.model.named_parameters() if part.requires_grad}
    assert any(name.endswith("score.modules_to_save.default.weight") for name in trained)
    assert any("lora_A" in name for name in trained)


@pytest.mark.parametrize("model", [FULL, NF4], ids=["fp32", "nf4"])
def test_killed_and_run_again_it_ends_alike(model: ModelSettings, made: Made, before: Callable) -> None:
    adapter = before(model)
    whole, again = (made(name, model, adapter=adapter) for name in ("whole", "again"))
    reward.train(whole, Answers())
    killed(reward.train, again, 5)
    answers = Answers()
    reward.train(again, answers)
    assert answers.sent[0] == ("plan", [4, 6])
    assert result(again) == result(whole)
    assert log(again).drop(OF_THE_MACHINE).equals(log(whole).drop(OF_THE_MACHINE))


def test_it_learns_and_others_read_it(
    made: Made, before: Callable, base: dict, base_directory: Path, tokenizer: Path, pair_tokens: Path
) -> None:
    """What is left has no code of ours in it: plain PEFT gives the very rewards that our two ways of asking give."""
    adapter = before()
    job = made(adapter=adapter, steps=20, micro_batch=8, learning_rate=0.01)
    answers = Answers()
    reward.train(job, answers)
    frame = log(job)
    assert {"rewards/accuracies", "rewards/margins", "mean_reward"} <= set(frame.columns)
    assert frame["loss"].tail(3).mean() < 0.5 * frame["loss"].head(3).mean()
    assert frame["rewards/accuracies"].tail(3).mean() == 1.0
    [shown] = [value for kind, value in answers.sent if kind == "rows"]
    assert len(shown) == 4
    directory = job.finished / "result"
    assert set(result(job)) == {"adapter_config.json", "adapter_model.safetensors", "training.json"}
    split = PairStore(pair_tokens).split("train")
    rows = whole_rows(split, [0, 1, 5])
    wanted = by_hand(plain(directory, base_directory, tokenizer), rows)
    alone = rewards.load_scorer(directory, tokenizer, FULL)
    assert alone.rewards(rows, 4).tolist() == pytest.approx(wanted, abs=1e-5)
    policy: Any = models.load_candidate(base, adapter, FULL)
    before_it = policy(torch.from_numpy(rows[0].astype(np.int64))[None]).logits
    states = {name: part.clone() for name, part in policy.named_parameters()}
    with rewards.lent_scorer(policy, directory, tokenizer) as lent:
        assert lent.rewards(rows, 2).tolist() == pytest.approx(wanted, abs=1e-5)
    assert torch.equal(policy(torch.from_numpy(rows[0].astype(np.int64))[None]).logits, before_it)
    assert {name: part.shape for name, part in policy.named_parameters()} == {n: p.shape for n, p in states.items()}
    bare: Any = models.load_candidate(base, None, FULL)
    with rewards.lent_scorer(bare, directory, tokenizer) as lent:
        assert lent.rewards(rows, 2).tolist() == pytest.approx(wanted, abs=1e-5)
    assert not [name for name, _ in bare.named_parameters() if "lora" in name]
    about = read_json(directory / "training.json")
    assert about["from"] == models.weights_of(adapter)
    assert about["reward"]["base"]["files"] == base["files"]


@pytest.mark.parametrize("kind", ["dora", "adalora", "full"])
def test_every_kind_of_adapter(kind: str, made: Made, base_directory: Path, tokenizer: Path, pair_tokens: Path) -> None:
    job = made(lora=AdapterSettings(kind=kind, r=2, alpha=4), steps=3)
    reward.train(job, Answers())
    directory, rows = job.finished / "result", whole_rows(PairStore(pair_tokens).split("train"), [0, 2])
    assert models.is_reward(directory)
    if kind == "full":
        from transformers import AutoModelForSequenceClassification

        theirs = AutoModelForSequenceClassification.from_pretrained(directory).eval()
    else:
        theirs = plain(directory, base_directory, tokenizer)
    assert rewards.load_scorer(directory, tokenizer, FULL).rewards(rows, 3).tolist() == pytest.approx(
        by_hand(theirs, rows), abs=1e-5
    )


def test_a_reward_that_is_no_number_is_refused() -> None:
    def body(input_ids: torch.Tensor, **_: Any) -> SimpleNamespace:
        states = input_ids[..., None].float()
        return SimpleNamespace(last_hidden_state=torch.where(states == 7, torch.nan, states))

    scorer = rewards.Scorer(body, torch.ones(1, 1), 0)
    assert scorer.rewards([np.array([1, 2]), np.array([3])], 2).tolist() == [2, 3]
    with pytest.raises(UserError, match=r"no number for 1 of 2 answers \(nan for number 2, of 1 tokens\)"):
        scorer.rewards([np.array([1, 2]), np.array([7])], 1)


def test_it_is_asked_for_no_answers(made: Made, base: dict, job: Callable, tokenizer: Path, tmp_path: Path) -> None:
    trained = made(steps=1)
    reward.train(trained, Answers())
    directory = trained.finished / "result"
    with pytest.raises(UserError, match=r"holds a reward model: it gives answers scores and writes none"):
        models.load_candidate(base, directory, FULL)
    with pytest.raises(UserError, match="holds a reward model"):
        sft_method.train(job(sft(steps=1), "after", adapter=directory), Answers())
    with pytest.raises(UserError, match="holds a reward model"):
        reward.train(made("again", adapter=directory), Answers())
    other = tmp_path / "other"
    other.mkdir()
    for path in tokenizer.iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    (other / "chat_template.jinja").write_text("{{ messages }}", encoding="utf-8")
    rewards.check_tokens(directory, tokenizer)
    with pytest.raises(UserError, match="was trained with another template than the model whose answers"):
        rewards.check_tokens(directory, other)


def test_margins_that_are_not_there_are_told(pair_tokens: Path, margin_tokens: Path) -> None:
    with pytest.raises(UserError, match=r"reward\.margin=1\.0, but none of the chosen pairs"):
        RewardRows(pair_tokens, RewardSettings(margin=1.0), 400, 0, 1)
    rows = RewardRows(margin_tokens, RewardSettings(margin=0.5), 400, 0, 1)
    assert rows.about()["with_margin"] == 4
    assert rows.collate([0, 1, 2])["margin"].tolist() == [0.0, 1.0, 0.0]
    assert json.dumps(rows.about())
