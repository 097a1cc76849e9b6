"""The families whose answer stands in the text that is given: who, where, when, how many, which colour."""

import re
from collections.abc import Iterator
from random import Random

from example import Example
from words import belongs, part, rows, words

YEARS = [str(year) for year in range(1890, 2021)]
NUMBERS = [str(number) for number in range(11, 100)]
QUESTIONS = {"who": 2, "where": 3, "when": 4}
ASKED = {"who": "name", "where": "place", "when": "time"}


def events(family: str, split: str, rng: Random) -> Iterator[Example]:
    """Who, where or when something happened; nobody of the dev and test parts is met in the same place in training."""
    while True:
        row = rng.choice(rows("events"))
        gender = rng.choice("mf")
        slots = {"name": person(gender, rng), "place": rng.choice(words("places")), "time": moment(rng)}
        if belongs(f"{slots['name']} {slots['place']}", split):
            statement, question = (_agreeing(row[i], gender).format(**slots) for i in (1, QUESTIONS[family]))
            yield laid_out(family, row[0], statement, question, slots[ASKED[family]], rng)


def counts(split: str, rng: Random) -> Iterator[Example]:
    """How many of something there are: another part has other numbers."""
    while True:
        dialect, statement, question = rng.choice(rows("count_phrases"))
        thing = rng.choice(words("counts"))
        slots = {
            "thing": thing if dialect == "MSA" else re.sub("\u0627?\u064b\u0627?$", "", thing),
            "box": rng.choice(words("containers")),
            "n": rng.choice(part(NUMBERS, split)),
            "name": person("m", rng),
        }
        statement, question = (cell.format(**slots) for cell in (statement, question))
        yield laid_out("count", dialect, statement, question, slots["n"], rng)


def colours(split: str, rng: Random) -> Iterator[Example]:
    """The colour of one of two things; the two do not stand together in another part."""
    while True:
        dialect, statement, question = rng.choice(rows("colour_phrases"))
        things = rng.sample(words("coloured"), 2)
        chosen = rng.sample(words("colours"), 2)
        asked = rng.randrange(2)
        statement = statement.format(a=things[0], ca=chosen[0], b=things[1], cb=chosen[1])
        if belongs(" ".join(sorted(things)), split):
            yield laid_out("colour", dialect, statement, question.format(q=things[asked]), chosen[asked], rng)


def person(gender: str, rng: Random) -> str:
    """Somebody's name, one in four with a family name."""
    name = rng.choice(_names(gender))
    return f"{name} {rng.choice(words('surnames'))}" if rng.random() < 0.25 else name


def moment(rng: Random) -> str:
    """A day of the week, a month or a year, as it is said in a sentence."""
    day, month = rng.choice(words("times")), rng.choice(words("months"))
    return rng.choice([day, f"في شهر {month}", f"عام {rng.choice(YEARS)}"])


def laid_out(family: str, dialect: str, statement: str, question: str, answer: str, rng: Random) -> Example:
    """Text and question in one of the ways in which instructions hold them."""
    _, instruction, *text = rng.choice([row for row in rows("layouts") if row[0] == dialect])
    slots = {"s": statement, "q": question}
    return Example(family, dialect, instruction.format(**slots), "".join(text).format(**slots), answer)


def _names(gender: str) -> list[str]:
    return [name for row in rows("names") if row[0] == gender for name in row[1].split()]


def _agreeing(phrase: str, gender: str) -> str:
    return re.sub(r"\[([^|]*)\|([^]]*)\]", r"\1" if gender == "m" else r"\2", phrase)
