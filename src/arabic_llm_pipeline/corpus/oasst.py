"""OpenAssistant: message trees (or their messages, flat) to conversations, and to pairs of ranked answers."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from arabic_llm_pipeline.common.files import File
from arabic_llm_pipeline.corpus.mapping import converted
from arabic_llm_pipeline.corpus.records import EXCERPT, Record, RefusedError, Reject, message
from arabic_llm_pipeline.corpus.rows import Row, Rows, excerpt, jsonl_rows, parquet_rows
from arabic_llm_pipeline.parameters.sources import SourceSettings

ROLES = {"prompter": "user", "assistant": "assistant"}
GIVEN_UP = ("aborted_low_grade", "halted_by_moderator")  # states of trees that reviewers took out
SPAM = 0.5  # mean vote
UNRANKED = 1 << 30

Message = dict[str, Any]


def read(path: File, source: SourceSettings, max_bytes: int) -> Iterator[Record | Reject]:
    """The conversations, and where wanted the pairs, of one file."""
    rows = parquet_rows(path, max_bytes) if path.suffix == ".parquet" else jsonl_rows(path, max_bytes)
    return converted(_trees(rows), lambda row: _tree_records(row, source))


def _trees(rows: Rows) -> Rows:
    """One row a tree: as it came, or put together from flat messages, which stand together by tree in the exports."""

    def tree(row: Row | Reject) -> Any:
        flat = (
            isinstance(row, Row)
            and isinstance(row.value, dict)
            and "prompt" not in row.value
            and "replies" not in row.value
        )
        return row.value.get("message_tree_id") if flat else None  # type: ignore[union-attr]

    for name, group in groupby(rows, tree):
        if name is None:
            yield from group
        else:
            yield from _assembled([row for row in group if isinstance(row, Row)])


def _assembled(rows: list[Row]) -> Rows:
    """The messages of one tree under their parents; one that hangs on no root, or has another's name, is a reject."""
    first: dict[Any, Row] = {}
    for row in rows:
        if first.setdefault(row.value.get("message_id"), row) is not row:
            yield Reject(row.place, "duplicate_id", excerpt(str(row.value.get("text"))))
    parents = {name: row.value.get("parent_id") for name, row in first.items()}
    messages = {name: {**row.value, "replies": []} for name, row in first.items()}
    circling = _circling(parents)
    for name, parent in parents.items():
        if parent is None:
            continue
        if parent in messages and name not in circling:
            messages[parent]["replies"].append(messages[name])
        else:
            reason = "cyclic_tree" if name in circling else "orphan_message"
            yield Reject(first[name].place, reason, excerpt(str(messages[name].get("text"))))
    yield from (Row(first[name].place, messages[name]) for name, parent in parents.items() if parent is None)


def _circling(parents: dict[Any, Any]) -> set[Any]:
    """Messages whose way up never ends; each is looked at once."""
    ends: dict[Any, bool] = {}
    for start in parents:
        way: dict[Any, None] = {}
        name = start
        while name in parents and name not in ends and name not in way:
            way[name] = None
            name = parents[name]
        ends |= dict.fromkeys(way, ends.get(name, name not in way))
    return {name for name, end in ends.items() if not end}


def _tree_records(row: Row, source: SourceSettings) -> Iterator[Record | Reject]:
    if not isinstance(row.value, dict):
        raise RefusedError("wrong_type")
    if row.value.get("tree_state") in GIVEN_UP:
        raise RefusedError("low_review")
    left_out: list[Reject] = []
    root = _pruned(row.value.get("prompt", row.value), source, row.place, left_out)
    yield from left_out
    if root is None:
        return
    if root["role"] != "user":
        raise RefusedError("wrong_role")
    paths = [path for path in _paths(root, source) if len(path) > 1]
    if not paths:
        raise RefusedError("no_answer")
    for path in paths:
        said = [message(turn["role"], turn["text"]) for turn in path]
        name = root["id"] if source.branches == "best" else f"{root['id']}-{path[-1]['id']}"
        yield Record("documents", {"id": name, "kind": "conversation", "messages": said, "lang": root["lang"]})
    if source.pairs:
        yield from _pairs(root, [])


def _pruned(value: Any, source: SourceSettings, place: int, left_out: list[Reject]) -> Message | None:
    """A message with those of its replies that may stay; what may not goes with all that hangs on it."""
    kept = _checked(value)
    if reason := _unwanted(value, source):
        left_out.append(Reject(place, reason, kept["text"][:EXCERPT]))
        return None
    replies = [_pruned(reply, source, place, left_out) for reply in value.get("replies") or []]
    kept["replies"] = sorted((reply for reply in replies if reply), key=lambda reply: reply["rank"])
    return kept


def _checked(value: Any) -> Message:
    if (
        not isinstance(value, dict)
        or not isinstance(value.get("text"), str)
        or not isinstance(value.get("replies"), list | None)
    ):
        raise RefusedError("wrong_type")
    if value.get("role") not in ROLES:
        raise RefusedError("wrong_role")
    if not value["text"].strip():
        raise RefusedError("empty_text")
    rank = value.get("rank")
    return {
        "id": str(value.get("message_id")),
        "role": ROLES[value["role"]],
        "text": value["text"],
        "lang": value.get("lang"),
        "rank": rank if isinstance(rank, int) else UNRANKED,
    }


def _unwanted(value: Message, source: SourceSettings) -> str | None:
    """Why a message is left out; None if it stays."""
    labels = _labels(value.get("labels"))
    if value.get("deleted"):
        return "deleted"
    if value.get("review_result") is False or labels.get("spam", 0) >= SPAM:  # reviewers' verdict: spam
        return "spam"
    if source.reviewed and value.get("review_result") is not True:
        return "unreviewed"
    if source.languages and value.get("lang") not in source.languages:
        return "other_language"
    if source.min_quality is not None and labels.get("quality", 1) < source.min_quality:
        return "low_review"
    return None


def _labels(labels: Any) -> dict[str, float]:
    """Mean votes by name: JSON has {name: {value, count}}, parquet {name: [...], value: [...], count: [...]}."""
    if not isinstance(labels, dict):
        return {}
    if isinstance(labels.get("name"), list):
        return dict(zip(labels["name"], labels.get("value") or [], strict=False))
    return {name: vote["value"] for name, vote in labels.items() if isinstance(vote, dict) and "value" in vote}


def _paths(root: Message, source: SourceSettings) -> Iterable[list[Message]]:
    return [_best_path(root)] if source.branches == "best" else _all_paths(root, [])


def _all_paths(turn: Message, before: list[Message]) -> Iterator[list[Message]]:
    """From the prompt to each answer that no answered question follows, the best ranked first."""
    path = [*before, turn]
    if turn["role"] == "user":
        for answer in _answers(turn):
            yield from _all_paths(answer, path)
        return
    asked = [reply for reply in turn["replies"] if reply["role"] == "user" and any(_answers(reply))]
    for reply in asked:
        yield from _all_paths(reply, path)
    if not asked:
        yield path


def _best_path(root: Message) -> list[Message]:
    """From the prompt by the best ranked reply at each turn to the last answer; what nobody answers is no turn."""
    path = [root]
    while answer := next(_answers(path[-1]), None):
        path.append(answer)
        asked = next((reply for reply in answer["replies"] if reply["role"] == "user" and any(_answers(reply))), None)
        if asked is None:
            return path
        path.append(asked)
    return path


def _answers(turn: Message) -> Iterator[Message]:
    return (reply for reply in turn["replies"] if reply["role"] == "assistant")


def _pairs(turn: Message, before: list[dict[str, str]]) -> Iterator[Record]:
    """Wherever people ranked the answers: the best one against each lower one; the margin is the distance in rank."""
    said = [*before, message(turn["role"], turn["text"])]
    ranked = [reply for reply in turn["replies"] if reply["role"] == "assistant" and reply["rank"] != UNRANKED]
    if turn["role"] == "user":
        for number, worse in enumerate(ranked[1:], start=1):
            if worse["rank"] > ranked[0]["rank"]:
                row = {
                    "id": f"{turn['id']}-{number}",
                    "prompt": said,
                    "chosen": ranked[0]["text"],
                    "rejected": worse["text"],
                }
                yield Record("pairs", row | {"margin": float(worse["rank"] - ranked[0]["rank"])})
    for reply in turn["replies"]:
        yield from _pairs(reply, said)
