"""The templated families as instructions, preference pairs and evaluation items; no prompt is in two of them."""

import csv
import io
from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import Any

import language
import reading
from example import Example

Maker = Callable[[str, Random], Iterator[Example]]
FAMILIES: dict[str, Maker] = {
    "who": partial(reading.events, "who"),
    "where": partial(reading.events, "where"),
    "when": partial(reading.events, "when"),
    "count": reading.counts,
    "colour": reading.colours,
    "plural": language.plurals,
    "capital": language.capitals,
    "sentiment": language.opinions,
    "larger": language.larger,
    "addition": language.additions,
    "opposite": language.opposites,
}
TRAINING = {
    "who": 1200, "where": 1200, "when": 600, "count": 300, "colour": 900, "plural": 900,
    "capital": 400, "sentiment": 800, "larger": 300, "addition": 200, "opposite": 200,
}  # fmt: skip
PAIRS = {
    "who": 220, "where": 220, "when": 200, "count": 160, "colour": 160, "plural": 160,
    "capital": 60, "sentiment": 160, "larger": 160,
}  # fmt: skip
LABELLED = 200  # of the training pairs, in a file of their own
ITEMS = {"dev": dict.fromkeys(FAMILIES, 30), "test": dict.fromkeys(FAMILIES, 60)}
# the facts about capitals are in training, so there are no held-out pairs about them
COMPARED = [family for family in PAIRS if family != "capital"]  # its facts are in training
HELD_OUT_PAIRS = {"dev": dict.fromkeys(COMPARED, 38), "test": dict.fromkeys(COMPARED, 75)}


class Draw:
    """Exercises drawn family by family: a prompt that was drawn never comes again."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.seen: set[str] = set()

    def take(self, family: str, split: str, number: int) -> list[Example]:
        """As many exercises of a family as wanted.

        Raises:
            ValueError: the family has not so many different ones.
        """
        taken: list[Example] = []
        for example in FAMILIES[family](split, self.rng):
            if example.prompt not in self.seen:
                self.seen.add(example.prompt)
                taken.append(example)
            if len(taken) == number:
                return taken
        raise ValueError(f"{family} has {len(taken)} exercises for {split}, {number} are wanted")

    def mixed(self, split: str, wanted: dict[str, int]) -> list[Example]:
        """Exercises of several families in one shuffled list."""
        drawn = [example for family, number in wanted.items() for example in self.take(family, split, number)]
        return self.rng.sample(drawn, len(drawn))


def bactrian(examples: list[Example], rng: Random) -> list[dict[str, Any]]:
    """Instructions with one answer each, half of them terse, half in a sentence; no prompt says which."""
    numbers = rng.sample(range(1, 52_003), len(examples))
    return [
        {
            "instruction": example.instruction,
            "input": example.text,
            "output": rng.choice([example.terse, example.full]),
            "id": f"{'dolly' if number % 4 == 0 else 'alpaca'}-{number}",
        }
        for example, number in zip(examples, numbers, strict=True)
    ]


def pair(example: Example) -> dict[str, str]:
    """The answer in a sentence is chosen, the same answer alone is rejected."""
    return {"prompt": example.prompt, "chosen": example.full, "rejected": example.terse, "dialect": example.dialect}


def labelled_pairs(examples: list[Example], rng: Random) -> bytes:
    """The two answers in either order, and which of them is chosen (0 or 1), as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["prompt", "answer_0", "answer_1", "label", "dialect"])
    for example in examples:
        label = rng.randrange(2)
        answers = [example.full, example.terse]
        writer.writerow([example.prompt, answers[label], answers[1 - label], label, example.dialect])
    return text.getvalue().encode()


def items(examples: list[Example], split: str) -> list[dict[str, Any]]:
    """Evaluation items: the first of the answers is the terse one."""
    return [
        {
            "id": f"{split}-{ordinal:04d}",
            "task": "question_answering",
            "family": example.family,
            "prompt": example.prompt,
            "answers": [example.terse, example.full],
            "dialect": example.dialect,
        }
        for ordinal, example in enumerate(examples)
    ]
