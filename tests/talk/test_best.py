# ruff: noqa: F811
"""The best of several answers: drawn, judged, chosen, written down, and gone on with."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from arabic_llm_pipeline.cli import cli
from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.evaluation import generation
from arabic_llm_pipeline.parameters.preference import RewardSettings
from arabic_llm_pipeline.talk import best, places
from arabic_llm_pipeline.talk.best import BestOf, best_of
from arabic_llm_pipeline.talk.prompts import write_answers
from arabic_llm_pipeline.talk.speaker import DEFAULTS, Place, files_fingerprint, fingerprint, load
from arabic_llm_pipeline.tokens.chat import Renderer
from arabic_llm_pipeline.training import models, rewards
from arabic_llm_pipeline.training.methods import reward
from tests.training.conftest import (  # noqa: F401  fixtures
    FULL,
    NF4,
    Answers,
    base,
    base_directory,
    document_tokens,
    job,
    pair_tokens,
    tokenizer,
)

DRAWN = {**DEFAULTS, "temperature": 1.5, "top_p": 1.0, "max_new_tokens": 5}
ASKED = ["ذهب الولد إلى المدرسة", "كيف", "كتب درسا في دفتر"]
PROMPTS = [{"id": str(place), "messages": [{"role": "user", "content": text}]} for place, text in enumerate(ASKED)]


@pytest.fixture
def place(base: dict, tokenizer: Path) -> Place:
    return Place("base", base, None, tokenizer, FULL)


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


def test_the_best_by_a_reward_model(
    job: Callable, pair_tokens: Path, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scores are those of the reward model, loaded by itself, for the tokens drawn; a run in pieces is alike."""
    drawn, real = [], generation.written

    def watched(*given: Any, **more: Any) -> list[np.ndarray]:
        drawn.append(real(*given, **more))
        return drawn[-1]

    monkeypatch.setattr(best, "written", watched)
    settings = RewardSettings(steps=2, micro_batch=4, learning_rate=0.01, save_steps=50)
    made = job(settings, "reward", FULL, tokens=pair_tokens)
    reward.train(made, Answers())
    directory = made.finished / "result"
    model, words = load(place)
    told = {
        "about": {"model": "base"}, "options": DRAWN, "batch_size": 2, "seed": 1,
        "best": best_of(4, str(directory), place, model, 2),
    }  # fmt: skip
    write_answers(model, words, PROMPTS, tmp_path / "a.jsonl", **told)
    answers = [*zip(*drawn[:4], strict=True), *zip(*drawn[4:], strict=True)]  # of two prompts, then of one; four each
    whole = (tmp_path / "a.jsonl").read_bytes()
    (tmp_path / "b.jsonl").write_bytes(whole[: whole.index(b"\n", whole.index(b"\n") + 1) + 5])
    write_answers(model, words, PROMPTS, tmp_path / "b.jsonl", **told)
    assert (tmp_path / "b.jsonl").read_bytes() == whole
    renderer, scorer = Renderer(words), rewards.load_scorer(directory, place.tokenizer, FULL)
    prompts = renderer.prompts([one["messages"] for one in PROMPTS])
    for row, prompt, made_of in zip(rows_of(tmp_path / "a.jsonl"), prompts, answers, strict=True):
        ended = [bool(ids[-1] in renderer.stop_ids) for ids in made_of]
        read = [np.append(ids[:-1], renderer.turn_end) if end else ids for ids, end in zip(made_of, ended, strict=True)]
        wanted = scorer.rewards([np.concatenate([prompt, ids]) for ids in read], 1)
        assert row["scores"] == pytest.approx(wanted.tolist(), abs=1e-4)
        assert len(set(row["scores"])) > 1
        among = [place for place, end in enumerate(ended) if end] or range(4)
        chosen = max(among, key=lambda place: row["scores"][place])
        assert (row["score"], row["stopped"]) == (row["scores"][chosen], ended[chosen])
        assert row["answer"] == words.decode(made_of[chosen], skip_special_tokens=True)
    assert not [name for name, _ in model.named_parameters() if "lora" in name]


class Script:
    """Draws what is written here, round by round."""

    def __init__(self, *rounds: list[list[int]]):
        self.rounds = iter(rounds)

    def __call__(self, *_: Any, **__: Any) -> list[np.ndarray]:
        return [np.array(ids) for ids in next(self.rounds)]


def test_the_choice_by_hand(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was cut does not win over one that ended; of equals the first; the judge reads what ends a turn."""
    model, words = load(place)
    end, other = Renderer(words).stop_ids[0], Renderer(words).stop_ids[-1]
    one, two = ([[7, end], [5, 6]], [[8, 9], [5, 7]])
    monkeypatch.setattr("arabic_llm_pipeline.talk.best.written", Script(one, two, [[7, 8, other], [5, 6]]))
    asked: list[Any] = []

    def judge(given: Any) -> np.ndarray:
        asked.extend(given)
        return np.array([0.1, 0.9, 0.1, 0.2, 0.5, 0.5])

    chosen = BestOf(3, judge).answers(model, words, [np.array([1]), np.array([2])], max_new_tokens=2, sampling={})
    assert [(one.answer.stopped, one.score) for one in chosen] == [(True, 0.1), (False, 0.5)]
    assert chosen[0].answer.text == words.decode([7])
    assert chosen[1].answer.text == words.decode([5, 7])
    assert chosen[0].scores == [0.1, 0.9, 0.1]
    turn_end = Renderer(words).turn_end
    assert [answer.tolist() for _, _, answer in asked[:3]] == [[7, turn_end], [8, 9], [7, 8, turn_end]]


def test_rules_and_judges_that_are_none(place: Place, tmp_path: Path) -> None:
    model, words = load(place)
    written = best_of(3, "arabic", place, model, 2)
    write_answers(
        model, words, PROMPTS[:1], tmp_path / "a.jsonl", about={}, options=DRAWN, batch_size=1, seed=0, best=written
    )
    assert 0 <= rows_of(tmp_path / "a.jsonl")[0]["score"] <= 1
    with pytest.raises(UserError, match="compares with an answer that is known"):
        best_of(3, "overlap", place, model, 2)
    with pytest.raises(UserError, match="nobody is no judge"):
        best_of(3, "nobody", place, model, 2)
    assert places.find_judge("arabic", {}.__getitem__, {}.__contains__) == "arabic"
    entries = {"sft_reward_adapter": tmp_path}
    assert places.find_judge("sft_reward", entries.__getitem__, entries.__contains__) == str(tmp_path)
    with pytest.raises(UserError, match="There is no reward_adapter yet: kedro run --pipelines=reward"):
        places.find_judge("reward", entries.__getitem__, entries.__contains__)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--best-of=4"], "go together"),
        (["--judge=arabic"], "go together"),
        (["--best-of=4", "--judge=arabic", "--temperature=0"], "nothing to choose from"),
    ],
)
def test_choices_that_are_none_are_refused(options: list[str], told: str) -> None:
    done = CliRunner().invoke(cli, ["generate", "prompts.txt", "answers.jsonl", *options])
    assert done.exit_code == 2
    assert told in " ".join(done.output.split())


def test_a_model_is_told_by_what_it_is(place: Place, base_directory: Path, tmp_path: Path) -> None:
    """Another place is the same model; other weights, or weights held otherwise, are not."""
    copied = shutil.copytree(base_directory, tmp_path / "copy")
    there = Place("there", models.resolve_base(FULL, copied), None, place.tokenizer, FULL)
    assert fingerprint(place) == fingerprint(there)
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_model.safetensors").write_bytes(b"1")
    one = Place("base", place.pointer, adapter, place.tokenizer, FULL)
    first, judge = fingerprint(one), files_fingerprint(adapter)
    (adapter / "adapter_model.safetensors").write_bytes(b"2")
    held = Place("base", place.pointer, None, place.tokenizer, NF4)
    assert len({fingerprint(place), first, fingerprint(one), fingerprint(held)}) == 4
    assert files_fingerprint(adapter) != judge
