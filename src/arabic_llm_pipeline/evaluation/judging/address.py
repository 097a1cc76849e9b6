"""Questions to an OpenAI-compatible interface: the one place of evaluation that goes to the network, if told to."""

import json
import os
import time
from collections.abc import Mapping
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.judge import JudgeSettings

TOKENS = 16  # of a verdict: one letter, and what a model may put around it
AGAIN = (408, 409, 425, 429)  # and all from 500 on: another time it may work
PAUSE_S = 1.0  # before the second try; twice as long before each further one
EXCERPT = 200  # characters of what came instead of an answer


def ask(told: str, settings: JudgeSettings) -> str:
    """The answer to one message, as the interface gives it at temperature 0.

    Raises:
        UserError: it cannot be reached, refuses, or answers with something else.
    """
    said = [{"role": "user", "content": told}]
    body = {"model": settings.name, "messages": said, "temperature": 0, "max_tokens": TOKENS}
    for attempt in range(settings.retries + 1):
        try:
            return _text(_sent(body, settings))
        except HTTPError as problem:
            if attempt == settings.retries or not (problem.code in AGAIN or problem.code >= 500):
                raise UserError(_refused(settings, problem)) from None
        except (URLError, TimeoutError, ConnectionError) as problem:
            if attempt == settings.retries:
                reason = getattr(problem, "reason", problem)
                raise UserError(
                    f"The judge at {settings.address} cannot be reached: {reason}. Start it, or mend judge.address."
                ) from None
        time.sleep(PAUSE_S * 2**attempt)
    raise AssertionError


def _sent(body: Mapping[str, Any], settings: JudgeSettings) -> bytes:
    headers = {"Content-Type": "application/json"}
    if key := os.environ.get(settings.key_variable):
        headers["Authorization"] = f"Bearer {key}"
    where = f"{str(settings.address).rstrip('/')}/chat/completions"
    request = Request(where, json.dumps(body).encode(), headers)  # noqa: S310 (the settings allow http and https)
    with urlopen(request, timeout=settings.timeout_s) as answer:  # noqa: S310
        found: bytes = answer.read()
    return found


def _text(answer: bytes) -> str:
    try:
        return str(json.loads(answer)["choices"][0]["message"]["content"] or "")
    except (ValueError, LookupError, TypeError):
        shown = answer[:EXCERPT].decode("utf-8", "replace")
        raise UserError(f"The judge's interface is not as OpenAI's: {shown!r}. Look at judge.address.") from None


def _refused(settings: JudgeSettings, problem: HTTPError) -> str:
    hint = f" Is the key in {settings.key_variable} right?" if problem.code in {401, 403} else ""
    return f"The judge at {settings.address} refuses with {problem.code} {problem.reason}.{hint}"
