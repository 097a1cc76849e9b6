"""The families that ask for a word, a fact, an opinion or a number that the text does not hold."""

from collections.abc import Iterator
from random import Random

from example import Example, phrased
from words import belongs, part, rows, stable_order, words, words_of

TWO_DIGITS = range(10, 100)
SUMMANDS = range(2, 60)


def plurals(split: str, rng: Random) -> Iterator[Example]:
    """The sound plural of a word; the words of another part are other words."""
    pairs = [(word, phrase) for word in words_of("plurals", split) for phrase in rows("plural_phrases")]
    for word, phrase in rng.sample(pairs, len(pairs)):
        plural = word[:-1] + "ات" if word.endswith("ة") else word + "ون"
        yield phrased("plural", phrase, plural, w=word)


def opposites(split: str, rng: Random) -> Iterator[Example]:
    """The opposite of a word; the pairs of another part are other pairs."""
    pairs = [pair for a, b in part(rows("opposites"), split) for pair in ((a, b), (b, a))]
    cases = [(pair, phrase) for pair in pairs for phrase in rows("opposite_phrases")]
    for (word, opposite), phrase in rng.sample(cases, len(cases)):
        yield phrased("opposite", phrase, opposite, w=word)


def capitals(split: str, rng: Random) -> Iterator[Example]:
    """The capital of a country: all are trained on, but each in other words than those of the dev and test parts."""
    cases = [
        (country, capital, phrase)
        for country, capital in rows("capitals")
        for phrase in _phrasings(country, rows("capital_phrases"), split)
    ]
    for country, capital, phrase in rng.sample(cases, len(cases)):
        yield phrased("capital", phrase, capital, w=country)


def opinions(split: str, rng: Random) -> Iterator[Example]:
    """Whether an opinion is positive; its two adjectives do not stand together in another part."""
    while True:
        polarity = rng.choice("+-")
        first, second = rng.sample([row for row in rows("opinions") if row[2] == polarity], 2)
        if not belongs(" ".join(sorted((first[0], second[0]))), split):
            continue
        dialect, said = rng.choice(rows("opinion_phrases"))
        (thing, a), (other, b) = rng.sample([tuple(cell.split()) for cell in words("reviewed")], 2)
        text = said.format(n=thing, a=first[a == "f"], m=other, b=second[b == "f"])
        question = rng.choice([row[1] for row in rows("opinion_questions") if row[0] == dialect])
        answer = "إيجابي" if polarity == "+" else "سلبي"
        yield Example("sentiment", dialect, *rng.choice([(f"{text} {question}", ""), (question, text)]), answer)


def larger(split: str, rng: Random) -> Iterator[Example]:
    """The larger of two numbers; the pairs of another part are other pairs."""
    for a, b in _number_pairs(TWO_DIGITS, split, rng):
        yield phrased("larger", _number_phrase("larger", rng), str(max(a, b)), a=str(a), b=str(b))


def additions(split: str, rng: Random) -> Iterator[Example]:
    """The sum of two numbers; the pairs of another part are other pairs."""
    for a, b in _number_pairs(SUMMANDS, split, rng):
        yield phrased("addition", _number_phrase("addition", rng), str(a + b), a=str(a), b=str(b))


def _phrasings(key: str, phrases: list[list[str]], split: str) -> list[list[str]]:
    ordered = [phrase for _, phrase in stable_order([(key, phrase) for phrase in phrases])]
    return {"test": ordered[:2], "dev": ordered[2:3], "train": ordered[3:]}[split]


def _number_pairs(numbers: range, split: str, rng: Random) -> Iterator[tuple[int, int]]:
    pairs = part([(a, b) for a in numbers for b in numbers if a < b], split)
    for pair in rng.sample(pairs, len(pairs)):
        a, b = rng.sample(pair, 2)
        yield a, b


def _number_phrase(family: str, rng: Random) -> list[str]:
    return rng.choice([row[1:] for row in rows("number_phrases") if row[0] == family])
