"""A chat template as text, and where in that text the assistant speaks."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from jinja2 import TemplateError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from arabic_llm_pipeline.common.errors import UserError

Message = Mapping[str, str]
Span = tuple[int, int]  # characters, end excluded
OPEN, CLOSE = "\ufdd0", "\ufdd1"  # around what the assistant says; noncharacters, which no text may hold


class _Generation(Extension):
    """Writes marks around `{% generation %}` blocks.

    transformers keeps the places in the environment instead, which is slower and takes one thread at a time.
    """

    tags = {"generation"}  # noqa: RUF012  jinja2 declares it so

    def parse(self, parser: Parser) -> list[nodes.Node]:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        mark = [nodes.Output([nodes.TemplateData(text)]).set_lineno(line) for text in (OPEN, CLOSE)]
        return [mark[0], nodes.Scope(body).set_lineno(line), mark[1]]


class ChatTemplate:
    """A tokenizer's template, compiled once."""

    def __init__(self, source: str, tokens: Mapping[str, Any]):
        """Compile a template.

        Args:
            source: in jinja, with `{% generation %}` around what the assistant says.
            tokens: special tokens by the names that templates use: {"eos_token": "<|endoftext|>"}.
        """
        self._template, self._tokens = _environment().from_string(source), dict(tokens)

    def render(self, messages: Sequence[Message], add_generation_prompt: bool = False) -> tuple[str, list[Span]]:
        """The conversation as text, and the spans that the assistant says, its end of turn in them.

        Args:
            messages: with `role` and `content`.
            add_generation_prompt: end with what begins the assistant's turn.

        Raises:
            UserError: the template refuses the conversation.
        """
        try:
            text = self._template.render(messages=messages, add_generation_prompt=add_generation_prompt, **self._tokens)
        except TemplateError as error:
            roles = ", ".join(message["role"] for message in messages)
            raise UserError(
                f"The chat template refuses a conversation of {roles}: {error}. "
                "Set tokenizer.template=chatml, or leave such conversations out."
            ) from error
        return _without_marks(text)


def _without_marks(text: str) -> tuple[str, list[Span]]:
    """Take the marks out; span i lies 2 i + 1 marks to the left of where it was."""
    spans: list[Span] = []
    at = text.find(OPEN)
    while at >= 0:
        end, gone = text.index(CLOSE, at), 2 * len(spans)
        spans.append((at - gone, end - 1 - gone))
        at = text.find(OPEN, end)
    return (text.replace(OPEN, "").replace(CLOSE, ""), spans) if spans else (text, spans)


@lru_cache(1)
def _environment() -> ImmutableSandboxedEnvironment:
    """What transformers gives templates, but for the time of day: that would be another corpus every day."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise
    return environment


def _to_json(value: Any, ensure_ascii: bool = False, indent: int | None = None, **options: Any) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, **options)


def _raise(message: str) -> None:
    raise TemplateError(message)
