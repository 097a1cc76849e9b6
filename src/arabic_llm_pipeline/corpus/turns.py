"""Turns of a conversation as data sets have them: {role, content} or {from, value}, as a list or as its text.

Or as one text with the speakers before what they say, as in Anthropic's preference data (HH-RLHF, Bai et al. 2022).
"""

import ast
import json
import re
from typing import Any

from arabic_llm_pipeline.corpus.records import RefusedError, message

ROLES = {
    **dict.fromkeys(("user", "human", "prompter", "\u0645\u0633\u062a\u062e\u062f\u0645"), "user"),
    **dict.fromkeys(("assistant", "gpt", "model", "bot", "\u0645\u0633\u0627\u0639\u062f"), "assistant"),
    **dict.fromkeys(("system", "\u0646\u0638\u0627\u0645"), "system"),
}  # the Arabic ones are what translated data sets made of user, assistant and system
NAMES = (("role", "content"), ("from", "value"))
SPOKEN = re.compile(r"\n\n(Human|Assistant):")
LONGEST_TEXT = 200_000  # of a list that is written as a text: Python's own parser takes memory for each level


def listed(value: Any) -> list[Any] | None:
    """The list of turns that a cell holds, or that its text is (JSON, as Python prints it, spoken); None: none."""
    if isinstance(value, list):
        first = value[0] if value and isinstance(value[0], dict) else {}
        return value if any(role in first for role, _ in NAMES) else None
    if isinstance(value, str) and SPOKEN.match(value):
        _, *parts = SPOKEN.split(value)
        return [message(role.lower(), said.strip()) for role, said in zip(parts[::2], parts[1::2], strict=True)]
    if not isinstance(value, str) or not value.lstrip().startswith("[{") or len(value) > LONGEST_TEXT:
        return None
    for parse in (json.loads, ast.literal_eval):
        try:
            found = parse(value.strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        return listed(found) if isinstance(found, list) else None
    return None


def read(said: list[Any]) -> list[dict[str, str]]:
    """Messages of turns.

    Raises:
        RefusedError: a turn is no turn, its speaker is unknown, or it says nothing.
    """
    return [_turn(one) for one in said]


def _turn(value: Any) -> dict[str, str]:
    names = next((both for both in NAMES if isinstance(value, dict) and both[0] in value), None)
    if names is None:
        raise RefusedError("wrong_type")
    role, content = (value.get(name) for name in names)
    if not isinstance(content, str):
        raise RefusedError("wrong_type")
    if role not in ROLES:
        raise RefusedError("wrong_role")
    if not content.strip():
        raise RefusedError("empty_text")
    return message(ROLES[role], content)


def answered(turns: list[dict[str, str]]) -> list[dict[str, str]]:
    """Up to the last answer.

    Raises:
        RefusedError: there is none, or the two do not speak in turn after at most one system message.
    """
    last = max((n for n, turn in enumerate(turns) if turn["role"] == "assistant"), default=-1)
    if last < 0:
        raise RefusedError("no_answer")
    kept = turns[: last + 1]
    spoken = kept[1:] if kept[0]["role"] == "system" else kept
    if any(turn["role"] != ("user", "assistant")[n % 2] for n, turn in enumerate(spoken)):
        raise RefusedError("wrong_role")
    return kept
