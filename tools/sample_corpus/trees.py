"""The hand-written conversations (trees.txt) as OpenAssistant exports them: a message tree a line.

A line that begins with @ opens a tree and names its language; below it, two spaces more are an answer to what stands
above. Answers of an assistant come best first. !spam and !deleted before a text mark what reviewers took out.
"""

import datetime as dt
import uuid
from pathlib import Path
from random import Random
from typing import Any

TREES = Path(__file__).with_name("trees.txt")
BEGUN = dt.datetime(2023, 2, 1, tzinfo=dt.UTC)
LABELS = ("spam", "lang_mismatch", "pii", "not_appropriate", "hate_speech", "sexual_content", "quality", "toxicity")
REMARKS = {"!spam": "spam", "!deleted": "deleted"}

Message = dict[str, Any]


def trees(rng: Random) -> list[Message]:
    """All trees, in the fields and nesting of the public export."""
    _, *blocks = TREES.read_text(encoding="utf-8").split("@ ")
    return [_tree(block, rng) for block in blocks]


def _tree(block: str, rng: Random) -> Message:
    lang, *lines = block.rstrip("\n").split("\n")
    above: list[Message] = []
    for line in lines:
        text = line.lstrip(" ")
        above = above[: (len(line) - len(text)) // 2]
        message = _message(text, lang, above[-1] if above else None, rng)
        if above:
            above[-1]["replies"].append(message)
        above.append(message)
    root = above[0]
    return {"message_tree_id": root["message_id"], "tree_state": "ready_for_export", "prompt": root}


def _message(text: str, lang: str, parent: Message | None, rng: Random) -> Message:
    first, _, rest = text.partition(" ")
    remark = REMARKS.get(first)
    role = "assistant" if parent is not None and parent["role"] == "prompter" else "prompter"
    rank = len(parent["replies"]) if parent is not None and role == "assistant" else None
    created = BEGUN + dt.timedelta(seconds=rng.randrange(60 * 86_400), microseconds=rng.randrange(1_000_000))
    return {
        "message_id": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        "parent_id": parent["message_id"] if parent is not None else None,
        "user_id": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        "created_date": created.isoformat(),
        "text": rest if remark else text,
        "role": role,
        "lang": lang,
        "review_count": 3,
        "review_result": remark != "spam",
        "deleted": remark == "deleted",
        "rank": None if remark else rank,
        "synthetic": False,
        "model_name": None,
        "detoxify": None,
        "emojis": {"+1": rng.randrange(1, 9)} if rng.random() < 0.3 else {},
        "labels": _labels(remark, rank or 0, rng),
        "replies": [],
    }


def _labels(remark: str | None, rank: int, rng: Random) -> dict[str, dict[str, float]]:
    votes = dict.fromkeys(LABELS, 0.0)
    votes["spam"] = 1.0 if remark == "spam" else 0.0
    votes["quality"] = round(max(0.05, 0.9 - 0.3 * rank - 0.1 * rng.random()), 4)
    return {name: {"value": value, "count": 3} for name, value in votes.items()}
