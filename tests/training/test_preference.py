"""The preference methods: against the papers' formulas, against TRL's own text path, and what a training does."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import load_file
from torch.nn.functional import logsigmoid

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.corpus.records import FEEDBACK, message
from arabic_llm_pipeline.parameters.model import AdapterSettings, ModelSettings
from arabic_llm_pipeline.parameters.preference import (
    CpoSettings,
    DpoSettings,
    IpoSettings,
    KtoSettings,
    OrpoSettings,
    SimpoSettings,
)
from arabic_llm_pipeline.parameters.tokenize import TokenizeSettings
from arabic_llm_pipeline.parameters.training import PairSelection
from arabic_llm_pipeline.tokens.prompts import PairStore
from arabic_llm_pipeline.tokens.tokenizer import load_tokenizer
from arabic_llm_pipeline.tokens.writing import write_feedback
from arabic_llm_pipeline.training import finish, models, trainers
from arabic_llm_pipeline.training.costs import OF_THE_MACHINE
from arabic_llm_pipeline.training.job import Job
from arabic_llm_pipeline.training.methods import kto, preference, referenceless
from arabic_llm_pipeline.training.methods import sft as sft_method
from arabic_llm_pipeline.training.preference_batches import FeedbackRows
from arabic_llm_pipeline.training.schedule import Schedule
from tests.training.conftest import FULL, NF4, WINDOW, Answers, sentence, sft, write
from tests.training.kills import killed

LOOP = {"steps": 4, "micro_batch": 4, "save_steps": 2, "learning_rate": 0.005, "warmup": 0.0}
METHODS: dict[str, tuple[Any, Callable[..., None]]] = {
    "dpo": (DpoSettings, preference.train_dpo),
    "ipo": (IpoSettings, preference.train_ipo),
    "kto": (KtoSettings, kto.train),
    "cpo": (CpoSettings, referenceless.train_cpo),
    "simpo": (SimpoSettings, referenceless.train_simpo),
    "orpo": (OrpoSettings, referenceless.train_orpo),
}
AVERAGED = ("simpo", "orpo")
Made = Callable[..., Job]


@pytest.fixture(autouse=True)
def interrupts() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module", params=[FULL, NF4], ids=["fp32", "nf4"])
def model(request: pytest.FixtureRequest) -> ModelSettings:
    return request.param


@pytest.fixture(scope="module")
def before(
    tmp_path_factory: pytest.TempPathFactory, base: dict, tokenizer: Path, document_tokens: Path
) -> Callable[[ModelSettings], Path]:
    """The adapter of an SFT stage, made once for each kind of weights."""
    made: dict[str, Path] = {}

    def make(model: ModelSettings) -> Path:
        if model.quantization not in made:
            told = {"tokenizer": tokenizer, "tokens": document_tokens, "base": base, "model": model, "seed": 5}
            settings = sft(steps=3).model_dump(mode="json")
            workspace = tmp_path_factory.mktemp("sft")
            job = Job(workspace=workspace, settings=settings, lora=AdapterSettings(r=4, alpha=8), **told)
            sft_method.train(job, Answers())
            made[model.quantization] = job.finished / "result"
        return made[model.quantization]

    return make


@pytest.fixture
def of_method(job: Callable, before: Callable, pair_tokens: Path) -> Made:
    """A job of a method after SFT, on pairs."""

    def make(method: str, name: str = "work", model: ModelSettings = FULL, adapter: Any = ..., **more: Any) -> Job:
        settings = METHODS[method][0](**{**LOOP, **more})
        given = before(model) if adapter is ... else adapter
        return job(settings, name, model, adapter=given, tokens=pair_tokens)

    return make


def log(job: Job) -> pl.DataFrame:
    return pl.read_parquet(job.finished / "log.parquet")


def result(job: Job) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((job.finished / "result").iterdir())}


def untimed(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.drop(OF_THE_MACHINE)


def trainer_of(method: str, job: Job, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """The trainer that a method makes, before it trains, and the batch it would begin with."""
    caught: list[Any] = []
    monkeypatch.setattr(finish, "finish_adapter", lambda trainer, *_: caught.append(trainer))
    METHODS[method][1](job, Answers())
    [trainer] = caught
    batch = trainer.data_collator(trainer.train_dataset.rows[:4].tolist())
    batch.pop("tokens")
    return trainer, batch


def moved(trainer: Any) -> None:
    """The adapter as after some training, so that no term of a loss is zero."""
    torch.manual_seed(3)
    with torch.no_grad():
        for part in trainer.model.parameters():
            if part.requires_grad:
                part.add_(0.05 * torch.randn_like(part))


@torch.no_grad()
def log_probabilities(model: Any, ids: torch.Tensor, counted: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Sums over what is counted, and how much that is; row by row, by the whole softmax."""
    sums, lengths = [], []
    for row, mask in zip(ids, counted.bool(), strict=True):
        scores = model(row[None]).logits[0].float().log_softmax(-1)
        places = mask.nonzero()[:, 0]
        sums.append(scores[places - 1, row[places]].sum())
        lengths.append(len(places))
    return torch.stack(sums), torch.tensor(lengths)


def in_pairs(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return values[: len(values) // 2], values[len(values) // 2 :]


def by_hand(method: str, batch: Any, policy: Any, reference: Any, loss_type: str = "", smoothing: float = 0.0) -> float:
    """The papers' losses, with the settings' defaults; `loss_type` and `smoothing` as the settings call them."""
    ids, mask = batch["input_ids"], batch["completion_mask"]
    logs, lengths = log_probabilities(policy, ids, mask)
    refs, _ = log_probabilities(reference, ids, mask)
    if method == "kto":
        return kto_by_hand(batch, logs - refs, policy, reference, loss_type)
    if method == "dpo":
        return dpo_by_hand(loss_type or "sigmoid", logs, refs, lengths, smoothing)
    chosen, rejected = in_pairs(logs)
    counts = in_pairs(lengths)
    mean = chosen / counts[0], rejected / counts[1]
    odds = [value - torch.log1p(-value.exp()) for value in mean]
    likelihood = -chosen.sum() / counts[0].sum()
    per_token = torch.subtract(*in_pairs((logs - refs) / lengths))
    ahead = (0.1 * (chosen - rejected)).sigmoid()  # how likely the labels are the right way round, without a reference
    losses = {
        "ipo": (per_token - 1 / (2 * 0.1)) ** 2,  # Azar et al. 2023, equation 17, per token
        # Xu et al. 2024, equation 3 and its L_NLL; labels that are wrong so often as in cDPO (Mitchell 2023)
        "cpo": likelihood - (1 - smoothing) * ahead.log() - smoothing * (1 - ahead).log(),
        "cpo hinge": likelihood + (1 - 0.1 * (chosen - rejected)).clamp(min=0),  # SLiC-HF (Zhao et al. 2023)
        "simpo": -logsigmoid(2.0 * (mean[0] - mean[1]) - 1.0),  # Meng et al. 2024, equation 6
        "orpo": likelihood - 0.1 * logsigmoid(odds[0] - odds[1]),  # Hong et al. 2024, equations 6 and 7
    }
    return float(losses[f"{method} {loss_type}".strip()].mean())


def kto_by_hand(batch: Any, gains: torch.Tensor, policy: Any, reference: Any, loss_type: str) -> float:
    """Of the log-ratios of answers."""
    if loss_type == "apo_zero_unpaired":  # D'Oosterlinck et al. 2024, equation 7, each answer for itself
        good, bad = gains[batch["label"]], gains[~batch["label"]]
        return float(((1 - (0.1 * good).sigmoid()).sum() + (0.1 * bad).sigmoid().sum()) / len(gains))
    # Ethayarajh et al. 2024, equations 7 and 8; z0 by answers to other prompts
    other = [
        log_probabilities(one, batch["KL_input_ids"], batch["KL_completion_mask"])[0] for one in (policy, reference)
    ]
    z0 = (other[0] - other[1]).mean().clamp(min=0)
    gain = 0.1 * (gains - z0)
    return float((1 - torch.where(batch["label"], gain, -gain).sigmoid()).mean())


def dpo_by_hand(loss_type: str, logs: torch.Tensor, refs: torch.Tensor, lengths: torch.Tensor, e: float) -> float:
    """DPO's loss and its variants, each from its own paper; `e` is how often labels are taken to be wrong."""
    chosen, rejected = in_pairs(0.1 * (logs - refs))  # rewards
    mean = torch.subtract(*in_pairs(0.1 * (logs - refs) / lengths))
    ahead = (chosen - rejected).sigmoid()
    policy, reference = (torch.subtract(*in_pairs(one)).sort().values for one in (logs, refs))
    ordered = (0.1 * (policy - reference)).sigmoid()
    blend = ((chosen - rejected) / 0.05).sigmoid()
    losses = {
        "sigmoid": -ahead.log(),  # Rafailov et al. 2023, equation 7
        "sigmoid_norm": -mean.sigmoid().log(),  # Lambert et al. 2024 (Tulu 3), equation 6: means over tokens
        "hinge": (1 - (chosen - rejected)).clamp(min=0),  # Zhao et al. 2023
        "ipo": (mean / 0.1 - 1 / (2 * 0.1)) ** 2,  # Azar et al. 2023, equation 17, per token
        "robust": ((e - 1) * ahead.log() + e * (1 - ahead).log()) / (1 - 2 * e),  # Chowdhury et al. 2024, equation 12
        # Ji et al. 2024, equation 16: the divergence of (ahead, behind) from (1 - e, e)
        "exo_pair": ahead * (ahead / (1 - e)).log() + (1 - ahead) * ((1 - ahead) / e).log(),
        # Chen et al. 2024, equation 12, for two answers
        "nca_pair": -chosen.sigmoid().log() - ((-chosen).sigmoid().log() + (-rejected).sigmoid().log()) / 2,
        # Wu et al. 2024 (SPPO), equation 4.7 with probabilities 1 and 0; log-ratios, not rewards
        "sppo_hard": (chosen / 0.1 - 1 / 0.2) ** 2 + (rejected / 0.1 + 1 / 0.2) ** 2,
        # Melnyk et al. 2024: margins of model and reference, each put in order
        "aot": (e - 1) * ordered.log() - e * (1 - ordered).log(),
        "apo_zero": 1 - chosen.sigmoid() + rejected.sigmoid(),  # D'Oosterlinck et al. 2024, equation 7
        "apo_down": chosen.sigmoid() + 1 - ahead,  # the same, equation 8
        # Lu et al. 2024, equation 5: between the logistic loss and the exponential
        "discopop": (blend - 1) * ahead.log() + blend * (rejected - chosen).exp(),
    }
    return float(losses[loss_type].mean())


@pytest.mark.parametrize("method", METHODS)
def test_a_loss_is_the_papers(
    method: str, of_method: Made, base: dict, before: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, batch = trainer_of(method, of_method(method), monkeypatch)
    moved(trainer)
    calls: list[Any] = []
    trainer.model.get_output_embeddings().register_forward_hook(lambda *_: calls.append(True))
    with torch.no_grad():
        loss = float(trainer.compute_loss(trainer.model, batch))
    assert not calls, "the output layer was asked for logits of the whole vocabulary"
    reference = models.load_candidate(base, before(FULL), FULL)
    assert loss == pytest.approx(by_hand(method, batch, trainer.model.eval(), reference), rel=1e-5)


def rows_as_text(pair_tokens: Path, tokenizer: Any, places: list[int]) -> list[dict[str, str]]:
    names, split = ("prompt", "chosen", "rejected"), PairStore(pair_tokens).split("train")
    return [dict(zip(names, (tokenizer.decode(part) for part in split.row(place)), strict=True)) for place in places]


@pytest.mark.parametrize("method", ["kto", "cpo", "simpo", "orpo"])
def test_from_the_store_it_is_what_trl_makes_of_the_text(
    method: str, of_method: Made, base: dict, before: Callable, tokenizer: Path, pair_tokens: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Loss and gradients of the first batch: TRL tokenises text and, but for KTO, holds all logits."""
    from datasets import Dataset
    from trl import KTOConfig, KTOTrainer
    from trl.experimental.cpo import CPOConfig, CPOTrainer
    from trl.experimental.orpo import ORPOConfig, ORPOTrainer

    more = {"learn_prompt": True} if method == "orpo" else {}
    trainer, batch = trainer_of(method, of_method(method, **more), monkeypatch)
    rows = trainer.data_collator.__self__.rows
    first = [rows[place] for place in trainer.train_dataset.rows[:4]]
    loaded = load_tokenizer(tokenizer)
    loaded.eos_token = "<|im_end|>"  # what its own answers end in
    if method == "kto":
        texts = rows_as_text(pair_tokens, loaded, [row for row, _, _ in first])
        told = [
            {"prompt": text["prompt"], "completion": text[("", "chosen", "rejected")[part]], "label": label}
            for text, (_, part, label) in zip(texts, first, strict=True)
        ]
    else:
        told = rows_as_text(pair_tokens, loaded, first)
    kinds = {
        "kto": (KTOConfig, KTOTrainer, {}),
        "cpo": (CPOConfig, CPOTrainer, {}),
        "simpo": (CPOConfig, CPOTrainer, {"loss_type": "simpo", "beta": 2.0, "simpo_gamma": 1.0, "cpo_alpha": 0.0}),
        "orpo": (ORPOConfig, ORPOTrainer, {}),
    }
    config, kind, options = kinds[method]
    shared = {"per_device_train_batch_size": 4, "max_length": 512, "report_to": "none", "use_cpu": True, "bf16": False}
    args = config(
        output_dir=str(tmp_path / "trl"), train_sampling_strategy="sequential", gradient_checkpointing=False,
        remove_unused_columns=method == "kto", **shared, **options,
    )  # fmt: skip
    plain = models.with_adapter(models.load_base(base, FULL), before(FULL), base, FULL, trainable=True)
    theirs = kind(plain, args=args, train_dataset=Dataset.from_list(told), processing_class=loaded)
    gradients = []
    for one, given in ((trainer, batch), (theirs, next(iter(theirs.get_train_dataloader())))):
        moved(one)
        loss = one.compute_loss(one.model, given)
        loss.backward()
        parts = {name: part.grad for name, part in one.model.named_parameters() if part.requires_grad}
        gradients.append((loss.item(), parts))
    (ours, our_parts), (trl, trl_parts) = gradients
    assert ours == pytest.approx(trl, abs=1e-6)
    assert our_parts.keys() == trl_parts.keys()
    for name, part in our_parts.items():
        torch.testing.assert_close(part, trl_parts[name], atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("method", [method for method in METHODS if method != "dpo"])  # dpo is in test_methods
def test_it_begins_where_the_stage_before_ended_and_survives_a_kill(
    method: str, of_method: Made, base: dict, before: Callable, pair_tokens: Path, model: ModelSettings
) -> None:
    train = METHODS[method][1]
    whole, again = of_method(method, "whole", model), of_method(method, "again", model)
    train(whole, Answers())
    killed(train, again, 3)
    assert [path.name for path in again.checkpoints.iterdir()] == ["checkpoint-2"]
    train(again, Answers())
    assert result(again) == result(whole)
    assert untimed(log(again)).equals(untimed(log(whole)))

    tuned = models.load_candidate(base, before(model), model)
    first, split = log(whole).row(0, named=True), PairStore(pair_tokens).split("train")
    answers = [(row, part) for row in range(len(split)) for part in (1, 2)] if method == "kto" else range(len(split))
    order = [answers[place] for place in Schedule((len(answers),), 4, 1, whole.seed).order()]
    parts = order if method == "kto" else [(row, part) for part in (1, 2) for row in order]
    found: dict[int, list[float]] = {1: [], 2: []}
    for row, part in parts:
        prompt, answer = (split.row(row)[place].astype(np.int64) for place in (0, part))
        ids = torch.from_numpy(np.concatenate([prompt, answer]))
        total, count = log_probabilities(tuned, ids[None], torch.arange(len(ids))[None] >= len(prompt))
        found[part].append(float(total / count if method in AVERAGED else total))
    assert first["logps/chosen"] == pytest.approx(np.mean(found[1]), abs=1e-4)
    assert first["logps/rejected"] == pytest.approx(np.mean(found[2]), abs=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_it_learns(method: str, of_method: Made) -> None:
    made = of_method(method, steps=14, micro_batch=8, learning_rate=0.02, save_steps=50)
    METHODS[method][1](made, Answers())
    frame = log(made)
    head, tail = frame.head(2), frame.tail(2)
    assert tail["loss"].mean() < 0.95 * head["loss"].mean()
    assert tail["rewards/margins"].mean() > head["rewards/margins"].mean()


SPLIT = {"kto": {}, "cpo": {"nll_weight": 3.0}, "simpo": {"nll_weight": 1.0}, "orpo": {"learn_prompt": True}}


@pytest.mark.parametrize("method", SPLIT)
def test_how_a_step_is_split_changes_the_last_digits_only(
    method: str, of_method: Made, before: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The divergence, and the likelihood of answers of unlike lengths, are those of the whole step."""
    loop, found, options = {**SPLIT[method], "learning_rate": 0.1, "steps": 3}, [], trainers.adapter_options
    monkeypatch.setattr(trainers, "adapter_options", lambda *given: {**options(*given), "optim": "sgd"})
    for micro_batch, accumulation in ((8, 1), (4, 2), (2, 4)):
        made = of_method(method, f"of-{micro_batch}", micro_batch=micro_batch, accumulation=accumulation, **loop)
        METHODS[method][1](made, Answers())
        found.append((load_file(made.finished / "result" / models.WEIGHTS), log(made)))
    began = load_file(before(FULL) / models.WEIGHTS)
    (whole, told), *parts = found
    assert max(float((part - began[name]).abs().max()) for name, part in whole.items()) > 1e-4
    for weights, shown in parts:
        for name, part in whole.items():
            torch.testing.assert_close(weights[name], part, atol=2e-6, rtol=1e-4)
        assert shown["loss"].to_list() == pytest.approx(told["loss"].to_list(), rel=1e-4)
    if method == "kto":
        assert told["kl"].max() > 0


def test_a_reference_computed_before_is_the_same_reference(of_method: Made) -> None:
    plain, pre = of_method("ipo", "plain"), of_method("ipo", "pre", precompute_reference=True)
    again = of_method("ipo", "again", precompute_reference=True)
    train = preference.train_ipo
    train(plain, Answers())
    train(pre, Answers())
    for column in ("loss", "rewards/chosen", "rewards/margins"):
        assert log(pre)[column].to_list() == pytest.approx(log(plain)[column].to_list(), abs=2e-5), column
    killed(train, again, 3)
    train(again, Answers())
    assert result(again) == result(pre)


@pytest.mark.parametrize("method", ["dpo", "kto"])
def test_without_a_stage_before_the_reference_is_the_base(
    method: str, of_method: Made, base: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, batch = trainer_of(method, of_method(method, adapter=None), monkeypatch)
    assert list(trainer.model.peft_config) == ["default"]
    moved(trainer)
    with torch.no_grad():
        loss = float(trainer.compute_loss(trainer.model, batch))
    assert loss == pytest.approx(by_hand(method, batch, trainer.model.eval(), models.load_candidate(base, None, FULL)))
    assert all(part.requires_grad for name, part in trainer.model.named_parameters() if "lora_" in name)


SMOOTHING = {"robust": 0.1, "exo_pair": 0.1, "aot": 0.1}
VARIANTS = [
    *(("dpo", name, SMOOTHING.get(name, 0.0)) for name in get_args(DpoSettings.model_fields["loss_type"].annotation)),
    ("kto", "apo_zero_unpaired", 0.0), ("cpo", "hinge", 0.0), ("cpo", "", 0.2),
]  # fmt: skip


@pytest.mark.parametrize(("method", "loss_type", "smoothing"), VARIANTS)
def test_a_variant_is_its_papers(
    method: str, loss_type: str, smoothing: float, of_method: Made, base: dict, before: Callable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Each loss that can be chosen; another micro-batch than four pairs would not tell aot from its neighbours."""
    asked = {"loss_type": loss_type} if loss_type else {}
    asked |= {"label_smoothing": smoothing} if smoothing else {}
    trainer, batch = trainer_of(method, of_method(method, **asked), monkeypatch)
    moved(trainer)
    with torch.no_grad():
        loss = float(trainer.compute_loss(trainer.model, batch))
    reference = models.load_candidate(base, before(FULL), FULL)
    told = by_hand(method, batch, trainer.model.eval(), reference, loss_type, smoothing)
    assert loss == pytest.approx(told, rel=1e-4)


def test_smoothing_that_would_do_nothing_is_refused() -> None:
    """TRL's sigmoid takes none: who means cDPO would get plain DPO without a word."""
    with pytest.raises(ValueError, match=r"sigmoid has no label_smoothing in TRL.*robust, exo_pair, aot"):
        DpoSettings(label_smoothing=0.1)
    with pytest.raises(ValueError, match="hinge has no label_smoothing"):
        CpoSettings(label_smoothing=0.1, loss_type="hinge")
    assert CpoSettings(label_smoothing=0.1).label_smoothing == 0.1


def test_kto_with_one_answer_at_a_time_is_refused_with_the_reason() -> None:
    with pytest.raises(ValueError, match="with one there is no other"):
        KtoSettings(micro_batch=1)
    assert KtoSettings(micro_batch=1, loss_type="apo_zero_unpaired").micro_batch == 1


@pytest.fixture(scope="module")
def feedback_tokens(tmp_path_factory: pytest.TempPathFactory, tokenizer: Path) -> Path:
    folder = tmp_path_factory.mktemp("feedback")
    rows = [
        {
            "id": f"judged/{n}",
            "source": "judged",
            "prompt": [message("user", sentence(n, 3))],
            "completion": sentence(n, 2 + n % 3),
            "label": n % 4 == 0,
        }
        for n in range(16)
    ]
    shards = write(folder / "shards", FEEDBACK, rows)
    return write_feedback(shards, tokenizer, TokenizeSettings(window=WINDOW, max_prompt=24), folder)


def test_feedback_is_read_as_it_is_and_pairs_are_taken_apart(
    feedback_tokens: Path, pair_tokens: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pairs = FeedbackRows(pair_tokens, KtoSettings(), 400, 0)
    assert (pairs.about()["rows"], pairs.about()["good"]) == (48, 24)
    assert not caplog.records
    batch, split = pairs.collate([0, 3, 4]), PairStore(pair_tokens).split("train")
    assert batch["label"].tolist() == [True, False, True]
    answers = [split.row(0)[1], split.row(1)[2], split.row(2)[1]]
    for row, answer in enumerate(answers):
        other = answers[row - 1]
        assert batch["input_ids"][row][batch["completion_mask"][row].bool()].tolist() == answer.tolist()
        assert batch["KL_input_ids"][row][batch["KL_completion_mask"][row].bool()].tolist() == other.tolist()
    judged = FeedbackRows(feedback_tokens, KtoSettings(feedback="feedback"), 400, 0)
    assert (judged.about()["rows"], judged.about()["good"]) == (16, 4)
    assert "Good answers weigh 0.33 times what bad ones do (4 of 16 are good)" in caplog.text
    assert judged.collate([0, 1])["label"].tolist() == [True, False]
    balanced = KtoSettings(feedback="feedback", desirable_weight=3.0)
    caplog.clear()
    FeedbackRows(feedback_tokens, balanced, 400, 0)
    assert not caplog.records
    with pytest.raises(UserError, match=r"No pairs in .* are chosen to train on"):
        FeedbackRows(pair_tokens, KtoSettings(selection=PairSelection(dialects=())), 400, 0)


@pytest.mark.parametrize("method", ["kto", "orpo"])
def test_all_weights_can_be_trained(method: str, of_method: Made, job: Callable, pair_tokens: Path) -> None:
    settings = METHODS[method][0](**{**LOOP, "steps": 2})
    made = job(settings, "full", FULL, tokens=pair_tokens, lora=AdapterSettings(kind="full"))
    METHODS[method][1](made, Answers())
    assert "model.safetensors" in result(made)
    assert log(made)["loss"].is_finite().all()
