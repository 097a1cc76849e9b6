"""Win rates by hand; judges that prefer a place; a judge in a directory against a slow one; an address that answers."""

import json
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.evaluation.judging import judges
from arabic_llm_pipeline.evaluation.judging.judges import Addressed, Duel, read, told
from arabic_llm_pipeline.evaluation.judging.wins import score, wins
from arabic_llm_pipeline.evaluation.results import SCORES
from arabic_llm_pipeline.evaluation.writing.items import ASKED
from arabic_llm_pipeline.parameters.judge import JudgeSettings
from arabic_llm_pipeline.parameters.model import ModelSettings
from tests.evaluation.conftest import said

SETTINGS = JudgeSettings(items=0, resamples=200)


class Longer:
    """Prefers the longer answer, wherever it stands; of the word `silence` it says nothing."""

    name = "longer"

    def verdicts(self, duels: Sequence[Duel]) -> list[float | None]:
        return [
            None if "silence" in (duel.first, duel.second) else float(len(duel.first) > len(duel.second))
            for duel in duels
        ]


class Place:
    """Prefers what it reads first."""

    name = "first"

    def verdicts(self, duels: Sequence[Duel]) -> list[float | None]:
        return [1.0 for _ in duels]


def written(*texts: str) -> pl.DataFrame:
    rows = [
        {"measure": "free_answers", "set": "talk", "id": str(place), "dialect": "EGY" if place % 2 else "MSA"}
        | {"prompt": said(f"سؤال {place}"), "answers": []}
        for place in range(len(texts))
    ]
    return pl.DataFrame(rows, schema=ASKED).with_columns(pl.Series("generated", texts))


def found(scores: pl.DataFrame, metric: str, **more: str) -> float:
    [row] = scores.filter(metric=metric, **({"by": "against", "group": "base"} | more)).to_dicts()
    return row["value"]


def test_win_rate_by_hand() -> None:
    """Longer twice, shorter once, equal once, no verdict once: 2 + 2 halves of 5."""
    mine, other = (
        written("longer", "longer", "x", "same", "silence"),
        written("short", "short", "long", "same ", "word"),
    )
    scores, verdicts = wins("sft", mine, {"base": other}, Longer(), SETTINGS, 0)
    assert scores.schema == SCORES
    assert verdicts["score"].to_list() == [1, 1, 0, 0.5, 0.5]
    assert found(scores, "win_rate") == pytest.approx(3 / 5)
    assert found(scores, "unread") == pytest.approx(1 / 4)  # of those that differ
    assert found(scores, "agrees") == 1
    assert found(scores, "first_wins") == 0.5
    assert found(scores, "win_rate", by="against base: dialect", group="EGY") == pytest.approx(1.5 / 2)
    assert scores["harness"].unique().to_list()[0].endswith("judge: longer")
    back, _ = wins("base", other, {"base": mine}, Longer(), SETTINGS, 0)
    assert found(back, "win_rate") == pytest.approx(2 / 5), "the other side of the same table"


def test_a_judge_that_prefers_a_place_finds_nobody_better() -> None:
    scores, _ = wins("sft", written("a", "bb"), {"base": written("c", "d")}, Place(), SETTINGS, 0)
    assert found(scores, "win_rate") == 0.5
    assert found(scores, "first_wins") == 1
    assert found(scores, "agrees") == 0


@pytest.mark.parametrize(
    ("first", "last", "expected"), [(0.9, 0.6, 1), (0.1, 0.4, 0), (0.9, 0.1, 0.5), (0.5, 0.9, 0.5), (None, 1.0, 0.5)]
)
def test_a_win_needs_both_orders(first: float | None, last: float | None, expected: float) -> None:
    assert score(first, last) == expected


def test_nobody_judges_and_nothing_to_judge() -> None:
    none, verdicts = wins("sft", written("a"), {"base": written("b")}, None, SETTINGS, 0)
    assert (none["value"].to_list(), len(verdicts)) == ([None], 0)
    assert "judge.directory" in none["why"][0]
    empty, _ = wins("sft", written("a"), {"base": pl.DataFrame()}, Longer(), SETTINGS, 0)
    assert "no free answer" in empty["why"][0]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("أ", 1), ("ب.", 0), ("الجواب ب", 0), ("A", 1), ("**B**", 0), ("أ أفضل من ب", 1), ("لا أدري", None), ("", None),
     ("ليس أ بل ب", None)],
)  # fmt: skip
def test_verdicts_are_read(answer: str, expected: float | None) -> None:
    assert read(answer) == expected


def test_what_the_judge_is_asked_holds_all_three_and_fills_no_place_twice() -> None:
    duel = Duel(said("ما {first}؟"), "واحد {second}", "اثنان")
    assert told(duel, "{question}|{first}|{second}") == "ما {first}؟|واحد {second}|اثنان"


def test_a_judge_in_a_directory_is_the_slow_one(
    model: Any, tokenizer: Any, tokenizer_dir: Path, tmp_path: Path
) -> None:
    """By transformers alone, without batches or padding: log-probability of each letter and the end of the turn."""
    import torch

    folder = tmp_path / "judge"
    model.save_pretrained(folder)
    for path in tokenizer_dir.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    settings = JudgeSettings(directory=str(folder), template="{question} {first} {second}؟")
    held = ModelSettings(compute_dtype="float32")
    mine = judges.judge(settings, held, {}, tokenizer_dir)
    duels = [Duel(said("كم؟"), "ثم", "نعم"), Duel(said("ما عاصمة مصر؟"), "القاهرة", "دمشق أو تونس")]
    expected = []
    for duel in duels:
        asked = said(f"{duel.prompt[0]['content']} {duel.first} {duel.second}؟")
        begun = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_dict=False)
        logs = []
        for letter in ("أ", "ب"):
            whole = tokenizer.apply_chat_template([*asked, {"role": "assistant", "content": letter}], return_dict=False)
            ids = torch.tensor([whole])
            with torch.no_grad():
                found_logs = torch.log_softmax(model(ids).logits[0, :-1], -1).gather(1, ids[0, 1:, None])[:, 0]
            end = len(begun) - 1 + len(tokenizer(letter)["input_ids"]) + 1  # the letter and the end of its turn
            logs.append(float(found_logs[len(begun) - 1 : end].sum()))
        expected.append(1 / (1 + torch.tensor(logs[1] - logs[0]).exp().item()))
    assert mine is not None
    assert mine.verdicts(duels) == pytest.approx(expected, rel=1e-3)


def test_a_directory_without_a_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no model"):
        judges.judge(JudgeSettings(directory=str(tmp_path)), ModelSettings(), {}, tmp_path)


class Server(BaseHTTPRequestHandler):
    """Answers as OpenAI's interface: what `replies` has, in turn; keeps what it was asked."""

    replies: list[tuple[int, Any]]
    asked: list[tuple[str, dict[str, Any], str | None]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.path, body, self.headers["Authorization"]))
        status, reply = self.replies.pop(0)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(reply if isinstance(reply, bytes) else json.dumps(reply).encode())

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    Server.replies, Server.asked = [], []
    with HTTPServer(("127.0.0.1", 0), Server) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield found
        found.shutdown()


def says(text: str) -> tuple[int, Any]:
    return 200, {"choices": [{"message": {"content": text}}]}


def test_an_address_is_asked_and_its_answer_read(server: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arabic_llm_pipeline.evaluation.judging.address.PAUSE_S", 0.01)
    monkeypatch.setenv("JUDGE_API_KEY", "secret")
    settings = JudgeSettings(address=f"http://127.0.0.1:{server.server_port}/v1/", name="large", retries=1)
    Server.replies += [
        (503, b"busy"),
        says("أ"),
        says("لا أدري"),
        (401, b"no"),
        (200, b"<html>"),
        (500, b""),
        (500, b""),
    ]
    judge = Addressed(settings)
    assert judge.verdicts([Duel(said("س"), "نعم", "لا"), Duel(said("س"), "نعم", "لا")]) == [1.0, None]
    path, body, key = Server.asked[0]
    assert (path, body["model"], body["temperature"], key) == ("/v1/chat/completions", "large", 0, "Bearer secret")
    assert "الجواب أ:\nنعم" in body["messages"][0]["content"]
    for told_so in ("refuses with 401.*JUDGE_API_KEY", "not as OpenAI's", "refuses with 500"):
        with pytest.raises(UserError, match=told_so) as problem:
            judge.verdicts([Duel(said("س"), "نعم", "لا")])
        assert "secret" not in str(problem.value)


def test_an_address_where_nobody_answers() -> None:
    settings = JudgeSettings(address="http://127.0.0.1:9", name="x", retries=0)
    with pytest.raises(UserError, match="cannot be reached"):
        Addressed(settings).verdicts([Duel(said("س"), "نعم", "لا")])


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"directory": "a", "address": "http://x", "name": "y"}, "one of them judges"),
        ({"address": "http://x"}, "judge.name"),
        ({"address": "file:///etc/passwd", "name": "y"}, "no address of the web"),
        ({"template": "{question} {first}"}, "{second}"),
    ],
)
def test_settings_that_name_no_judge_are_refused(given: dict[str, str], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        JudgeSettings(**given)
