"""Direct Nash optimisation: judges, sampling, pairs, rounds."""

import gc
import os
import shutil
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from transformers import GenerationMixin

from arabic_llm_pipeline.artifacts import digests
from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.common.files import read_json
from arabic_llm_pipeline.corpus.records import PAIRS
from arabic_llm_pipeline.parameters.model import AdapterSettings, ModelSettings
from arabic_llm_pipeline.parameters.preference import DnoSettings, DpoSettings, RewardSettings
from arabic_llm_pipeline.parameters.tokenize import TokenizeSettings
from arabic_llm_pipeline.tokens.prompts import PairStore
from arabic_llm_pipeline.tokens.tokenizer import load_tokenizer
from arabic_llm_pipeline.tokens.writing import write_pairs
from arabic_llm_pipeline.training import judges, models, rewards, rules, sampling
from arabic_llm_pipeline.training.job import Job
from arabic_llm_pipeline.training.memory.check import checked
from arabic_llm_pipeline.training.methods import dno, preference, reward
from arabic_llm_pipeline.training.methods import sft as sft_method
from tests.training.conftest import FULL, NF4, Answers, pair_rows, sft, write
from tests.training.kills import killed
from tests.training.test_methods import log, untimed

LOOP = {"steps": 3, "micro_batch": 4, "save_steps": 2, "learning_rate": 0.005, "warmup": 0.0}
ROUNDS = {**LOOP, "rounds": 2, "prompts": 6, "samples": 2, "max_new_tokens": 6, "margin": 0.05}


@pytest.mark.parametrize(
    ("wanted", "found", "score"),
    [
        ("ab", "ab", 1.0),
        ("ab", "cd", 0.0),
        ("a b", "ab", 1.0),
        # 1-grams: precision 1/2, recall 1: F2 = 5 * 0.5 / (4 * 0.5 + 1) = 5/6; the one wanted has no 2-gram
        ("a", "ab", 5 / 6),
        ("", "ab", 0.0),
    ],
)
def test_overlap_by_hand(wanted: str, found: str, score: float) -> None:
    assert rules.overlap(wanted, found) == pytest.approx(score)


def test_the_best_that_ended_and_the_worst() -> None:
    prompt, end = np.array([7]), 9
    answers = [np.array([1, 2]), np.array([3, 9]), np.array([4, 9])]
    pair = dno.clear(prompt, answers, np.array([0.9, 0.5, 0.1]), end, 0.3)
    assert [part.tolist() for part in pair] == [[7], [3, 9], [4, 9]]  # the first never ended: it cannot win
    assert dno.clear(prompt, answers, np.array([0.9, 0.5, 0.3]), end, 0.3) is None
    assert dno.clear(prompt, answers[:1], np.array([0.9]), end, 0.1) is None


@pytest.fixture
def begun(job: Callable) -> Path:
    return begin(job, FULL)


def begin(job: Callable, model: ModelSettings) -> Path:
    """The adapter of an SFT stage."""
    made = job(sft(steps=3), "before", model)
    sft_method.train(made, Answers())
    return made.finished / "result"


class Stops(Answers):
    """Ends the process's work when the second round has told its second step."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = 0

    def send(self, kind: str, value: Any) -> None:
        super().send(kind, value)
        self.rows += kind == "row"
        if self.rows == 5:
            raise KeyboardInterrupt


def result(job: Job) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((job.finished / "result").iterdir())}


@pytest.mark.parametrize("model", [FULL, NF4], ids=["fp32", "nf4"])
def test_rounds_go_on_from_each_other_and_survive_a_kill(
    job: Callable, pair_tokens: Path, model: ModelSettings
) -> None:
    begun = begin(job, model)
    whole, again = (job(DnoSettings(**ROUNDS), name, model, adapter=begun, tokens=pair_tokens) for name in "ab")
    answers = Answers()
    dno.train(whole, answers)
    assert [value for kind, value in answers.sent if kind == "plan"] == [[0, 6]]
    with pytest.raises(KeyboardInterrupt):
        dno.train(again, Stops())
    assert not again.finished.exists()
    resumed = Answers()
    dno.train(again, resumed)
    assert [value for kind, value in resumed.sent if kind == "plan"] == [[3, 6]]  # the first round is not done again
    assert result(again) == result(whole)
    frame = pl.read_parquet(whole.finished / "log.parquet")
    assert frame["step"].to_list() == [1, 2, 3, 4, 5, 6]
    assert frame["round"].to_list() == [1, 1, 1, 2, 2, 2]
    # each round is against what the model is at its beginning: no reward in its first step
    assert frame["rewards/margins"].gather([0, 3]).to_list() == pytest.approx([0, 0], abs=1e-6)
    assert frame["rewards/margins"][2] != 0
    cost = read_json(whole.finished / "resources.json")
    assert (cost["steps"], cost["seconds"]) == (6, pytest.approx(frame["seconds"].sum()))
    # pairs are answers to the store's prompts, the chosen ones among them, and they end
    pairs, split = dno._read(whole.workspace / "round-1" / dno.PAIRS), PairStore(pair_tokens).split("train")
    prompts = [split.row(row)[0].tolist() for row in range(len(split))]
    ends = {int(split.row(row)[1][-1]) for row in range(len(split))}
    assert pairs
    assert all(prompt.tolist() in prompts and best[-1] in ends for prompt, best, _ in pairs)
    others = dno._read(whole.workspace / "round-2" / dno.PAIRS)
    assert {tuple(pair[0]) for pair in others}.isdisjoint(tuple(pair[0]) for pair in pairs)


def killed_sampling(job: Job, channel: Any, *, part: int) -> None:
    """DNO whose process gets SIGKILL as it begins to answer that part of its prompts, counted from 1."""
    generate, begun = GenerationMixin.generate, []

    def counted(*args: Any, **kwargs: Any) -> Any:
        begun.append(part)
        if len(begun) == part:
            os.kill(os.getpid(), signal.SIGKILL)
        return generate(*args, **kwargs)

    GenerationMixin.generate = counted  # in a process that ends here
    dno.train(job, channel)


def sampled(job: Job) -> list[list[list[int]]]:
    """Pairs of both rounds, token by token."""
    rounds = [dno._read(job.workspace / f"round-{number}" / dno.PAIRS) for number in (1, 2)]
    return [[part.tolist() for part in pair] for pairs in rounds for pair in pairs]


@pytest.mark.parametrize("model", [FULL, NF4], ids=["fp32", "nf4"])
def test_killed_while_it_samples_and_while_it_trains(job: Callable, pair_tokens: Path, model: ModelSettings) -> None:
    """One training that dies three times: in the first round's answers, in the second's, in the second's steps."""
    begun, settings = begin(job, model), DnoSettings(**ROUNDS, sampling_batch=2)  # three parts a round
    whole, again = (job(settings, name, model, adapter=begun, tokens=pair_tokens) for name in ("whole", "again"))
    first, second = (again.workspace / f"round-{number}" for number in (1, 2))
    dno.train(whole, Answers())
    killed(partial(killed_sampling, part=2), again)
    assert not (first / dno.PAIRS).exists()
    killed(partial(killed_sampling, part=5), again)
    assert (first / again.finished.name).is_dir()
    assert not (second / dno.PAIRS).exists()
    killed(dno.train, again, 3)
    assert [path.name for path in (second / again.checkpoints.name).iterdir()] == ["checkpoint-2"]
    resumed = Answers()
    dno.train(again, resumed)
    assert [value for kind, value in resumed.sent if kind == "plan"] == [[5, 6]]
    assert sampled(again) == sampled(whole)
    assert result(again) == result(whole)
    assert untimed(log(again)).equals(untimed(log(whole)))


@pytest.mark.parametrize(
    ("answer", "ended", "score"),
    [
        ("ذهب الولد إلى البيت", True, 1.0),
        ("ذهب الولد إلى البيت", False, 0.0),  # it was cut
        ("ذهب to school", True, 1 / 3),
        ("1947", True, 1.0),  # figures have no language
        ("؟!", True, 0.0),
        ("", True, 0.0),
        # runs of three words: abc bca cab abc bca cab abc: three of seven for the first time
        ("قال نعم ثم قال نعم ثم قال نعم ثم", True, 3 / 7),
    ],
)
def test_the_arabic_rule_by_hand(answer: str, ended: bool, score: float) -> None:
    assert rules.arabic([answer], [ended]) == [pytest.approx(score)]


def asked_of(pair_tokens: Path) -> list[judges.Asked]:
    split = PairStore(pair_tokens).split("train")
    return [(row[0], row[1], row[part]) for row in map(split.row, range(3)) for part in (1, 2)]


def policy_of(base: dict, tokenizer: Path, adapter: Path | None) -> judges.Policy:
    model = models.load_candidate(base, adapter, FULL)
    return judges.Policy(model, base, FULL, tokenizer, on_base=adapter is None or not models.is_whole(adapter))


def kept(directory: Path, name: str, folder: Path) -> Path:
    """As the artifacts have it: a folder for each entry, a directory for each version."""
    return Path(shutil.copytree(directory, folder / name / "default"))


def likelihood(model: Any, prompt: np.ndarray, answer: np.ndarray) -> float:
    """Of an answer, by hand: no padding, no tiles."""
    ids = torch.from_numpy(np.concatenate([prompt, answer]).astype(np.int64))
    places = torch.arange(len(prompt) - 1, len(ids) - 1)
    with torch.no_grad():
        return float(model(ids[None]).logits[0].log_softmax(-1)[places, ids[places + 1]].sum())


@pytest.fixture
def learned(job: Callable, begun: Path, pair_tokens: Path, tmp_path: Path) -> Path:
    """What DPO made of `begun`, which lies beside it."""
    made = job(DpoSettings(**LOOP), "dpo", FULL, adapter=begun, tokens=pair_tokens)
    preference.train_dpo(made, Answers())
    kept(begun, "sft_adapter", tmp_path / "models")
    return kept(made.finished / "result", "sft_dpo_adapter", tmp_path / "models")


def test_an_adapter_judges_against_what_it_was_trained_from(
    learned: Path, begun: Path, pair_tokens: Path, base: dict, tokenizer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DPO's reward is against the stage before; on the policy's base no other base is loaded."""
    asked = asked_of(pair_tokens)
    after, before = (models.load_candidate(base, path, FULL) for path in (learned, begun))
    wanted = [likelihood(after, prompt, answer) - likelihood(before, prompt, answer) for prompt, _, answer in asked]
    policies = [policy_of(base, tokenizer, adapter) for adapter in (None, begun)]

    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("a second base")

    with monkeypatch.context() as patched:
        patched.setattr(models, "load_base", never)
        for policy in policies:
            was = {name: part.detach().clone() for name, part in policy.model.named_parameters()}
            forward = vars(policy.model).get("forward")
            found = judges.judge(str(learned), asked, policy, batch=4)
            assert found == pytest.approx(wanted, abs=1e-4)
            now = dict(policy.model.named_parameters())
            assert now.keys() == was.keys()
            assert all(torch.equal(part, was[name]) for name, part in now.items())
            assert vars(policy.model).get("forward") == forward
    alone = judges.Policy(policies[0].model, base, FULL, tokenizer, on_base=False)
    assert judges.judge(str(learned), asked, alone, batch=4) == pytest.approx(wanted, abs=1e-4)
    with pytest.raises(UserError, match=r"nobody is no judge: no rule \(overlap, arabic\), and no directory"):
        judges.judge("nobody", asked, policies[0], 4)
    shutil.rmtree(learned.parent.parent / "sft_adapter")
    with pytest.raises(UserError, match="was trained from weights that are not beside it any more"):
        judges.judge(str(learned), asked, policies[0], 4)


def test_an_adapter_of_the_base_judges_against_the_base(
    begun: Path, pair_tokens: Path, base: dict, tokenizer: Path
) -> None:
    asked = asked_of(pair_tokens)
    after, before = (models.load_candidate(base, path, FULL) for path in (begun, None))
    wanted = [likelihood(after, prompt, answer) - likelihood(before, prompt, answer) for prompt, _, answer in asked]
    assert judges.trained_from(begun) is None
    assert judges.judge(str(begun), asked, policy_of(base, tokenizer, begun), 4) == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("kind", ["lora", "full"])
def test_a_reward_model_judges(
    kind: str, job: Callable, begun: Path, pair_tokens: Path, base: dict, tokenizer: Path
) -> None:
    """An adapter on the policy's base, or a whole model of its own; and DNO trains on what it says."""
    adapter = begun if kind == "lora" else None
    settings, lora = RewardSettings(**{**LOOP, "steps": 2}), AdapterSettings(kind=kind, r=4, alpha=8)
    made = job(settings, "reward", FULL, adapter=adapter, tokens=pair_tokens, lora=lora)
    reward.train(made, Answers())
    directory, asked = made.finished / "result", asked_of(pair_tokens)
    rows = [np.concatenate([prompt, answer]) for prompt, _, answer in asked]
    wanted = rewards.load_scorer(directory, tokenizer, FULL).rewards(rows, 1)
    found = judges.judge(str(directory), asked, policy_of(base, tokenizer, begun), batch=4)
    assert found == pytest.approx(wanted, abs=1e-5)
    told = {**ROUNDS, "rounds": 1, "steps": 1, "judge": str(directory), "margin": 1e-3}
    played = job(DnoSettings(**told), "dno", FULL, adapter=begun, tokens=pair_tokens)
    dno.train(played, Answers())
    policy = policy_of(base, tokenizer, begun)
    pairs = dno._read(played.workspace / "round-1" / dno.PAIRS)
    for prompt, best, worst in pairs:
        better, worse = judges.judge(str(directory), [(prompt, None, best), (prompt, None, worst)], policy, 2)
        assert better - worse > 1e-3 - 1e-5
    assert pairs
    assert read_json(played.finished / "result" / models.ABOUT)["from"] == models.weights_of(begun)


def test_overlap_wants_a_chosen_answer(pair_tokens: Path, base: dict, tokenizer: Path) -> None:
    asked, policy = asked_of(pair_tokens), policy_of(base, tokenizer, None)
    assert judges.judge("overlap", asked[:1], policy, 1) == [1.0]
    assert judges.judge("arabic", asked[:1], policy, 1) == [1.0]
    with pytest.raises(UserError, match="a prompt alone has none"):
        judges.judge("overlap", [(asked[0][0], None, asked[0][2])], policy, 1)


def test_the_judge_counts_by_what_it_is() -> None:
    """A rule by its name, a directory by what it holds: its files are an input of the step."""
    overlap, arabic, here, there = (
        digests.plain(DnoSettings(judge=judge)) for judge in ("overlap", "arabic", "data/here", "data/there")
    )
    assert overlap != arabic
    assert here == there != arabic


def test_answers_that_are_all_alike_are_told(job: Callable, begun: Path, pair_tokens: Path) -> None:
    made = job(DnoSettings(**{**ROUNDS, "margin": 1.5}), "none", FULL, adapter=begun, tokens=pair_tokens)
    with pytest.raises(UserError, match=r"finds no two answers to any of 6 prompts apart by 1\.5\. Lower dno\.margin"):
        dno.train(made, Answers())


def test_a_round_leaves_nothing_to_the_next(
    job: Callable, begun: Path, pair_tokens: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C ends its sampling, one model is in memory, and all of its time is told."""
    seen, real = [], sampling.sample

    def watched(model: Any, *rest: Any) -> Any:
        kept = sum(type(found) is type(model) for found in gc.get_objects())
        seen.append((signal.getsignal(signal.SIGINT), kept))
        return real(model, *rest)

    monkeypatch.setattr(sampling, "sample", watched)
    made = job(DnoSettings(**{**ROUNDS, "steps": 1}), "two", FULL, adapter=begun, tokens=pair_tokens)
    gc.collect()
    gc.disable()
    try:
        dno.train(checked(made, "methods.dno:train"), Answers())
    finally:
        gc.enable()
    assert [handler for handler, _ in seen] == [signal.default_int_handler] * 2
    assert seen[0][1] == seen[1][1]
    cost = read_json(made.finished / "resources.json")
    assert cost["planned_allocated_mb"] > 0
    assert cost["seconds_sampling_and_judging"] > 0
    assert cost["peak_process_mb"] > 0


def test_answers_that_were_cut_do_not_say_what_ends_one(
    job: Callable, base: dict, tokenizer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class AskedError(Exception): ...

    def sample(_model: Any, _prompts: Any, end: int, *_: Any) -> None:
        raise AskedError(end)

    monkeypatch.setattr(sampling, "sample", sample)
    shards = write(tmp_path / "shards", PAIRS, pair_rows())
    tokens = write_pairs(shards, tokenizer, TokenizeSettings(window=16, max_prompt=12), tmp_path)
    assert PairStore(tokens).split("train").cut.all()
    made, model = job(DnoSettings(**ROUNDS), "cut", FULL, tokens=tokens), models.load_base(base, FULL)
    with pytest.raises(AskedError) as asked:
        dno._pairs(made, DnoSettings(**ROUNDS), 0, model)
    assert load_tokenizer(tokenizer).convert_ids_to_tokens(asked.value.args[0]) == "<|im_end|>"
    model.resize_token_embeddings(64)
    with pytest.raises(UserError, match="they do not belong together"):
        dno._pairs(made, DnoSettings(**ROUNDS), 0, model)


def test_penalties_of_the_base_are_not_sampled_with(base: dict) -> None:
    settings, prompts = DnoSettings(**ROUNDS), [np.array([5, 6, 7]), np.array([8, 9])]
    plain, told = (models.load_base(base, FULL) for _ in range(2))
    told.generation_config.repetition_penalty = 50.0
    found = [sampling.sample(model, prompts, 399, settings, 1) for model in (plain, told)]
    assert [[row.tolist() for row in rows] for rows in found[0]] == [
        [row.tolist() for row in rows] for rows in found[1]
    ]
