# ruff: noqa: F811
"""Conversations and files of prompts: what is heard, said, shown, and gone on with."""

import io
import json
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from arabic_llm_pipeline.cli import cli
from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.evaluation.generation import Generated
from arabic_llm_pipeline.talk import chat, places, screen
from arabic_llm_pipeline.talk.prompts import read_prompts, write_answers
from arabic_llm_pipeline.talk.speaker import DEFAULTS, Speaker, _Pieces, load
from arabic_llm_pipeline.tokens.tokenizer import load_tokenizer
from arabic_llm_pipeline.training import models
from tests.training.conftest import FULL, base, base_directory, tokenizer  # noqa: F401  fixtures

GREEDY = {**DEFAULTS, "temperature": 0.0, "max_new_tokens": 12}
DRAWN = {**DEFAULTS, "temperature": 1.5, "top_p": 1.0, "max_new_tokens": 6}
TINY = {"model": "tiny", "fingerprint": "0"}
MESSAGE = "ذهب الولد إلى المدرسة"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="module")
def loaded(base: dict, tokenizer: Path) -> tuple[Any, Any]:
    model = models.load_candidate(base, None, FULL)
    model.get_input_embeddings().weight.data[[1, 3]] = (
        0  # what ends an answer gets logits of 0: it says something first
    )
    return model, load_tokenizer(tokenizer)


@pytest.fixture
def speaker(loaded: tuple[Any, Any]) -> Speaker:
    return Speaker("tiny", *loaded, GREEDY)


def greedy(model: Any, ids: list[int], stops: list[int], count: int) -> list[int]:
    """By hand: the most probable token each time, without a cache."""
    new: list[int] = []
    for _ in range(count):
        with torch.no_grad():
            token = int(model(torch.tensor([ids + new]), use_cache=False).logits[0, -1].argmax())
        if token in stops:
            break
        new.append(token)
    return new


def test_it_says_what_the_model_says_and_remembers(speaker: Speaker) -> None:
    heard: list[str] = []
    for text in (MESSAGE, "كيف"):
        turns = [*speaker.said, {"role": "user", "content": text}]
        ids = speaker.tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=False)
        wanted = speaker.tokenizer.decode(
            greedy(speaker.model, ids, speaker.renderer.stop_ids, 12), skip_special_tokens=True
        )
        heard.clear()
        assert speaker.answer(text, heard.append) == "".join(heard)
        assert "".join(heard).strip("\ufffd") == wanted.strip("\ufffd")
    assert [said["role"] for said in speaker.said] == ["user", "assistant"] * 2


def test_pieces_are_whole_letters(loaded: tuple[Any, Any]) -> None:
    """Most letters here are two tokens; what ends the turn is not shown."""
    heard: list[str] = []
    text = "سؤال: أين الكتاب؟ ذهب"
    pieces = _Pieces(loaded[1], heard.append, 2)
    pieces.put(torch.tensor([[5, 9]]))  # the prompt
    for token in [*loaded[1](text, add_special_tokens=False)["input_ids"], 3]:
        pieces.put(torch.tensor([token]))
    assert "".join(heard) == pieces.text == text
    assert len(heard) > 9
    assert not any("\ufffd" in piece for piece in heard)


def test_old_turns_go_where_there_is_no_room(speaker: Speaker) -> None:
    speaker.options = {**GREEDY, "max_new_tokens": 180}  # of 256
    for number in range(4):
        speaker.said += [{"role": "user", "content": f"{MESSAGE} {number}"}, {"role": "assistant", "content": MESSAGE}]
    speaker.said.append({"role": "user", "content": "كيف"})
    assert len(speaker._prompt()) <= 76
    assert speaker.said[-1]["content"] == "كيف"
    assert speaker.said[0]["role"] == "user"
    assert 1 < len(speaker.said) < 9
    speaker.reset()
    with pytest.raises(UserError, match="has room for 76"):
        speaker.answer(MESSAGE * 30, lambda _: None)
    assert speaker.said == []


def talk(speakers: list[Speaker], lines: list[str], out: io.StringIO) -> str:
    asked = iter(lines)

    def ask(_: str) -> str:
        try:
            return next(asked)
        except StopIteration:
            raise EOFError from None

    chat.converse(speakers, ask, out)
    return out.getvalue()


def test_commands(speaker: Speaker) -> None:
    said = talk([speaker], ["", "/reset", "/what", MESSAGE, "/system كن مختصرا"], io.StringIO())
    assert "Forgotten." in said
    assert said.count("/reset forgets") == 2
    assert (speaker.said, speaker.system) == ([], "كن مختصرا")
    assert screen.FSI not in said, "no isolates in what is no terminal"
    talk([speaker], [MESSAGE, "/quit", "/reset"], io.StringIO())
    assert len(speaker.said) == 2


def test_two_hear_the_same(speaker: Speaker, loaded: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    other = Speaker("other", *loaded, GREEDY, system="كن مختصرا")
    monkeypatch.setenv("COLUMNS", "90")
    said = talk([speaker, other], [MESSAGE], Terminal())
    assert speaker.said[0] == other.said[0]
    assert screen.GAP in said
    assert said.count(screen.FSI) == said.count(screen.PDI) > 1
    below = talk([speaker, other], [MESSAGE], io.StringIO())
    assert "[tiny]" in below
    assert screen.GAP not in below


def test_ctrl_c_ends_an_answer_and_not_the_conversation(
    speaker: Speaker, loaded: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(Speaker):
        def answer(self, text: str, write: Any) -> str:
            self.said.append({"role": "user", "content": text})
            raise KeyboardInterrupt

    other = Interrupted("other", *loaded, GREEDY)
    monkeypatch.setenv("COLUMNS", "90")
    for out in (Terminal(), io.StringIO()):
        assert "Forgotten." in talk([speaker, other], [MESSAGE, "/reset"], out)
        assert other.said == []
    talk([speaker, other], [MESSAGE], Terminal())
    assert speaker.said == other.said == [], "both heard the same"


@pytest.mark.parametrize("option", ["--batch-size=0", "--temperature=-1", "--top-p=1.5", "--max-new-tokens=0"])
def test_a_number_that_makes_no_sense_is_refused(option: str) -> None:
    done = CliRunner().invoke(cli, ["generate", "prompts.txt", "answers.jsonl", option])
    assert done.exit_code == 2
    assert option.partition("=")[0] in done.output
    assert "is not in the range" in done.output


def test_lines_are_isolated_where_somebody_looks() -> None:
    out = Terminal()
    lines = screen.Lines(out)
    for piece in ("مر", "حبا\nhello", "\n\n", "\x1b[31mنص\u202e\u2069"):
        lines.write(piece)
    lines.close()
    assert out.getvalue() == "\u2068مرحبا\u2069\n\u2068hello\u2069\n\n\u2068[31mنص\u2069"
    plain = io.StringIO()
    screen.Lines(plain).write("مرحبا\n")
    assert plain.getvalue() == "مرحبا\n"


def test_columns_begin_where_their_script_begins() -> None:
    shown = screen.beside("sft\nمرحبا بك", "sft_dpo\nhello", 43).split("\n")
    assert len({sum(unicodedata.category(letter) != "Cf" for letter in row) for row in shown}) == 1
    left, right = shown[1].split(screen.GAP)
    assert left.startswith("  ")
    assert left.endswith("\u2069")
    assert right.startswith("\u2068hello")


def test_a_file_of_prompts(loaded: tuple[Any, Any], tmp_path: Path) -> None:
    """In pieces as in one piece, and as one by one."""
    (tmp_path / "p.txt").write_text("\n".join([MESSAGE, "", "كيف الحال", "الولد", "درس", "كتب"]), encoding="utf-8")
    prompts = read_prompts(tmp_path / "p.txt")
    assert [prompt["id"] for prompt in prompts] == ["1", "3", "4", "5", "6"]
    told: dict[str, Any] = {"about": TINY, "options": DRAWN, "batch_size": 2, "seed": 3}
    write_answers(*loaded, prompts, tmp_path / "whole.jsonl", **told)
    whole = (tmp_path / "whole.jsonl").read_bytes()
    torn = tmp_path / "torn.jsonl"
    torn.write_bytes(whole[: whole.index(b"\n", len(whole) // 2) + 9])  # a batch and a half, and a torn line
    write_answers(*loaded, prompts, torn, **told)
    assert torn.read_bytes() == whole
    write_answers(*loaded, prompts, torn, **told)
    assert torn.read_bytes() == whole
    with pytest.raises(UserError, match="of another model or with other options"):
        write_answers(*loaded, prompts, torn, **{**told, "seed": 4})
    with pytest.raises(UserError, match="of another model or with other options"):  # trained anew, by the same name
        write_answers(*loaded, prompts, torn, **{**told, "about": {**TINY, "fingerprint": "1"}})
    rows = [json.loads(line) for line in whole.splitlines()]
    assert any(row["answer"] for row in rows)
    assert [row["id"] for row in rows] == [prompt["id"] for prompt in prompts]
    write_answers(*loaded, prompts, tmp_path / "greedy.jsonl", **{**told, "options": GREEDY})
    for line, prompt in zip((tmp_path / "greedy.jsonl").read_text("utf-8").splitlines(), prompts, strict=True):
        alone = Speaker("tiny", *loaded, GREEDY)
        said = alone.answer(prompt["messages"][0]["content"], lambda _: None)
        assert json.loads(line)["answer"].strip("\ufffd") == said.strip("\ufffd")


def test_line_separators_belong_to_their_text(
    loaded: tuple[Any, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """U+2028, which JSON need not escape, is met in Arabic from the web, in questions and in answers."""
    path, out = tmp_path / "p.jsonl", tmp_path / "a.jsonl"
    rows = [{"id": str(number), "prompt": f"{MESSAGE}\u2028{number}\x85"} for number in range(3)]
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    prompts = read_prompts(path)
    assert [prompt["messages"][0]["content"] for prompt in prompts] == [row["prompt"] for row in rows]
    asked = []

    def said(_model: Any, _tokenizer: Any, ids: Any, *_: Any, **__: Any) -> list[Generated]:
        asked.append(len(ids))
        return [Generated("نعم\u2028", True)] * len(ids)

    monkeypatch.setattr("arabic_llm_pipeline.talk.prompts.answered", said)
    for _ in range(2):
        write_answers(*loaded, prompts, out, about=TINY, options=GREEDY, batch_size=2, seed=0)
    assert asked == [2, 1], "what was answered is not asked again"


def test_prompts_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    rows = [
        {"prompt": "س", "id": "a"},
        {"messages": [{"role": "system", "content": "ن"}, {"role": "user", "content": "س"}]},
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    assert [(prompt["id"], len(prompt["messages"])) for prompt in read_prompts(path)] == [("a", 1), ("2", 2)]
    path.write_text('{"prompt": "x"}\n{"text": 3}')
    with pytest.raises(UserError, match=r"line 2: KeyError .*prompt \(a text\) or messages"):
        read_prompts(path)
    with pytest.raises(UserError, match="There is no file"):
        read_prompts(tmp_path / "none.txt")


def test_a_prompt_that_is_too_long_is_named(loaded: tuple[Any, Any], tmp_path: Path) -> None:
    long = [{"id": "x9", "messages": [{"role": "user", "content": MESSAGE * 60}]}]
    with pytest.raises(UserError, match=r"Prompt x9 has .* tokens"):
        write_answers(*loaded, long, tmp_path / "a.jsonl", about=TINY, options=GREEDY, batch_size=1, seed=0)


def test_where_a_model_is(base: dict, base_directory: Path, tokenizer: Path) -> None:
    entries = {"base_model": base, "tokenizer": tokenizer, "params:model": {"name": "x", "quantization": "none"}}
    found = places.find("base", entries.__getitem__, entries.__contains__)
    assert (found.adapter, found.tokenizer, found.settings.quantization) == (None, tokenizer, "none")
    with pytest.raises(UserError, match="There is no sft_adapter yet: kedro run --pipelines=sft"):
        places.find("sft", entries.__getitem__, entries.__contains__)
    with pytest.raises(UserError, match=r"is no stage and no directory.*base, .*sft_dpo"):
        places.find("sftdpo", entries.__getitem__, entries.__contains__)
    alone = places.find(str(base_directory), {}.__getitem__, {}.__contains__)
    assert (alone.settings.quantization, alone.pointer["model_type"]) == ("none", "qwen2")
    model, words = load(alone)
    assert model.num_parameters() == base["parameters"]
    assert len(words) == len(load_tokenizer(tokenizer))
    assert np.isfinite(float(model(torch.tensor([[1, 2]])).logits.sum()))


def test_commands_are_light(project: Path) -> None:
    """No torch for the sake of a command that nobody typed."""
    code = (
        "import sys; import arabic_llm_pipeline.cli; import arabic_llm_pipeline.talk.screen; "
        "import arabic_llm_pipeline.talk.chat, arabic_llm_pipeline.talk.places; "
        "print([name for name in ('torch', 'transformers', 'peft') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=project)
    assert done.stdout.strip() == "[]"
