"""A conversation in the terminal, with one model or with two side by side."""

import shutil
from collections.abc import Callable, Sequence
from typing import TextIO

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.talk.screen import LEAST_WIDTH, Lines, beside
from arabic_llm_pipeline.talk.speaker import Speaker

HELP = (
    "/reset forgets what was said, /system TEXT says how it is to behave (without a text: nothing does), /quit or "
    "Ctrl-D ends."
)
PROMPT = "> "


def converse(speakers: Sequence[Speaker], ask: Callable[[str], str], out: TextIO) -> None:
    """Talk until the input ends.

    Args:
        speakers: one model or two; both hear the same.
        ask: gives a line that is typed, after a prompt; EOFError ends the conversation.
        out: where answers go.
    """
    print(f"{' and '.join(one.name for one in speakers)}. {HELP}", file=out)
    while True:
        try:
            text = ask(PROMPT).strip()
        except (EOFError, KeyboardInterrupt):
            print(file=out)
            return
        if text in {"/quit", "/exit"}:
            return
        if text.startswith("/"):
            print(_command(speakers, text), file=out)
        elif text:
            _answer(speakers, text, out)


def _command(speakers: Sequence[Speaker], text: str) -> str:
    word, _, rest = text.partition(" ")
    if word == "/reset":
        for one in speakers:
            one.reset()
        return "Forgotten."
    if word == "/system":
        for one in speakers:
            one.system = rest.strip()
            one.reset()
        return "It is told so from now on; what was said is forgotten."
    return HELP


def _answer(speakers: Sequence[Speaker], text: str, out: TextIO) -> None:
    width = shutil.get_terminal_size().columns
    try:
        if len(speakers) > 1 and out.isatty() and width >= LEAST_WIDTH:
            _beside(speakers, text, out, width)
            return
        for one in speakers:
            if len(speakers) > 1:
                print(f"[{one.name}]", file=out)
            _stream(one, text, out)
    except UserError as error:
        print(error, file=out)


def _beside(speakers: Sequence[Speaker], text: str, out: TextIO, width: int) -> None:
    before = [list(one.said) for one in speakers]
    try:
        said = [f"{one.name}\n{one.answer(text, lambda _: None)}" for one in speakers]
    except KeyboardInterrupt:  # enough of it: both forget the question
        for one, known in zip(speakers, before, strict=True):
            one.said[:] = known
        print(file=out)
    else:
        print(beside(said[0], said[1], width), file=out)


def _stream(speaker: Speaker, text: str, out: TextIO) -> None:
    lines = Lines(out)
    try:
        speaker.answer(text, lines.write)
    except KeyboardInterrupt:  # enough of it: what was said so far is forgotten, the question too
        speaker.said.pop()
    finally:
        lines.close()
        print(file=out)
