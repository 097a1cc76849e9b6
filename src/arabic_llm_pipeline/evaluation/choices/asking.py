"""How a question with choices is put to a model: what it reads, and what could follow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from arabic_llm_pipeline.corpus.labels import ABJAD
from arabic_llm_pipeline.corpus.records import message
from arabic_llm_pipeline.evaluation import formats
from arabic_llm_pipeline.tokens.chat import Renderer

Ids = NDArray[Any]
Row = Mapping[str, Any]  # an item
Turns = list[dict[str, str]]
CLASSIFICATION, LABELS = "classification", "labels"  # the kind of items, and the way in which they are asked
LISTED = ("letters", "listed_answers")
LETTERS = {"arabic": ABJAD, "latin": "ABCDEFGHIJ"}
QUESTION_ANSWER = "question_answer"
BETWEEN = "\n\n"  # examples and question


class Asked(NamedTuple):
    """What a model reads, and for each choice what follows if it is chosen."""

    context: Ids
    choices: list[Ids]


@dataclass(frozen=True)
class Asking:
    """One way to ask.

    Attributes:
        format: question_answer, bare, or chat.
        way: letters, answers, listed_answers; of classification: labels.
        letters: arabic or latin.
        renderer: of the model's tokenizer.
    """

    format: str
    way: str
    letters: str
    renderer: Renderer

    def asked(self, rows: Sequence[Row], examples: Sequence[Sequence[Row]]) -> list[Asked]:
        """Items, each after its examples."""
        if self.format == formats.CHAT:
            return [self._in_chat(row, shown) for row, shown in zip(rows, examples, strict=True)]
        return self._in_text(rows, examples)

    def body(self, row: Row) -> str:
        """What is asked, with its passage, and its choices where they are listed."""
        if self.way == LABELS or row["question"] is None:
            text = formats.question(_spoken(row))
        else:
            text = f"{row['passage']}{BETWEEN}{row['question']}" if row["passage"] else str(row["question"])
        if self.way not in LISTED or (row["question"] is None and all(one in text for one in row["choices"])):
            return text
        return "\n".join([text, *map("{}. {}".format, LETTERS[self.letters], row["choices"])])

    def continuations(self, row: Row) -> list[str]:
        """What stands for each choice."""
        count = len(row["choices"])
        return list(LETTERS[self.letters][:count]) if self.way == "letters" else list(row["choices"])

    def unconditional(self, rows: Sequence[Row]) -> list[Asked]:
        """The choices after a prompt that asks nothing (the domain premise of Holtzman et al. 2021, section 3)."""
        empty = [dict(row) | {"passage": None, "question": "", "prompt": [message("user", "")]} for row in rows]
        return self.asked(empty, [()] * len(rows))

    def _in_chat(self, row: Row, examples: Sequence[Row]) -> Asked:
        turns = [turn for turn in row["prompt"] if turn["role"] == "system"]
        for shown in examples:
            turns += [
                message("user", self.body(shown)),
                message("assistant", self.continuations(shown)[shown["label"]]),
            ]
        turns.append(message("user", self.body(row)))
        choices = self.continuations(row)
        [context], answers = self.renderer.prompts([turns]), self.renderer.answers([turns] * len(choices), choices)
        return Asked(context, [answer[:-1] for answer in answers])  # the end of the turn is no part of a choice

    def _in_text(self, rows: Sequence[Row], examples: Sequence[Sequence[Row]]) -> list[Asked]:
        """Context and continuation are encoded as one text and parted after the context's tokens, as lm-eval does."""
        contexts = [self._text(row, shown) for row, shown in zip(rows, examples, strict=True)]
        ends = [len(context.rstrip()) for context in contexts]
        wholes = [
            [f"{context}{self._gap}{choice}" for choice in self.continuations(row)]
            for context, row in zip(contexts, rows, strict=True)
        ]
        begun = self._encoded([context[:end] for context, end in zip(contexts, ends, strict=True)])
        ended = iter(self._encoded([whole for of_one in wholes for whole in of_one]))
        return [
            Asked(_something(context), [_after(next(ended)[:-1], len(context) - 1) for _ in of_one])
            for context, of_one in zip(begun, wholes, strict=True)
        ]

    @property
    def _gap(self) -> str:
        return " " if self.format == QUESTION_ANSWER else ""

    def _text(self, row: Row, examples: Sequence[Row]) -> str:
        shown = [f"{self._headed(one)}{self._gap}{self.continuations(one)[one['label']]}" for one in examples]
        systems = [turn["content"] for turn in row["prompt"] if turn["role"] == "system"]
        return BETWEEN.join([*systems, *shown, self._headed(row)])

    def _headed(self, row: Row) -> str:
        body = self.body(row)
        if self.format == formats.BARE:
            return f"{body}\n"
        asked = f"{formats.QUESTION}: {body}\n" if body else ""
        return f"{asked}{formats.ANSWER}:"

    def _encoded(self, texts: Sequence[str]) -> list[Ids]:
        return [ids for ids, _ in self.renderer.prose(texts)]


def _something(context: Ids) -> Ids:
    """A context without the end of text; that token alone, where it is empty: something has to come first."""
    return context[:-1] if len(context) > 1 else context


def _after(whole: Ids, length: int) -> Ids:
    """The tokens of a whole after those of its beginning: one at least, where the two have grown together."""
    return whole[min(length, len(whole) - 1) :]


def _spoken(row: Row) -> Turns:
    return [turn for turn in row["prompt"] if turn["role"] != "system"]


def content_free(row: Row, text: str) -> Row | None:
    """The item with that text in place of its own; None where its prompt does not hold its text."""
    own = row["question"]
    if not own or not any(own in turn["content"] for turn in _spoken(row)):
        return None
    prompt = [{**turn, "content": turn["content"].replace(own, text)} for turn in row["prompt"]]
    return dict(row) | {"question": text, "prompt": prompt}


def chosen_examples(pool: Sequence[Row], rows: Sequence[Row], shots: int, seed: int) -> list[list[Row]]:
    """So many examples for each item: of its task, those of its family first, never itself; of labels in turn.

    Args:
        pool: items whose answer may be shown.
        rows: the items that are asked.
        shots: how many each is shown; fewer where its task has no more.
        seed: of the order of the pool.
    """
    order = np.random.default_rng(seed).permutation(len(pool))
    by_task: dict[str, list[Row]] = {}
    for place in order:
        by_task.setdefault(pool[place]["task"], []).append(pool[place])
    by_task = {task: _in_turn(found) for task, found in by_task.items()}
    return [_examples(by_task.get(row["task"], []), row, shots) for row in rows]


def _examples(pool: Sequence[Row], row: Row, shots: int) -> list[Row]:
    others = [one for one in pool if one["id"] != row["id"] and one["prompt"] != row["prompt"]]
    return sorted(others, key=lambda one: one["family"] != row["family"])[:shots]


def _in_turn(rows: Sequence[Row]) -> list[Row]:
    """Of classification one of each label, then the second of each, and so on: all are seen in few examples."""
    seen: dict[int, int] = {}
    ranks = []
    for row in rows:
        label = row["label"] if row["kind"] == CLASSIFICATION else 0
        seen[label] = seen.get(label, 0) + 1
        ranks.append(seen[label])
    return [
        rows[place] for place in sorted(range(len(rows)), key=lambda place: _rank(rows[place], ranks[place], place))
    ]


def _rank(row: Row, rank: int, place: int) -> tuple[int, int]:
    return (rank, row["label"]) if row["kind"] == CLASSIFICATION else (0, place)
